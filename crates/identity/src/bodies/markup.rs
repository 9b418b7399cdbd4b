//! XML: elements and attributes with the names of secrets (SOAP, SAML, XML-RPC's like).

use super::hit::{Hit, Until, byte};
use super::names;
use crate::rules::Rules;

/// A longer tag is looked at only so far.
const LONGEST: usize = 4 << 10;

/// Finds them in `run`.
pub(super) fn find(run: &[u8], rules: &Rules, hits: &mut Vec<Hit>) {
    for at in memchr::memchr_iter(b'<', run) {
        let tag = run.get(at + 1..run.len().min(at + LONGEST)).unwrap_or_default();
        let tag = tag.get(..memchr::memchr(b'>', tag).unwrap_or(tag.len())).unwrap_or_default();
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
        let length = tag.iter().position(|b| !is_name(b)).unwrap_or(tag.len());
        let name = tag.get(..length).unwrap_or_default();
        let local = name.rsplit(|&b| b == b':').next().unwrap_or(name);
        attributes(run, at, at + 1 + length..at + 1 + tag.len(), rules, hits);
        let start = at + tag.len() + 2;
        if name.is_empty()
            || tag.ends_with(b"/")
            || byte(run, start - 1) != b'>'
            || !names::is_secret(local, rules)
        {
            continue;
        }
        let content = run.get(start..).unwrap_or_default();
        let (end, until) = match content.strip_prefix(b"<![CDATA[") {
            Some(data) => {
                let length = memchr::memmem::find(data, b"]]>");
                (length.map(|length| start + 9 + length), Until::Bytes(b"]]>".to_vec()))
            }
            None => (memchr::memchr(b'<', content).map(|n| start + n), Until::Any(b"<")),
        };
        let start = if content.starts_with(b"<![CDATA[") { start + 9 } else { start };
        let text = run.get(start..end.unwrap_or(run.len())).unwrap_or_default();
        if end.is_none() || !text.trim_ascii().is_empty() {
            hits.push(Hit::ending(at, start, end, run.len(), until));
        }
    }
}

/// `name="value"` within a tag.
fn attributes(
    run: &[u8],
    from: usize,
    tag: std::ops::Range<usize>,
    rules: &Rules,
    hits: &mut Vec<Hit>,
) {
    let text = run.get(tag.clone()).unwrap_or_default();
    for equals in memchr::memchr_iter(b'=', text) {
        let quote = byte(text, equals + 1);
        if quote != b'"' && quote != b'\'' {
            continue;
        }
        let before = text.get(..equals).unwrap_or_default();
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        let length = before.iter().rev().take_while(|b| is_name(b)).count();
        let name = before.get(equals - length..).unwrap_or_default();
        if names::is_secret(name, rules) {
            let start = tag.start + equals + 2;
            let rest = run.get(start..).unwrap_or_default();
            let end = memchr::memchr(quote, rest).map(|length| start + length);
            if end != Some(start) {
                hits.push(Hit::ending(from, start, end, run.len(), Until::Quote(quote, 0)));
            }
        }
    }
}
