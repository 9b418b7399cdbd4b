//! The parts of a row that are seldom asked for: left as they lie in the block until then.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use wayside_exchange::{ClientCertificate, Details, Evidence, EvidenceKind, Failure, Side, Tls};

use crate::codec::Take;

/// Where they lie. Each was checked when it was first met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    pub(super) address: &'a [u8],
    pub(super) port: u16,
    pub(super) tls: Option<&'a [u8]>,
    pub(super) failure: Option<(Side, &'a str)>,
    pub(super) evidence: &'a [u8],
}

impl Details for Packed<'_> {
    fn client_addr(&self) -> SocketAddr {
        let unspecified = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.port);
        address(self.address, self.port).unwrap_or(unspecified)
    }

    fn tls(&self) -> Option<Cow<'_, Tls>> {
        let ([version, sni, alpn, ja4], certificate) = tls(self.tls?)?;
        let [version, sni, alpn, ja4] =
            [version, sni, alpn, ja4].map(|part| part.map(str::to_owned));
        let client_certificate = certificate.map(|[name, subject]| ClientCertificate {
            name: name.to_owned(),
            subject: subject.to_owned(),
        });
        let version = version.unwrap_or_default();
        Some(Cow::Owned(Tls { version, sni, alpn, ja4, client_certificate }))
    }

    fn failure(&self) -> Option<Cow<'_, Failure>> {
        let (side, reason) = self.failure?;
        Some(Cow::Owned(Failure { side, reason: reason.to_owned() }))
    }

    fn evidence(&self) -> Cow<'_, [Evidence]> {
        let pieces = evidence(self.evidence).flatten();
        pieces.map(|(kind, token)| Evidence { kind, token: token.to_owned() }).collect()
    }
}

/// An address from 4 bytes of IPv4, or 16 of IPv6 with flow and scope.
pub(super) fn address(bytes: &[u8], port: u16) -> Option<SocketAddr> {
    let mut ip = Take::new(bytes);
    if ip.len() == 4 {
        return Some((ip.array::<4>()?, port).into());
    }
    let v6 = Ipv6Addr::from(ip.array::<16>()?);
    Some(SocketAddrV6::new(v6, port, ip.u32()?, ip.u32()?).into())
}

/// Version, server name, protocol and fingerprint; name and subject of a certificate.
type Agreed<'a> = ([Option<&'a str>; 4], Option<[&'a str; 2]>);

pub(super) fn tls(bytes: &[u8]) -> Option<Agreed<'_>> {
    let mut all = Take::new(bytes);
    let version = text(all.bytes()?)?;
    let mut part = || match all.byte()? {
        0 => Some(None),
        _ => text(all.bytes()?).map(Some),
    };
    let agreed = [Some(version), part()?, part()?, part()?];
    // Nothing more where there is no certificate, as before there could be one.
    let certificate =
        if all.is_empty() { None } else { Some([text(all.bytes()?)?, text(all.bytes()?)?]) };
    Some((agreed, certificate))
}

/// The pieces of evidence; the last one is none where the bytes are not whole.
pub(super) fn evidence(bytes: &[u8]) -> impl Iterator<Item = Option<(EvidenceKind, &str)>> {
    let mut all = Take::new(bytes);
    std::iter::from_fn(move || {
        if all.is_empty() {
            return None;
        }
        let piece = one(&mut all);
        if piece.is_none() {
            all = Take::new(&[]);
        }
        Some(piece)
    })
}

fn one<'a>(all: &mut Take<'a>) -> Option<(EvidenceKind, &'a str)> {
    let kind = EvidenceKind::of_number(all.byte()?)?;
    Some((kind, text(all.bytes()?)?))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
