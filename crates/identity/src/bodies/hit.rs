//! A secret that was found in a run of a body, and what ends one that goes on beyond it.

use std::ops::Range;

use super::bits;

/// A secret in a run.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// Where one has to begin to look in order to find it: its name comes before it.
    pub(super) from: usize,
    /// What is taken out.
    pub(super) range: Range<usize>,
    /// None where it is whole in the run; else what ends it later.
    pub(super) until: Option<Until>,
    /// How its token is written.
    pub(super) written: Written,
}

/// How a token is written so that what it stands in stays well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// As it is.
    Plain,
    /// As it is; the secret is percent-encoded.
    Form,
    /// In quotes behind so many backslashes: it takes the place of a number.
    Quoted(usize),
    /// As long as what it stands for: lengths are written before it.
    SameLength,
    /// Not at all, where the body ends with the run: what is secret in it is a hit of its own.
    Later,
}

/// What ends a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// This quote behind so many backslashes.
    Quote(u8, usize),
    /// The first of these bytes.
    Any(&'static [u8]),
    /// A byte that is none of a token.
    NoToken,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing: all that comes is of it.
    End,
}

impl Hit {
    /// A secret that is whole.
    pub(super) fn whole(from: usize, range: Range<usize>) -> Self {
        Self { from, range, until: None, written: Written::Plain }
    }

    /// What ends at `end`, or goes on beyond the run, which is `length` long.
    pub(super) fn ending(
        from: usize,
        start: usize,
        end: Option<usize>,
        length: usize,
        until: Until,
    ) -> Self {
        let range = start..end.unwrap_or(length);
        let until = if end.is_none() { Some(until) } else { None };
        Self { from, range, until, written: Written::Plain }
    }

    /// What may be a secret, or have one in it, once more has come.
    pub(super) fn to_be_continued(from: usize, start: usize, length: usize) -> Self {
        Self::ending(from, start, None, length, Until::End).written(Written::Later)
    }

    pub(super) fn written(self, written: Written) -> Self {
        Self { written, ..self }
    }
}

impl Until {
    /// Where in `run` it ends.
    pub(super) fn find(&self, run: &[u8]) -> Option<usize> {
        match self {
            Until::Quote(quote, level) => closing(run, 0, *quote, *level),
            Until::Any(bytes) => run.iter().position(|byte| bytes.contains(byte)),
            Until::NoToken => run.iter().position(|&byte| !is_token(byte)),
            Until::Bytes(bytes) => memchr::memmem::find(run, bytes),
            Until::End => None,
        }
    }
}

/// The bytes of base64url and what tokens are joined with.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

/// The byte at `at`; zero beyond the end.
pub(super) fn byte(run: &[u8], at: usize) -> u8 {
    run.get(at).copied().unwrap_or(0)
}

/// Where the text from `start` on ends that began with `quote` behind `level` backslashes. JSON in a
/// JSON string has its quotes escaped, level 1; that in another is of level 3.
pub(super) fn closing(run: &[u8], start: usize, quote: u8, level: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let quoted = at + bits::position(run.get(at..)?, quote)?;
        let before = run.get(start..quoted).unwrap_or_default();
        let slashes = before.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if slashes >= level && (slashes - level).is_multiple_of(2 * (level + 1)) {
            return Some(quoted - level);
        }
        at = quoted + 1;
    }
}
