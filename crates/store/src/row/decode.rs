//! Reading rows back.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use wayside_exchange::{
    Evidence, EvidenceKind, ExchangeId, Failure, HttpVersion, Marks, Micros, Outcome, Scheme,
    SessionId, Side, Summary, Timestamp, Timing, Tls,
};

use super::{MOST_STRINGS, Row, has};
use crate::codec::Take;

/// All rows of a block; none when the bytes are not `count` whole rows.
pub(crate) fn rows(bytes: &[u8], count: u32) -> Option<Vec<Row>> {
    let mut decoder = RowDecoder::new(bytes);
    // A row takes at least a dozen bytes, so the count cannot make this too large.
    let mut rows = Vec::with_capacity((count as usize).min(bytes.len() / 12 + 1));
    for _ in 0..count {
        rows.push(decoder.row()?);
    }
    decoder.take.is_empty().then_some(rows)
}

struct RowDecoder<'a> {
    take: Take<'a>,
    strings: Vec<&'a [u8]>,
    last_id: u64,
    last_start: u64,
    last_connection: u64,
    offset: u32,
}

impl<'a> RowDecoder<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            take: Take::new(bytes),
            strings: Vec::new(),
            last_id: 0,
            last_start: 0,
            last_connection: 0,
            offset: 0,
        }
    }

    fn row(&mut self) -> Option<Row> {
        let first = self.take.byte()?;
        let outcome = *Outcome::ALL.get(usize::from(self.take.byte()?))?;
        let marks = Marks(self.take.byte()?);
        let len: u32 = self.take.narrow()?;
        let offset = self.offset;
        self.offset = offset.checked_add(len)?;
        let id = self.take.delta(self.last_id)?;
        let start = self.take.delta(self.last_start)?;
        let session = id.wrapping_sub(self.take.signed()? as u64);
        let connection = self.take.delta(self.last_connection)?;
        (self.last_id, self.last_start, self.last_connection) = (id, start, connection);
        let client_addr = self.address()?;
        let tls = if first & has::TLS == 0 { None } else { Some(self.tls()?) };
        let client = self.text()?;
        let method = self.text()?;
        let host = self.text()?;
        let route = self.text()?;
        let target = std::str::from_utf8(self.take.bytes()?).ok()?.to_owned();
        let status = if first & has::STATUS == 0 { None } else { Some(self.take.narrow()?) };
        let failure = if first & has::FAILURE == 0 { None } else { Some(self.failure()?) };
        let timing = Timing {
            upload: Micros(self.take.number()?),
            connect: Micros(self.take.number()?),
            wait: Micros(self.take.number()?),
            download: Micros(self.take.number()?),
            total: Micros(self.take.number()?),
            overhead: Micros(self.take.number()?),
        };
        let request_bytes = self.take.number()?;
        let response_bytes = self.take.number()?;
        let summary = Summary {
            id: ExchangeId(id),
            started_at: Timestamp(start as i64),
            client,
            session: SessionId(ExchangeId(session)),
            connection,
            client_addr,
            tls,
            http_version: match first >> has::VERSION_SHIFT {
                0 => HttpVersion::Http10,
                1 => HttpVersion::Http11,
                2 => HttpVersion::Http2,
                _ => return None,
            },
            scheme: if first & has::PLAIN_HTTP == 0 { Scheme::Https } else { Scheme::Http },
            method,
            host,
            target,
            route,
            status,
            outcome,
            failure,
            timing,
            request_bytes,
            response_bytes,
            marks,
            evidence: self.evidence()?,
        };
        Some(Row { summary, offset, len })
    }

    fn address(&mut self) -> Option<SocketAddr> {
        let mut ip = Take::new(self.string()?);
        let port = self.take.narrow()?;
        if ip.len() == 4 {
            return Some(SocketAddrV4::new(Ipv4Addr::from(ip.array::<4>()?), port).into());
        }
        let v6 = Ipv6Addr::from(ip.array::<16>()?);
        Some(SocketAddrV6::new(v6, port, ip.u32()?, ip.u32()?).into())
    }

    fn tls(&mut self) -> Option<Tls> {
        let mut all = Take::new(self.string()?);
        let text = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let version = text(all.bytes()?)?;
        let mut part = || match all.byte()? {
            0 => Some(None),
            _ => text(all.bytes()?).map(Some),
        };
        Some(Tls { version, sni: part()?, alpn: part()?, ja4: part()? })
    }

    fn failure(&mut self) -> Option<Failure> {
        let side = match self.take.byte()? {
            0 => Side::Downstream,
            1 => Side::Upstream,
            2 => Side::Ours,
            _ => return None,
        };
        Some(Failure { side, reason: self.text()? })
    }

    fn evidence(&mut self) -> Option<Vec<Evidence>> {
        let mut all = Take::new(self.string()?);
        let mut evidence = Vec::new();
        while !all.is_empty() {
            let kind = *EvidenceKind::ALL.get(usize::from(all.byte()?).checked_sub(1)?)?;
            let token = std::str::from_utf8(all.bytes()?).ok()?.to_owned();
            evidence.push(Evidence { kind, token });
        }
        Some(evidence)
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.string()?).ok().map(str::to_owned)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let reference = self.take.number()?;
        let next = self.strings.len() as u64 + 1;
        if reference == 0 {
            self.take.bytes()
        } else if reference < next {
            self.strings.get(reference as usize - 1).copied()
        } else if reference == next && next <= MOST_STRINGS {
            let string = self.take.bytes()?;
            self.strings.push(string);
            Some(string)
        } else {
            None
        }
    }
}
