//! The backend's base URL, as a person types it: parsed once, wrong ones told apart.

use std::fmt;
use std::net::Ipv6Addr;

use crate::{Error, Result};

/// How the backend is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Over plain TCP.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// `http://host:port/base` or its https sibling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    scheme: Scheme,
    host: String,
    port: u16,
    base_path: String,
}

impl Upstream {
    /// Parses an absolute http or https URL without user, query or fragment.
    pub fn parse(url: &str) -> Result<Self> {
        parse(url).map_err(|reason| Error::BadUpstream { seen: without_userinfo(url), reason })
    }

    /// http or https.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host name in lower case, or the address; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own when the URL named none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As a `Host` field says it: the port is left out when it is the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.bracketed() } else { self.address() }
    }

    /// Always `host:port`, for messages about connecting.
    pub fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// What stands before every path: empty, or `/base` without a slash at its end.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base_path)
    }
}

fn parse(url: &str) -> Result<Upstream, String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("it has no scheme, `http://` or `https://`".to_owned());
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(format!("its scheme is `{scheme}`, not `http` or `https`")),
    };
    if let Some(at) = rest.find(['?', '#']) {
        let what = if rest[at..].starts_with('?') { "query" } else { "fragment" };
        return Err(format!("it has a {what}, which an upstream cannot have"));
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err("it names a user, which an upstream cannot have".to_owned());
    }
    if let Some(odd) = path.chars().find(|letter| !letter.is_ascii_graphic()) {
        return Err(format!("its path has `{}` in it, unescaped", odd.escape_default()));
    }
    let (host, port) = host_and_port(authority)?;
    Ok(Upstream {
        scheme,
        host,
        port: port.unwrap_or(scheme.default_port()),
        base_path: path.trim_end_matches('/').to_owned(),
    })
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) =
            rest.split_once(']').ok_or("its IPv6 address lacks the closing `]`")?;
        let address: Ipv6Addr =
            address.parse().map_err(|_| format!("`{address}` is not an IPv6 address"))?;
        let port = match after {
            "" => None,
            after => Some(
                after
                    .strip_prefix(':')
                    .ok_or_else(|| format!("`{after}` after the address is not a port"))?,
            ),
        };
        (address.to_string(), port)
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address goes into brackets, as in `[::1]`".to_owned());
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        (host_name(host)?, port)
    };
    let port = match port {
        None => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(format!("`{text}` is not a port, a number from 1 to 65535")),
        },
    };
    Ok((host, port))
}

fn host_name(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err("it names no host".to_owned());
    }
    match host.chars().find(|letter| !letter.is_ascii_alphanumeric() && !"-._".contains(*letter)) {
        None => Ok(host.to_ascii_lowercase()),
        Some(odd) if odd.is_ascii() => {
            Err(format!("`{}` cannot be in a host name", odd.escape_default()))
        }
        Some(_) => Err("its host name is not ASCII: write it in its `xn--` form".to_owned()),
    }
}

/// A refused URL is shown to people and logs, so its password is not.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://...{}", &rest[at..]),
        None => url.to_owned(),
    }
}
