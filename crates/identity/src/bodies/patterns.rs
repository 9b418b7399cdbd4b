//! Secrets known by their form wherever they stand: JSON Web Tokens, credentials behind their scheme,
//! private keys, tokens that services mark, and those in URLs.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use base64::Engine as _;

use super::hit::{Hit, Until, Written, byte, is_token};
use crate::credentials::claim::STANDARD;
use crate::credentials::url;
use crate::rules::Rules;

/// What each begins with, after the kinds that need a closer look.
const BEGINNINGS: [&str; 22] = [
    "eyJ",
    "earer ",
    "EARER ",
    "asic ",
    "-----BEGIN ",
    "://",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "rk_live_",
    "sk_test_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "AKIA",
    "ASIA",
    "AIza",
    "npm_",
];
const JWT: usize = 0;
const BEARER: [usize; 2] = [1, 2];
const BASIC: usize = 3;
const KEY: usize = 4;
const URL: usize = 5;
/// A marked token is not shorter.
const SHORTEST: usize = 16;
/// How an `&` stands in JSON whose writer is careful with HTML.
const ESCAPED_AND: &[u8] = b"\\u0026";
/// Of a longer URL only the beginning is looked at.
const LONGEST_URL: usize = 8 << 10;

/// None on a processor without vectors; then each is looked for by itself.
static SEARCHER: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(BEGINNINGS));

/// Finds them in `run`. `cut` says that the body breaks off with it.
pub(super) fn find(run: &[u8], rules: &Rules, cut: bool, hits: &mut Vec<Hit>) {
    let mut resume = 0;
    let mut look = |which: usize, at: usize| {
        if at >= resume {
            resume = look_at(run, which, at, rules, cut, hits).unwrap_or(at + 1);
        }
    };
    if let Some(searcher) = SEARCHER.as_ref() {
        for found in searcher.find_iter(run) {
            look(found.pattern().as_usize(), found.start());
        }
    } else {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for (which, text) in BEGINNINGS.iter().enumerate() {
            all.extend(memchr::memmem::find_iter(run, text.as_bytes()).map(|at| (at, which)));
        }
        all.sort_unstable();
        for (at, which) in all {
            look(which, at);
        }
    }
    let mut resume = 0;
    for at in memchr::memchr_iter(b'?', run) {
        if at >= resume {
            resume = in_query(run, at, rules, cut, hits);
        }
    }
    for pattern in &rules.patterns {
        custom(run, pattern, hits);
    }
}

/// JSON Web Tokens alone, for bodies whose lengths are written in them.
pub(super) fn find_in_binary(run: &[u8], hits: &mut Vec<Hit>) {
    let mut resume = 0;
    for at in memchr::memmem::find_iter(run, b"eyJ") {
        if at >= resume {
            resume = jwt(run, at, false, hits).unwrap_or(at + 1);
        }
    }
    for hit in hits.iter_mut().filter(|hit| hit.written == Written::Plain) {
        hit.written = Written::SameLength;
    }
}

fn custom(run: &[u8], pattern: &regex::bytes::Regex, hits: &mut Vec<Hit>) {
    for found in pattern.captures_iter(run) {
        let (Some(all), group) = (found.get(0), found.get(1)) else { continue };
        let taken = group.unwrap_or(all);
        // What touches the end might have matched more.
        let end = (all.end() < run.len()).then_some(taken.end());
        if !taken.is_empty() {
            hits.push(Hit::ending(all.start(), taken.start(), end, run.len(), Until::NoToken));
        }
    }
}

/// Adds what begins at `at`; gives where to go on.
fn look_at(
    run: &[u8],
    which: usize,
    at: usize,
    rules: &Rules,
    cut: bool,
    hits: &mut Vec<Hit>,
) -> Option<usize> {
    if which == JWT {
        return jwt(run, at, cut, hits);
    }
    if BEARER.contains(&which) {
        let is_scheme = at > 0 && byte(run, at - 1).eq_ignore_ascii_case(&b'b');
        return is_scheme.then(|| behind_scheme(run, at + 6, false, cut, hits))?;
    }
    match which {
        BASIC => {
            let is_scheme = at > 0 && byte(run, at - 1).eq_ignore_ascii_case(&b'b');
            is_scheme.then(|| behind_scheme(run, at + 5, true, cut, hits))?
        }
        KEY => private_key(run, at, hits),
        URL => in_url(run, at, rules, cut, hits),
        _ => marked(run, at, hits),
    }
}

