//! `multipart/form-data` and its like: which part each byte belongs to, and what may be in it.
//!
//! A field with the name of a secret is one as a whole; other fields and text files are searched for
//! what stands in them; of files that are no text nothing is.

use super::hit::{Hit, Until, byte};
use super::kind::{self, Kind};
use super::names;
use crate::credentials::names::{Field, parameter};
use crate::rules::Rules;

/// Longer heads of parts are no heads.
const LONGEST_HEAD: usize = 8 << 10;

/// Where in the parts a body is.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// `--` and the boundary.
    delimiter: Vec<u8>,
    /// What the bytes are at which the next run begins.
    pub(super) inside: Inside,
}

/// What bytes of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Before the first delimiter, or at one.
    Between,
    /// The value of a part.
    Value(Kind),
}

/// A stretch of the run.
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) inside: Inside,
}

impl Parts {
    /// Of a body whose media type names `boundary`.
    pub(super) fn new(boundary: &[u8]) -> Self {
        Self { delimiter: [b"--", boundary].concat(), inside: Inside::Between }
    }

    /// Takes `run` apart, and finds the fields that are secrets as a whole.
    pub(super) fn split(&self, run: &[u8], rules: &Rules, hits: &mut Vec<Hit>) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let mut inside = self.inside;
        let mut at = 0;
        loop {
            let rest = run.get(at..).unwrap_or_default();
            let next = memchr::memmem::find(rest, &self.delimiter).map(|length| at + length);
            // The line break before a delimiter is of it (RFC 2046 section 5.1.1).
            let end = next.map_or(run.len(), |next| line_start(run, at, next));
            stretches.push(Stretch { start: at, end, inside });
            let Some(delimiter) = next else { return stretches };
            let head = run.get(delimiter..run.len().min(delimiter + LONGEST_HEAD));
            let head = head.unwrap_or_default();
            let Some(length) = memchr::memmem::find(head, b"\r\n\r\n") else {
                stretches.push(Stretch {
                    start: delimiter,
                    end: run.len(),
                    inside: Inside::Between,
                });
                return stretches;
            };
            let value = delimiter + length + 4;
            stretches.push(Stretch { start: delimiter, end: value, inside: Inside::Between });
            let head = head.get(..length).unwrap_or_default();
            let (kind, is_secret) = of(head, rules);
            inside = Inside::Value(kind);
            if is_secret {
                let rest = run.get(value..).unwrap_or_default();
                let next = memchr::memmem::find(rest, &self.delimiter).map(|length| value + length);
                let end = next.map(|next| line_start(run, value, next));
                if end != Some(value) {
                    let until = Until::Bytes([b"\r\n", self.delimiter.as_slice()].concat());
                    hits.push(Hit::ending(delimiter, value, end, run.len(), until));
                }
            }
            at = value;
        }
    }
}

fn line_start(run: &[u8], from: usize, at: usize) -> usize {
    let is = |back: usize, sign: u8| at >= from + back && byte(run, at - back) == sign;
    if is(1, b'\n') && is(2, b'\r') {
        at - 2
    } else if is(1, b'\n') {
        at - 1
    } else {
        at
    }
}

/// What the value of a part with this head is, and whether its name says that it is a secret.
fn of(head: &[u8], rules: &Rules) -> (Kind, bool) {
    let (mut name, mut media_type): (&[u8], Option<&[u8]>) = (b"", None);
    let mut is_file = false;
    for line in head.split(|&b| b == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (field, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if field.trim_ascii().eq_ignore_ascii_case(b"content-disposition") {
            name = kind::parameter(value, b"name").unwrap_or_default();
            is_file = kind::parameter(value, b"filename").is_some();
        } else if field.trim_ascii().eq_ignore_ascii_case(b"content-type") {
            media_type = Some(value);
        }
    }
    let is_secret = !name.is_empty()
        && (names::is_secret(name, rules) || !is_file && parameter(name) != Field::Plain);
    let kind = match media_type {
        None if !is_file => Kind::Sniffed,
        media_type => Kind::of(media_type.unwrap_or_default()),
    };
    (kind, is_secret)
}
