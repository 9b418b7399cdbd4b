//! Values with a name before them: members of JSON, also of JSON within a string of JSON, and in other
//! text `name=value`, `name: value`.
//!
//! Nothing is parsed: each colon is looked at with what stands before it. So a run may begin and end
//! anywhere, a text that is not quite JSON is read all the same, and most of the bytes are passed over
//! by a vector search.

use super::hit::{Hit, Until, Written, byte, closing};
use super::{bits, names};
use crate::credentials::names::is_scheme;
use crate::rules::Rules;

const BARE_ENDS: &[u8] = b"&;,\"'<>()[]{}\\ \t\r\n";
/// White space between a name and what follows it; more is not looked through.
const MOST_SPACE: usize = 64;

/// A name, and how it is quoted.
struct Name<'a> {
    text: &'a [u8],
    /// Where its quotes begin.
    start: usize,
    /// The backslashes before its quotes; none where it has no quotes.
    level: Option<usize>,
}

/// Finds values of secret names in `run`. `loose` text has names without quotes, and values too.
pub(super) fn find(run: &[u8], rules: &Rules, loose: bool, hits: &mut Vec<Hit>) {
    let any_name = rules.has_fields() || rules.is_strict();
    let mut resume = 0;
    // In a list the same name comes over and over.
    let mut last = None;
    bits::each_block(run, |start, block| {
        let signs = bits::bits(block, |lanes| {
            let colons = bits::are(lanes, b':');
            if loose { colons | bits::are(lanes, b'=') } else { colons }
        });
        bits::each_bit(signs, |bit| {
            let at = start + bit;
            // Nearly all names end otherwise, and are not looked at.
            if at < resume || !(any_name || may_be_named_before(run, at)) {
                return;
            }
            let name = last.and_then(|last| again(run, at, last)).or_else(|| {
                name_of(run, at, any_name).filter(|name| names::is_secret(name.text, rules))
            });
            if let Some(name) = name {
                last = Some(name.text);
                resume = value(run, at + 1, &name, loose, hits);
            }
        });
    });
}

/// False where a name stands close before `at` that ends as no secret's does.
#[inline]
fn may_be_named_before(run: &[u8], at: usize) -> bool {
    // Nothing stands before zero: what begins behind its end is none.
    let before = run.get(at.wrapping_sub(4)..at).and_then(|before| before.first_chunk::<4>());
    let Some(before) = before else { return true };
    let word = u32::from_le_bytes(*before);
    let [.., last] = *before;
    let is_quoted = last == b'"' || last == b'\'';
    let [first, second, third, _] = if is_quoted { word } else { word >> 8 }.to_le_bytes();
    names::may_end_with([first, second, third]) || !third.is_ascii_alphanumeric()
}

/// The name before the sign at `at`, if it is `known` between plain quotes.
#[inline]
fn again<'a>(run: &'a [u8], at: usize, known: &[u8]) -> Option<Name<'a>> {
    let start = at.checked_sub(known.len() + 2)?;
    let text = run.get(start..at)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (text == known).then_some(Name { text, start, level: Some(0) })
}

/// The name before the sign at `at`, if it may be a secret's.
#[inline(never)]
fn name_of(run: &[u8], at: usize, any_name: bool) -> Option<Name<'_>> {
    let end = name_end(run, at);
    if !any_name && !names::may_end_at(run, end.at) {
        return None;
    }
    name_before(run, end)
}

/// Where a name ends, and with which quote behind how many backslashes.
#[derive(Clone, Copy)]
struct NameEnd {
    at: usize,
    quote: Option<(u8, usize)>,
}

#[inline]
fn name_end(run: &[u8], at: usize) -> NameEnd {
    let mut end = at;
    while end > 0 && at - end < MOST_SPACE && byte(run, end - 1).is_ascii_whitespace() {
        end -= 1;
    }
    let last = if end > 0 { byte(run, end - 1) } else { 0 };
    if last != b'"' && last != b'\'' {
        return NameEnd { at: end, quote: None };
    }
    let mut name_end = end - 1;
    while name_end > 0 && byte(run, name_end - 1) == b'\\' {
        name_end -= 1;
    }
    NameEnd { at: name_end, quote: Some((last, end - 1 - name_end)) }
}

