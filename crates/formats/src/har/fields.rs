//! URL, query and cookies as HAR takes them apart.

use std::fmt::Write;

use serde::Serialize;
use wayside_exchange::head::{Head, as_text};
use wayside_exchange::{Scheme, Summary};

#[derive(Serialize)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cookie {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    http_only: bool,
    secure: bool,
}

/// The URL as RFC 3986 allows it: other characters encoded, and a path where the target has none.
pub(super) fn url(summary: &Summary) -> String {
    let whole = if summary.target.contains("://") && !summary.target.starts_with('/') {
        summary.url()
    } else {
        let sni = summary.tls.as_ref().and_then(|tls| tls.sni.as_deref());
        let host = match (summary.host.as_str(), sni) {
            ("", Some(sni)) => sni,
            ("", None) => "unknown.invalid",
            (host, _) => host,
        };
        let scheme = if summary.method.is_empty() { Scheme::Https } else { summary.scheme };
        let slash = if summary.target.starts_with('/') { "" } else { "/" };
        format!("{scheme}://{host}{slash}{}", summary.target)
    };
    let mut url = String::with_capacity(whole.len());
    let mut rest = whole.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let is_allowed = match byte {
            b'%' => after.get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)),
            b'#' => !url.contains('#'),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte),
        };
        if is_allowed {
            url.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    brackets(&url)
}

/// Brackets belong into an IPv6 address only (RFC 3986 section 3.2.2).
fn brackets(url: &str) -> String {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(authority..).unwrap_or_default();
    let path = authority + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (before, after) = url.split_at(path);
    before.to_owned() + &after.replace('[', "%5B").replace(']', "%5D")
}

/// The parameters of the target's query, decoded where that gives text.
pub(super) fn query(target: &str) -> Vec<Pair> {
    let Some((_, query)) = target.split_once('?') else { return Vec::new() };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Pair { name: decoded(name), value: decoded(value) }
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |n: usize| char::from(*after.get(n)?).to_digit(16);
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

pub(super) fn cookies(head: &Head) -> Vec<Cookie> {
    values(head, "cookie")
        .iter()
        .flat_map(|value| value.split(';'))
        .filter(|pair| !pair.trim().is_empty())
        .map(named)
        .collect()
}

pub(super) fn set_cookies(head: &Head) -> Vec<Cookie> {
    values(head, "set-cookie").iter().map(|value| set_cookie(value)).collect()
}

fn set_cookie(value: &str) -> Cookie {
    let mut parts = value.split(';');
    let mut cookie = named(parts.next().unwrap_or_default());
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "path" => cookie.path = Some(value.trim().to_owned()),
            "domain" => cookie.domain = Some(value.trim().to_owned()),
            "httponly" => cookie.http_only = true,
            "secure" => cookie.secure = true,
            _ => {}
        }
    }
    cookie
}

fn named(pair: &str) -> Cookie {
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    Cookie { name: name.trim().to_owned(), value: value.trim().to_owned(), ..Cookie::default() }
}

fn values(head: &Head, name: &str) -> Vec<String> {
    head.fields()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| as_text(value))
        .collect()
}
