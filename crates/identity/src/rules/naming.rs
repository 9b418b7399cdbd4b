//! What names a client beside what is known to: header fields, parameters, cookies and claims of one's
//! own, the order of their kinds, and which proxies are believed when they say where a request came from.

use std::net::IpAddr;

use wayside_exchange::{EvidenceKind, HeadView, Network};

use super::pointer::Pointer;

/// Rules for names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    /// Names in lower case.
    pub(super) key_headers: Vec<Vec<u8>>,
    pub(super) key_parameters: Vec<Vec<u8>>,
    pub(super) cookies: Vec<Vec<u8>>,
    pub(super) devices: Vec<Vec<u8>>,
    /// Places in JSON bodies.
    pub(crate) pointers: Vec<Pointer>,
    /// Claims that name a client, the first that there is; empty for those that are known.
    pub(crate) claims: Vec<String>,
    pub(super) order: Vec<EvidenceKind>,
    pub(super) trusted: Vec<Network>,
}

impl Naming {
    pub(crate) fn is_key_header(&self, name: &[u8]) -> bool {
        has(&self.key_headers, name)
    }

    pub(crate) fn is_key_parameter(&self, name: &[u8]) -> bool {
        has(&self.key_parameters, name)
    }

    pub(crate) fn is_cookie(&self, name: &[u8]) -> bool {
        has(&self.cookies, name)
    }

    pub(crate) fn is_device(&self, name: &[u8]) -> bool {
        has(&self.devices, name)
    }

    /// Where a kind of evidence stands among the others.
    pub(crate) fn rank(&self, kind: EvidenceKind) -> usize {
        self.order.iter().position(|known| *known == kind).unwrap_or(usize::from(kind.rank()) + 16)
    }

    /// Where a request came from: the last address that no trusted proxy is at, as far as trusted proxies
    /// tell (RFC 7239, and `X-Forwarded-For`, which each proxy adds to).
    pub(crate) fn source(&self, head: HeadView<'_>, ip: IpAddr) -> IpAddr {
        if !self.trusts(ip) {
            return ip;
        }
        let forwarded: Vec<Option<IpAddr>> = values(head, "forwarded").map(node).collect();
        let hops = if forwarded.is_empty() {
            values(head, "x-forwarded-for").map(address).collect()
        } else {
            forwarded
        };
        let mut source = ip;
        for hop in hops.into_iter().rev() {
            let Some(hop) = hop else { break };
            source = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        source
    }

    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.has(ip))
    }
}

fn has(names: &[Vec<u8>], name: &[u8]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The members of all fields of this name, in order.
fn values<'a>(head: HeadView<'a>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields =
        head.fields().filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
    fields
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// `for=192.0.2.60;proto=http`
fn node(member: &str) -> Option<IpAddr> {
    let named = member.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address, maybe with a port: `192.0.2.60:4711`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let ip = text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    let ported = || text.rsplit_once(':')?.0.parse().ok();
    ip.or_else(bracketed).or_else(ported)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn source(trusted: &[&str], fields: &str, from: &str) -> String {
        let trusted = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let naming = Naming { trusted, ..Naming::default() };
        let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        naming.source(HeadView(head.as_bytes()), from.parse().unwrap()).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_where_a_request_came_from() {
        let forwarded = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-For: 10.0.0.2\r\n";
        assert_eq!(source(&[], forwarded, "10.0.0.1"), "10.0.0.1");
        assert_eq!(source(&["10.0.0.0/8"], forwarded, "10.0.0.1"), "203.0.113.9");
        assert_eq!(source(&["10.0.0.0/8"], forwarded, "192.0.2.1"), "192.0.2.1");
        assert_eq!(source(&["10.0.0.1"], forwarded, "10.0.0.1"), "10.0.0.2");
        assert_eq!(source(&["::ffff:10.0.0.1"], forwarded, "10.0.0.1"), "10.0.0.2");
        let standard = "Forwarded: for=\"[2001:db8::7]:4711\";proto=https, for=10.0.0.3\r\n";
        assert_eq!(source(&["10.0.0.0/8"], standard, "10.0.0.1"), "2001:db8::7");
        let hidden = "Forwarded: for=192.0.2.9, for=_hidden\r\n";
        assert_eq!(source(&["10.0.0.0/8"], hidden, "10.0.0.1"), "10.0.0.1");
    }
}