fn name_before(run: &[u8], end: NameEnd) -> Option<Name<'_>> {
    let from = end.at.saturating_sub(names::LONGEST + 1);
    let window = run.get(from..end.at)?;
    if let Some((quote, level)) = end.quote {
        let start = from + memchr::memrchr(quote, window)? + 1;
        let text = run.get(start..end.at)?;
        return Some(Name { text, start: start.saturating_sub(1 + level), level: Some(level) });
    }
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
    let length = window.iter().rev().take_while(|b| is_name(b)).count();
    let start = end.at - length;
    Some(Name { text: run.get(start..end.at)?, start, level: None })
}

/// Adds what follows the colon before `at`; gives where to go on.
fn value(run: &[u8], at: usize, name: &Name<'_>, loose: bool, hits: &mut Vec<Hit>) -> usize {
    let (start, slashes) = if byte(run, at) == b'"' { (at, 0) } else { value_start(run, at) };
    let from = name.start;
    let first = byte(run, start + slashes);
    if first == b'"' || first == b'\'' && loose {
        let text = start + slashes + 1;
        let end = closing(run, text, first, slashes);
        if end != Some(text) {
            let until = Until::Quote(first, slashes);
            hits.push(Hit::ending(from, text, end, run.len(), until));
        }
        return end.unwrap_or(run.len());
    }
    if start >= run.len() {
        // What follows may be anything: it is looked at when more has come.
        hits.push(Hit::to_be_continued(from, start, run.len()));
        return start;
    }
    match (first, name.level) {
        (b'-' | b'0'..=b'9', Some(level)) if slashes == 0 => number(run, from, start, level, hits),
        (b'{' | b'[', Some(level)) if slashes == 0 => container(run, from, start, level, hits),
        _ if loose && slashes == 0 => bare(run, from, start, hits),
        _ => start,
    }
}

/// Where a value begins behind white space, and the backslashes before its quotes.
fn value_start(run: &[u8], at: usize) -> (usize, usize) {
    let space = run.get(at..).unwrap_or_default().iter().take(MOST_SPACE);
    let start = at + space.take_while(|b| b.is_ascii_whitespace()).count();
    let slashes = run.get(start..).unwrap_or_default().iter().take_while(|&&b| b == b'\\').count();
    (start, slashes)
}

fn number(run: &[u8], from: usize, start: usize, level: usize, hits: &mut Vec<Hit>) -> usize {
    let digits = run.get(start..).unwrap_or_default();
    let is_digit = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
    let end = digits.iter().position(|b| !is_digit(b)).map(|length| start + length);
    let until = Until::Any(b",]} \t\r\n\\\"");
    hits.push(Hit::ending(from, start, end, run.len(), until).written(Written::Quoted(level)));
    end.unwrap_or(run.len())
}

/// Every scalar in the object or array that begins at `open`.
fn container(run: &[u8], from: usize, open: usize, level: usize, hits: &mut Vec<Hit>) -> usize {
    let before = hits.len();
    let mut depth = 0_usize;
    let mut at = open;
    while at < run.len() {
        match byte(run, at) {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'"' => {
                let start = at + 1;
                let Some(end) = closing(run, start, b'"', level) else {
                    hits.push(Hit::whole(from, start..run.len()));
                    break;
                };
                let after = end + level + 1;
                let rest = run.get(after..).unwrap_or_default();
                if rest.trim_ascii_start().first() != Some(&b':') && end > start {
                    hits.push(Hit::whole(from, start..end));
                }
                at = after;
                continue;
            }
            b'-' | b'0'..=b'9' => {
                at = number(run, from, at, level, hits);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    // It does not end here: whatever of it was found is found again when it does.
    for hit in hits.iter_mut().skip(before) {
        hit.until = None;
    }
    hits.push(Hit::to_be_continued(from, open, run.len()));
    run.len()
}

/// A value without quotes: a word, or behind the name of a scheme two.
fn bare(run: &[u8], from: usize, start: usize, hits: &mut Vec<Hit>) -> usize {
    let word = |start: usize| {
        let rest = run.get(start..).unwrap_or_default();
        rest.iter().position(|b| BARE_ENDS.contains(b)).map(|length| start + length)
    };
    let mut begin = start;
    let mut end = word(start);
    if let Some(first) = end
        && byte(run, first) == b' '
        && is_scheme(run.get(start..first).unwrap_or_default())
    {
        begin = first + 1;
        end = word(begin);
    }
    if end != Some(begin) {
        hits.push(Hit::ending(from, begin, end, run.len(), Until::Any(BARE_ENDS)));
    }
    end.unwrap_or(run.len())
}
