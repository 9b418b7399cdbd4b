//! Where the secrets stand in a head, found in one pass and without allocation.
//!
//! Heads are read as leniently as the most lenient backend might: folded lines, white space around
//! names, missing colons. What cannot be told apart from a secret is one.

use std::ops::Range;

use super::names::{self, Field};
use super::url;
use crate::bodies::find_by_form;
use crate::rules::Rules;

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Request,
    Response,
    Trailers,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An API key.
    Key,
    /// A bearer token, or credentials without a scheme.
    Bearer,
    Basic,
    Digest,
    /// A signature over the request, made with a key that it names.
    SignedRequest,
    SessionCookie,
    /// What names the client's device; no secret.
    Device,
    /// A secret that names nobody.
    Other,
    /// No secret: the user agent.
    UserAgent,
}

/// What a head is read by.
#[derive(Clone, Copy)]
struct Reading<'a> {
    head: &'a [u8],
    part: Part,
    rules: &'a Rules,
    /// Something in it may be a secret by its form, in a field that is none by its name.
    has_forms: bool,
}

/// Calls `found` with each place in `head`, in order; none is empty.
pub(super) fn find(
    head: &[u8],
    part: Part,
    rules: &Rules,
    found: &mut dyn FnMut(Place, Range<usize>),
) {
    let has_forms = !rules.patterns.is_empty() || memchr::memmem::find(head, b"eyJ").is_some();
    let reading = Reading { head, part, rules, has_forms };
    let mut start = 0;
    let mut is_start_line = part != Part::Trailers && head.first() != Some(&b':');
    while start < head.len() {
        let mut end = line_end(head, start);
        if is_start_line {
            is_start_line = false;
            if part == Part::Request {
                target(reading, start..end, found);
            }
        } else {
            // Obsolete line folding (RFC 9112 section 5.2).
            while matches!(head.get(end), Some(b' ' | b'\t')) {
                end = line_end(head, end);
            }
            field(reading, start..end, found);
        }
        start = end;
    }
}

fn line_end(head: &[u8], start: usize) -> usize {
    let rest = head.get(start..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(head.len(), |at| start + at + 1)
}

/// The target of a request line: what is between the first and the last word. White space in it is
/// malformed, and no reason to leave a secret.
fn target(reading: Reading<'_>, line: Range<usize>, found: &mut dyn FnMut(Place, Range<usize>)) {
    let head = reading.head;
    let line = trimmed(head, line);
    let text = head.get(line.clone()).unwrap_or_default();
    let Some(first) = memchr::memchr(b' ', text) else { return };
    let last = memchr::memrchr(b' ', text)
        .filter(|&last| {
            last > first && text.get(last + 1..).is_some_and(|v| v.starts_with(b"HTTP/"))
        })
        .unwrap_or(text.len());
    in_url(reading, line.start + first + 1..line.start + last, found);
}

fn field(reading: Reading<'_>, lines: Range<usize>, found: &mut dyn FnMut(Place, Range<usize>)) {
    let (head, rules) = (reading.head, reading.rules);
    let lines = trimmed(head, lines);
    let text = head.get(lines.clone()).unwrap_or_default();
    let pseudo = usize::from(text.first() == Some(&b':'));
    let is_name_end = |b: &u8| matches!(b, b':' | b' ' | b'\t' | b'\r' | b'\n');
    let name_end = text.iter().skip(pseudo).position(is_name_end).map(|at| at + pseudo);
    let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
    let kind = match names::field(name) {
        Field::Plain | Field::Secret | Field::Device if rules.naming.is_key_header(name) => {
            Field::Key
        }
        Field::Plain if rules.naming.is_device(name) && reading.part == Part::Request => {
            Field::Device
        }
        Field::Plain | Field::Device if rules.names_header(name) => Field::Secret,
        Field::Plain | Field::Device if rules.is_strict() && !names::is_harmless(name) => {
            Field::Secret
        }
        Field::Plain if !reading.has_forms => return,
        kind => kind,
    };
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start();
    let value = lines.end - rest.len()..lines.end;
    if value.is_empty() {
        return;
    }
    let kind = match kind {
        Field::Device if reading.part != Part::Request => Field::Plain,
        kind => kind,
    };
    match kind {
        Field::Authorization => authorization(rest, value, false, found),
        Field::ProxyAuthorization => authorization(rest, value, true, found),
        Field::Cookie => cookies(rest, value.start, rules, found),
        Field::SetCookie => set_cookie(rest, value.start, found),
        Field::Key => found(Place::Key, value),
        Field::Secret => found(Place::Other, value),
        Field::Url => in_url(reading, value, found),
        Field::Authority => {
            url::userinfo(rest, value.start, &mut |_, range| found(Place::Other, range));
        }
        Field::Device => found(Place::Device, value),
        Field::UserAgent => found(Place::UserAgent, value),
        Field::Plain => {
            for place in find_by_form(rest, rules) {
                found(Place::Other, value.start + place.start..value.start + place.end);
            }
        }
    }
}

fn in_url(reading: Reading<'_>, range: Range<usize>, found: &mut dyn FnMut(Place, Range<usize>)) {
    let start = range.start;
    let text = reading.head.get(range).unwrap_or_default();
    if !reading.has_forms {
        url::find(text, reading.rules, &mut |is_key, place| {
            let kind = if is_key { Place::Key } else { Place::Other };
            found(kind, start + place.start..start + place.end);
        });
        return;
    }
    let forms = find_by_form(text, reading.rules);
    let mut places: Vec<_> = forms.into_iter().map(|place| (place, Place::Other)).collect();
    url::find(text, reading.rules, &mut |is_key, place| {
        places.push((place, if is_key { Place::Key } else { Place::Other }));
    });
    places.sort_by_key(|(place, kind)| (place.start, *kind == Place::Other));
    let mut places = places.into_iter().peekable();
    while let Some((mut place, kind)) = places.next() {
        while let Some((next, _)) = places.next_if(|(next, _)| next.start < place.end) {
            place.end = place.end.max(next.end);
        }
        found(kind, start + place.start..start + place.end);
    }
}

fn authorization(
    text: &[u8],
    value: Range<usize>,
    of_proxy: bool,
    found: &mut dyn FnMut(Place, Range<usize>),
) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (scheme, credentials) = text.split_at(end);
    if !names::is_scheme(scheme) {
        found(if of_proxy { Place::Other } else { Place::Bearer }, value);
        return;
    }
    let credentials = value.end - credentials.trim_ascii_start().len()..value.end;
    if credentials.is_empty() {
        return;
    }
    let is = |known: &str| scheme.eq_ignore_ascii_case(known.as_bytes());
    let place = if of_proxy {
        Place::Other
    } else if is("basic") {
        Place::Basic
    } else if is("digest") {
        Place::Digest
    } else if is("AWS4-HMAC-SHA256") {
        Place::SignedRequest
    } else if ["bearer", "token", "apikey", "api-key", "key", "jwt", "dpop", "privatetoken"]
        .into_iter()
        .any(is)
    {
        Place::Bearer
    } else {
        Place::Other
    };
    found(place, credentials);
}

