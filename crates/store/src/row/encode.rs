//! Writing rows.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use wayside_exchange::{HttpVersion, Scheme, Summary, Tls};

use super::{MOST_STRINGS, has};
use crate::codec::{put, put_bytes, put_delta};

/// Writes the rows of one block; its buffers serve block after block.
#[derive(Debug, Default)]
pub(crate) struct RowEncoder {
    out: Vec<u8>,
    strings: HashMap<Vec<u8>, u64, RandomState>,
    composite: Vec<u8>,
    last_id: u64,
    last_start: u64,
    last_connection: u64,
}

impl RowEncoder {
    /// The rows so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Starts the next block.
    pub(crate) fn clear(&mut self) {
        self.out.clear();
        self.strings.clear();
        (self.last_id, self.last_start, self.last_connection) = (0, 0, 0);
    }

    /// Adds a row whose record is `len` bytes long.
    pub(crate) fn push(&mut self, row: &Summary, len: usize) {
        self.out.push(first_byte(row));
        self.out.push(row.outcome as u8);
        self.out.push(row.marks.0);
        put(&mut self.out, len as u64);
        put_delta(&mut self.out, row.id.0, self.last_id);
        put_delta(&mut self.out, row.started_at.0 as u64, self.last_start);
        put_delta(&mut self.out, row.id.0, row.session.0.0);
        put_delta(&mut self.out, row.connection, self.last_connection);
        self.last_id = row.id.0;
        self.last_start = row.started_at.0 as u64;
        self.last_connection = row.connection;
        self.address(row.client_addr);
        if let Some(tls) = &row.tls {
            self.tls(tls);
        }
        self.string(row.client.as_bytes());
        self.string(row.method.as_bytes());
        self.string(row.host.as_bytes());
        self.string(row.route.as_bytes());
        put_bytes(&mut self.out, row.target.as_bytes());
        if let Some(status) = row.status {
            put(&mut self.out, u64::from(status));
        }
        if let Some(failure) = &row.failure {
            self.out.push(failure.side as u8);
            self.string(failure.reason.as_bytes());
        }
        let timing = row.timing;
        for part in [timing.upload, timing.connect, timing.wait, timing.download] {
            put(&mut self.out, part.0);
        }
        put(&mut self.out, timing.total.0);
        put(&mut self.out, timing.overhead.0);
        put(&mut self.out, row.request_bytes);
        put(&mut self.out, row.response_bytes);
        self.evidence(row);
    }

    fn address(&mut self, address: SocketAddr) {
        let mut ip = std::mem::take(&mut self.composite);
        ip.clear();
        match address {
            SocketAddr::V4(v4) => ip.extend_from_slice(&v4.ip().octets()),
            SocketAddr::V6(v6) => {
                ip.extend_from_slice(&v6.ip().octets());
                ip.extend_from_slice(&v6.flowinfo().to_le_bytes());
                ip.extend_from_slice(&v6.scope_id().to_le_bytes());
            }
        }
        self.string(&ip);
        self.composite = ip;
        put(&mut self.out, u64::from(address.port()));
    }

    fn tls(&mut self, tls: &Tls) {
        let mut all = std::mem::take(&mut self.composite);
        all.clear();
        put_bytes(&mut all, tls.version.as_bytes());
        for part in [&tls.sni, &tls.alpn, &tls.ja4] {
            match part {
                Some(part) => {
                    all.push(1);
                    put_bytes(&mut all, part.as_bytes());
                }
                None => all.push(0),
            }
        }
        if let Some(certificate) = &tls.client_certificate {
            put_bytes(&mut all, certificate.name.as_bytes());
            put_bytes(&mut all, certificate.subject.as_bytes());
        }
        self.string(&all);
        self.composite = all;
    }

    fn evidence(&mut self, row: &Summary) {
        let mut all = std::mem::take(&mut self.composite);
        all.clear();
        for evidence in &row.evidence {
            all.push(evidence.kind as u8);
            put_bytes(&mut all, evidence.token.as_bytes());
        }
        self.string(&all);
        self.composite = all;
    }

    fn string(&mut self, string: &[u8]) {
        if let Some(&reference) = self.strings.get(string) {
            put(&mut self.out, reference);
            return;
        }
        let next = self.strings.len() as u64 + 1;
        if next <= MOST_STRINGS {
            self.strings.insert(string.to_vec(), next);
            put(&mut self.out, next);
        } else {
            put(&mut self.out, 0);
        }
        put_bytes(&mut self.out, string);
    }
}

fn first_byte(row: &Summary) -> u8 {
    let version = match row.http_version {
        HttpVersion::Http10 => 0,
        HttpVersion::Http11 => 1,
        HttpVersion::Http2 => 2,
    };
    let mut byte = version << has::VERSION_SHIFT;
    byte |= if row.tls.is_some() { has::TLS } else { 0 };
    byte |= if row.status.is_some() { has::STATUS } else { 0 };
    byte |= if row.failure.is_some() { has::FAILURE } else { 0 };
    byte |= if row.scheme == Scheme::Http { has::PLAIN_HTTP } else { 0 };
    byte
}
