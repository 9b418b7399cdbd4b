//! Which addresses are never dialled, decided on what a name has resolved to: our own listeners,
//! however they are spelled, and, for whoever wants it, what only this machine's link can reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// Addresses that are not dialled. The default keeps none out.
#[derive(Debug, Clone, Default)]
pub struct Fence {
    own: Arc<[SocketAddr]>,
    link_local: bool,
}

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fenced {
    /// One of our own listeners, which is bound to this address, listens there.
    Ourselves(SocketAddr),
    /// It is an address of the link, where clouds tell machines their secrets.
    LinkLocal(IpAddr),
}

/// Where clouds answer questions about a machine, outside of the link-local ranges: over IPv6 on
/// Amazon's and Google's, on Alibaba's, Oracle's and Microsoft's.
const METADATA: [IpAddr; 5] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

impl Fence {
    /// Keeps out what reaches a listener that is bound to one of `own`.
    pub fn around(own: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { own: own.into_iter().collect(), link_local: false }
    }

    /// Keeps out link-local and metadata addresses as well.
    #[must_use]
    pub fn and_link_local(self) -> Self {
        Self { link_local: true, ..self }
    }

    /// Whether `address` may be dialled.
    pub fn check(&self, address: SocketAddr) -> Result<(), Fenced> {
        let ip = meant(address.ip());
        if self.link_local && is_link_local(ip) {
            return Err(Fenced::LinkLocal(ip));
        }
        let reached = |own: &&SocketAddr| own.port() == address.port() && reaches(ip, own.ip());
        self.own.iter().find(reached).map_or(Ok(()), |&own| Err(Fenced::Ourselves(own)))
    }
}

impl fmt::Display for Fenced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ourselves(own) => write!(out, "that is our own listener on `{own}`"),
            Self::LinkLocal(ip) => write!(out, "`{ip}` is a link-local or metadata address"),
        }
    }
}

/// The address that a connection to `ip` ends at: that of IPv4 in an address of IPv6 (mapped, and as
/// translators write it, RFC 6052), and loopback for "any", which is what the system makes of it.
fn meant(ip: IpAddr) -> IpAddr {
    let ip = match ip {
        IpAddr::V6(six) => match six.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            _ => ip.to_canonical(),
        },
        IpAddr::V4(_) => ip,
    };
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Whether a connection to `ip` reaches a listener that is bound to `own`.
fn reaches(ip: IpAddr, own: IpAddr) -> bool {
    match own.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => ip.is_ipv4() && is_ours(ip),
        // It may take IPv4 as well.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => is_ours(ip),
        own => ip == own,
    }
}

/// Whether `ip` is an address of this machine: only those can be bound to.
fn is_ours(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind(SocketAddr::new(ip, 0)).is_ok()
}

fn is_link_local(ip: IpAddr) -> bool {
    let in_range = match ip {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    in_range || METADATA.contains(&ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[test]
    fn our_own_listeners_are_kept_out_by_every_spelling() {
        let fence = Fence::around([at("127.0.0.1:8081"), at("[::1]:8443"), at("0.0.0.0:80")]);
        for (address, own) in [
            ("127.0.0.1:8081", Some("127.0.0.1:8081")),
            ("0.0.0.0:8081", Some("127.0.0.1:8081")),
            ("[::ffff:127.0.0.1]:8081", Some("127.0.0.1:8081")),
            ("[::ffff:0.0.0.0]:8081", Some("127.0.0.1:8081")),
            ("[64:ff9b::127.0.0.1]:8081", Some("127.0.0.1:8081")),
            ("[::1]:8443", Some("[::1]:8443")),
            ("[::]:8443", Some("[::1]:8443")),
            ("127.0.0.1:80", Some("0.0.0.0:80")),
            ("127.1.2.3:80", Some("0.0.0.0:80")),
            ("127.0.0.1:8082", None),
            ("127.0.0.2:8081", None),
            ("[::1]:8081", None),
            ("127.0.0.1:8443", None),
            ("192.0.2.1:80", None),
        ] {
            let expected = own.map_or(Ok(()), |own| Err(Fenced::Ourselves(at(own))));
            assert_eq!(fence.check(at(address)), expected, "{address}");
        }
        let any = Fence::around([at("[::]:80")]);
        for address in ["127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "[::ffff:127.0.0.1]:80"] {
            assert!(any.check(at(address)).is_err(), "{address}");
        }
    }

    #[test]
    fn link_local_and_metadata_addresses_are_kept_out_when_told_so() {
        let fence = Fence::default().and_link_local();
        for address in [
            "169.254.169.254:80",
            "169.254.0.1:80",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[fe80::1]:80",
            "[febf::1]:80",
            "[fd00:ec2::254]:80",
            "[fd20:ce::254]:80",
            "100.100.100.200:80",
            "192.0.0.192:80",
            "168.63.129.16:80",
        ] {
            assert!(fence.check(at(address)).is_err(), "{address}");
            assert!(Fence::default().check(at(address)).is_ok(), "{address}");
        }
        for address in ["127.0.0.1:80", "10.0.0.1:80", "169.253.0.1:80", "[fd00::1]:80"] {
            assert!(fence.check(at(address)).is_ok(), "{address}");
        }
    }
}