/// Two dots, each between what base64url is made of (RFC 7519; RFC 7516 has four).
fn jwt(run: &[u8], at: usize, cut: bool, hits: &mut Vec<Hit>) -> Option<usize> {
    if at > 0 && is_word(byte(run, at - 1)) {
        return None;
    }
    let rest = run.get(at..)?;
    let length = rest.iter().position(|&b| !is_word(b) && b != b'.');
    let token = rest.get(..length.unwrap_or(rest.len()))?;
    // The full stop of a sentence.
    let token = token.strip_suffix(b".").filter(|_| length.is_some()).unwrap_or(token);
    let dots = memchr::memchr_iter(b'.', token).count();
    let header = memchr::memchr(b'.', token).unwrap_or(token.len());
    let may_go_on = length.is_none() && dots < 2;
    let is_none = if may_go_on { cut && token.len() < 12 } else { header < 12 || dots < 2 };
    if is_none {
        return Some(at + token.len().max(1));
    }
    let end = length.map(|_| at + token.len());
    // At the end of a whole body half a token is none.
    if may_go_on && !cut {
        hits.push(Hit::to_be_continued(at, at, run.len()));
    } else {
        hits.push(Hit::ending(at, at, end, run.len(), Until::NoToken));
    }
    Some(end.unwrap_or(run.len()))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// `Bearer` and a token (RFC 6750), `Basic` and base64 with a colon in it (RFC 7617); words that
/// merely follow are neither.
fn behind_scheme(
    run: &[u8],
    start: usize,
    is_basic: bool,
    cut: bool,
    hits: &mut Vec<Hit>,
) -> Option<usize> {
    let rest = run.get(start..)?;
    let length = rest.iter().position(|&b| !is_token(b));
    let token = rest.get(..length.unwrap_or(rest.len()))?;
    let end = length.map(|length| start + length);
    let is_credential = if is_basic {
        let decoded = STANDARD.decode(token).unwrap_or_default();
        token.len() >= 4 && decoded.contains(&b':')
    } else {
        token.len() >= 8 && (token.len() >= 24 || token.iter().any(u8::is_ascii_digit))
    };
    let from = start - 6;
    if is_credential || end.is_none() && cut {
        hits.push(Hit::ending(from, start, end, run.len(), Until::NoToken));
    } else if end.is_none() {
        hits.push(Hit::to_be_continued(from, start, run.len()));
    }
    Some(start + token.len())
}

/// What is between the lines of a private key (RFC 7468).
fn private_key(run: &[u8], at: usize, hits: &mut Vec<Hit>) -> Option<usize> {
    let head = run.get(at..run.len().min(at + 64))?;
    let Some(label) = memchr::memmem::find(head, b"PRIVATE KEY-----") else { return Some(at + 11) };
    let start = at + label + 16;
    let end = memchr::memmem::find(run.get(start..)?, b"-----END").map(|length| start + length);
    let until = Until::Bytes(b"-----END".to_vec());
    hits.push(Hit::ending(at, start, end, run.len(), until));
    Some(end.unwrap_or(run.len()))
}

/// A token that says whose it is, such as `ghp_...`.
fn marked(run: &[u8], at: usize, hits: &mut Vec<Hit>) -> Option<usize> {
    if at > 0 && is_word(byte(run, at - 1)) {
        return None;
    }
    let rest = run.get(at..)?;
    let length = rest.iter().position(|&b| !is_word(b));
    let token = length.unwrap_or(rest.len());
    if token >= SHORTEST && rest.iter().take(token).any(u8::is_ascii_digit) {
        let end = length.map(|length| at + length);
        hits.push(Hit::ending(at, at, end, run.len(), Until::NoToken));
    }
    Some(at + token)
}

/// The secrets in the query of a URL in text, be it only a path, that begins at `at`; gives where it ends. In
/// JSON its parameters may be parted by an escaped `&`.
fn in_query(run: &[u8], at: usize, rules: &Rules, cut: bool, hits: &mut Vec<Hit>) -> usize {
    let mut start = at + 1;
    loop {
        let rest = run.get(start..run.len().min(start + LONGEST_URL)).unwrap_or_default();
        let length = rest.iter().position(|&byte| ends_url(byte));
        let end = start + length.unwrap_or(rest.len());
        let goes_on = length.is_none() && end == run.len();
        url::parameters(run.get(..end).unwrap_or_default(), start, rules, &mut |_, range| {
            let until = Until::Any(b"&#\"'<>\\ \t\r\n");
            let is_whole = !goes_on || range.end < run.len();
            let end = is_whole.then_some(range.end);
            hits.push(Hit::ending(at, range.start, end, run.len(), until));
        });
        let behind = run.get(end..).unwrap_or_default();
        if behind.starts_with(ESCAPED_AND) {
            start = end + ESCAPED_AND.len();
            continue;
        }
        if !cut && ESCAPED_AND.starts_with(behind) {
            hits.push(Hit::to_be_continued(at, end, run.len()));
        }
        return end;
    }
}

fn ends_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'<>\\`{}".contains(&byte)
}

/// The user, and the secrets in the query, of a URL in text.
fn in_url(run: &[u8], at: usize, rules: &Rules, cut: bool, hits: &mut Vec<Hit>) -> Option<usize> {
    let scheme = run.get(at.saturating_sub(16)..at)?;
    let length = scheme.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
    let start = at - length;
    let rest = run.get(start..run.len().min(start + LONGEST_URL))?;
    let length = rest.iter().position(|&byte| ends_url(byte));
    let text = rest.get(..length.unwrap_or(rest.len()))?;
    let goes_on = length.is_none() && start + text.len() == run.len();
    url::find(text, rules, &mut |_, range| {
        let (from, to) = (start + range.start, start + range.end);
        let end = (!goes_on || to < run.len()).then_some(to);
        hits.push(Hit::ending(start, from, end, run.len(), Until::Any(b"&#\"'<>\\ \t\r\n")));
    });
    let authority = run.get(at + 3..start + text.len()).unwrap_or_default();
    let is_authority = !authority.iter().any(|b| b"/?#@".contains(b));
    if goes_on && cut && is_authority && !authority.is_empty() {
        // What looks like a host may be a user.
        hits.push(Hit::whole(start, at + 3..run.len()));
    } else if goes_on && !cut {
        // What is secret in it may be still to come.
        hits.push(Hit::to_be_continued(start, start, run.len()));
    }
    Some(start + text.len())
}
