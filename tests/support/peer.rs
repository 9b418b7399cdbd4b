//! One accepted connection as a script sees it: bytes in, bytes out, and every rude way to end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

/// The other side of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Nothing once reset. Held by nobody else for long, since only the last owner's drop closes it.
    socket: Option<Arc<TcpStream>>,
    ahead: Vec<u8>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Peer {
    /// Connects to `address`, to play a client byte by byte.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("could not connect to `{address}`: {error}"));
        Self::new(Arc::new(socket), Arc::default())
    }

    pub(crate) fn new(socket: Arc<TcpStream>, received: Arc<Mutex<Vec<u8>>>) -> Self {
        let _ = socket.set_nodelay(true);
        let _ = socket.set_read_timeout(Some(Duration::from_mins(1)));
        Self { socket: Some(socket), ahead: Vec::new(), received }
    }

    /// The next message head, with its blank line; nothing when the other side closed between messages.
    #[track_caller]
    pub fn head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                return Some(self.ahead.drain(..end + 4).collect());
            }
            if !self.read_more() {
                assert!(
                    self.ahead.is_empty(),
                    "closed inside a head: {:?}",
                    self.ahead.escape_ascii()
                );
                return None;
            }
        }
    }

    /// The body that `head` announces, as on the wire: chunked bodies keep their chunk lines and trailers.
    #[track_caller]
    pub fn body(&mut self, head: &[u8]) -> Vec<u8> {
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        if head.contains("\r\ntransfer-encoding:") && head.contains("chunked") {
            return self.chunked();
        }
        let length = head.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.lines().next());
        self.exactly(length.map_or(0, |length| length.trim().parse().expect("a length")))
    }

    /// The next `count` bytes.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            assert!(self.read_more(), "closed after {} of {count} bytes", self.ahead.len());
        }
        self.ahead.drain(..count).collect()
    }

    /// Whatever comes next: at least one byte, or none when the other side closed.
    pub fn some(&mut self) -> Vec<u8> {
        if self.ahead.is_empty() {
            self.read_more();
        }
        std::mem::take(&mut self.ahead)
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.ahead)
    }

    /// Sends `bytes`; false when the other side is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.socket.as_deref().is_some_and(|mut socket| socket.write_all(bytes.as_ref()).is_ok())
    }

    /// Says that nothing more comes, and goes on reading.
    pub fn half_close(&mut self) {
        let _ = self.socket.as_deref().map(|socket| socket.shutdown(Shutdown::Write));
    }

    /// Ends the connection with RST instead of FIN.
    pub fn reset(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = SockRef::from(&*socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// The socket itself, unless it was reset.
    pub fn socket(&self) -> Option<&TcpStream> {
        self.socket.as_deref()
    }

    fn chunked(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let digits = String::from_utf8_lossy(&line);
            let digits = digits.split([';', '\r']).next().unwrap_or_default().trim().to_owned();
            let size = usize::from_str_radix(&digits, 16).expect("a chunk size");
            body.extend(line);
            if size == 0 {
                break;
            }
            body.extend(self.exactly(size + 2));
        }
        loop {
            let line = self.line();
            let last = line == b"\r\n";
            body.extend(line);
            if last {
                return body;
            }
        }
    }

    fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                return self.ahead.drain(..end + 2).collect();
            }
            assert!(self.read_more(), "closed inside a line");
        }
    }

    fn read_more(&mut self) -> bool {
        let Some(mut socket) = self.socket.as_deref() else { return false };
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match socket.read(&mut buffer) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("nothing came for a minute; so far: {:?}", self.ahead.escape_ascii())
                }
                Err(_) => break 0,
            }
        };
        self.received.lock().expect("no panic holds it").extend_from_slice(&buffer[..count]);
        self.ahead.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
