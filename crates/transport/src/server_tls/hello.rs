//! Reads a connection's first bytes up to a whole `ClientHello`.
//!
//! The reading is done here, not by tokio-rustls, to see the first bytes before any TLS alert is
//! sent: a client that speaks plain HTTP can then be answered in its own language.

use std::io::{self, Read};
use std::time::Duration;

use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{HandshakeFailure, ja4};

/// How methods begin, and the HTTP/2 preface (RFC 9113 §3.4).
const HTTP_STARTS: [&[u8; 4]; 10] =
    [b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI "];

const SPEAKS_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 60\r\n\
    connection: close\r\n\
    \r\n\
    This port speaks https: use a URL that starts with https://\n";

/// How long and how far a plain-HTTP client is listened to after its answer: closing with unread
/// bytes would reset the connection and could take the answer with it.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: u64 = 64 * 1024;

/// A hello that has arrived.
pub(super) struct Arrived {
    pub(super) accepted: Accepted,
    pub(super) tcp: TcpStream,
    /// The client's JA4.
    pub(super) ja4: Option<String>,
}

/// Waits for the `ClientHello`. Given up, it has sent what there is to say to the client.
pub(super) async fn read(mut tcp: TcpStream) -> Result<Arrived, HandshakeFailure> {
    let mut acceptor = Acceptor::default();
    let mut start = Start::default();
    loop {
        tcp.readable().await.map_err(|error| HandshakeFailure::before_hello(&error))?;
        match acceptor.read_tls(&mut Watched { tcp: &tcp, start: &mut start }) {
            Ok(0) => return Err(HandshakeFailure::closed_early()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(HandshakeFailure::before_hello(&error)),
        }
        if start.is_http() {
            answer_in_http(&mut tcp).await;
            return Err(HandshakeFailure::plain_http());
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let ja4 = start.records.as_deref().and_then(ja4::of_records);
                return Ok(Arrived { accepted, tcp, ja4 });
            }
            Ok(None) => {}
            Err((error, mut alert)) => {
                let mut octets = Vec::new();
                if alert.write_all(&mut octets).is_ok() && tcp.write_all(&octets).await.is_ok() {
                    linger(&mut tcp).await;
                }
                return Err(HandshakeFailure::not_a_hello(&error));
            }
        }
    }
}

async fn answer_in_http(tcp: &mut TcpStream) {
    if tcp.write_all(SPEAKS_HTTPS).await.is_ok() {
        linger(tcp).await;
    }
}

async fn linger(tcp: &mut TcpStream) {
    if tcp.shutdown().await.is_ok() {
        let (mut rest, mut nowhere) = (tcp.take(LINGER_BYTES), tokio::io::sink());
        // Whatever the client does now, its answer is sent.
        let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut nowhere)).await;
    }
}

/// The first bytes of a connection.
struct Start {
    /// As many as tell HTTP from TLS.
    octets: [u8; 4],
    seen: usize,
    /// All of them, unless they are too many.
    records: Option<Vec<u8>>,
}

impl Default for Start {
    fn default() -> Self {
        Self { octets: [0; 4], seen: 0, records: Some(Vec::new()) }
    }
}

impl Start {
    fn watch(&mut self, read: &[u8]) {
        for (slot, octet) in self.octets.iter_mut().skip(self.seen).zip(read) {
            *slot = *octet;
            self.seen += 1;
        }
        match &mut self.records {
            Some(records) if records.len() + read.len() <= ja4::LONGEST => {
                records.extend_from_slice(read);
            }
            records => *records = None,
        }
    }

    fn is_http(&self) -> bool {
        self.seen == self.octets.len() && HTTP_STARTS.contains(&&self.octets)
    }
}

/// Reads without waiting, and watches what came first.
struct Watched<'a> {
    tcp: &'a TcpStream,
    start: &'a mut Start,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.tcp.try_read(buffer)?;
        self.start.watch(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}
