//! Secrets in a URL or request target: userinfo, and parameters of the query and the fragment.

use std::borrow::Cow;
use std::ops::Range;

use super::names::{self, Field};
use crate::bodies::is_secret_name;
use crate::rules::Rules;

/// Finds the secrets in `url`, in order: whether each is a key that names its client, and where.
pub(crate) fn find(url: &[u8], rules: &Rules, found: &mut dyn FnMut(bool, Range<usize>)) {
    if let Some(start) = authority_start(url) {
        let rest = url.get(start..).unwrap_or_default();
        let end = rest.iter().position(|b| b"/?#\\".contains(b)).unwrap_or(rest.len());
        userinfo(rest.get(..end).unwrap_or_default(), start, found);
    }
    if let Some(query) = memchr::memchr2(b'?', b'#', url) {
        parameters(url, query + 1, rules, found);
    }
}

/// Finds the userinfo of `authority`, which begins at `start`.
pub(super) fn userinfo(authority: &[u8], start: usize, found: &mut dyn FnMut(bool, Range<usize>)) {
    if let Some(at) = memchr::memrchr(b'@', authority).filter(|&at| at > 0) {
        found(false, start..start + at);
    }
}

fn authority_start(url: &[u8]) -> Option<usize> {
    if url.starts_with(b"//") {
        return Some(2);
    }
    let colon = memchr::memchr(b':', url)?;
    let (scheme, rest) = url.split_at_checked(colon)?;
    let is_scheme = scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    (is_scheme && rest.starts_with(b"://")).then_some(colon + 3)
}

/// Finds the secrets in the query that begins at `at`.
pub(crate) fn parameters(
    url: &[u8],
    mut at: usize,
    rules: &Rules,
    found: &mut dyn FnMut(bool, Range<usize>),
) {
    // A `?` or `;` within the query begins a parameter too: that of a URL in the query, or of a
    // query as HTML 4 advised it.
    while let Some(rest) = url.get(at..).filter(|rest| !rest.is_empty()) {
        let end = rest.iter().position(|b| b"=&;?#".contains(b)).unwrap_or(rest.len());
        let (name, from) = rest.split_at(end);
        if !from.starts_with(b"=") {
            at += end + 1;
            continue;
        }
        let value = at + end + 1;
        let rest = url.get(value..).unwrap_or_default();
        let name = decoded(name);
        let field = match names::parameter(&name) {
            _ if rules.naming.is_key_parameter(&name) => Field::Key,
            field => field,
        };
        if field == Field::Plain && !is_secret_name(&name, rules) {
            let end = rest.iter().position(|b| b"&;?#".contains(b)).unwrap_or(rest.len());
            at = value + end + 1;
            continue;
        }
        let end = memchr::memchr2(b'&', b'#', rest).unwrap_or(rest.len());
        if end > 0 {
            found(field == Field::Key, value..value + end);
        }
        at = value + end + 1;
    }
}

/// A parameter's name with its percent-encoding undone, as the backend will read it.
pub(crate) fn decoded(name: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', name).is_none() {
        return Cow::Borrowed(name);
    }
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, after)) = rest.split_first() {
        let digit = |n: usize| char::from(*after.get(n)?).to_digit(16);
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => decoded.push(first),
        }
    }
    Cow::Owned(decoded)
}