/// `name=value; name=value` (RFC 6265 section 4.2); without a name it is all value.
fn cookies(
    text: &[u8],
    mut start: usize,
    rules: &Rules,
    found: &mut dyn FnMut(Place, Range<usize>),
) {
    for pair in text.split(|&b| b == b';') {
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(equals) => pair.split_at(equals + 1),
            None => (&[] as &[u8], pair),
        };
        let lead = name.len() + value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        if !value.is_empty() {
            let name = name.strip_suffix(b"=").unwrap_or(name).trim_ascii();
            let is_session = names::is_session_cookie(name) || rules.naming.is_cookie(name);
            let place = if is_session { Place::SessionCookie } else { Place::Other };
            found(place, start + lead..start + lead + value.len());
        }
        start += pair.len() + 1;
    }
}

/// `name=value; Attribute=value` (RFC 6265 section 4.1). Attributes are kept when they are known
/// ones and cannot hide another cookie.
fn set_cookie(text: &[u8], mut start: usize, found: &mut dyn FnMut(Place, Range<usize>)) {
    const ATTRIBUTES: [&str; 11] = [
        "expires",
        "max-age",
        "domain",
        "path",
        "secure",
        "httponly",
        "samesite",
        "partitioned",
        "priority",
        "version",
        "comment",
    ];
    for (n, part) in text.split(|&b| b == b';').enumerate() {
        let (name, value) = match memchr::memchr(b'=', part) {
            Some(equals) => part.split_at(equals + 1),
            None => (&[] as &[u8], part),
        };
        let lead = name.len() + value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        let known = name.strip_suffix(b"=").unwrap_or(value).trim_ascii();
        let is_attribute = n > 0
            && ATTRIBUTES.iter().any(|known_one| known.eq_ignore_ascii_case(known_one.as_bytes()))
            && memchr::memchr(b'=', value).is_none();
        if !is_attribute && !value.is_empty() {
            found(Place::Other, start + lead..start + lead + value.len());
        }
        start += part.len() + 1;
    }
}

fn trimmed(head: &[u8], range: Range<usize>) -> Range<usize> {
    let text = head.get(range.clone()).unwrap_or_default();
    let start = range.end - text.trim_ascii_start().len();
    start..start + text.trim_ascii().len()
}
