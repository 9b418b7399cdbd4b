//! The backend, and clients that send one request after the other over connections of their own.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use wayside_examples::chance::Chance;

/// Requests after which a client connects anew.
const A_CONNECTION: u64 = 500;
const BODY: usize = 2000;

/// One connection's share of the load.
pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    pub(crate) connection: u64,
    pub(crate) end: Instant,
    /// From one request to the next; none where the answer alone is waited for.
    pub(crate) pause: Option<Duration>,
    pub(crate) answered: Arc<AtomicU64>,
}

impl Load {
    /// Sends until its end.
    pub(crate) fn run(self) -> io::Result<()> {
        let mut chance = Chance::new(self.connection);
        let mut next = Instant::now();
        while Instant::now() < self.end {
            let mut stream = TcpStream::connect(self.to)?;
            stream.set_nodelay(true)?;
            let mut answers = BufReader::new(stream.try_clone()?);
            for _ in 0..A_CONNECTION {
                if Instant::now() >= self.end {
                    break;
                }
                let (client, path) = (chance.between(0, 1_000_000), chance.between(0, 1_000_000));
                write!(
                    stream,
                    "GET /shelf-{path}/items/{client}?page={} HTTP/1.1\r\nHost: soak.example\r\n\
                     X-Api-Key: key-{client}\r\nUser-Agent: soak\r\n\r\n",
                    path % 50
                )?;
                read_message(&mut answers)?;
                self.answered.fetch_add(1, Relaxed);
                if let Some(pause) = self.pause {
                    next += pause;
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }
        }
        Ok(())
    }
}

/// A backend that answers everything with some JSON; says its address.
pub(crate) fn backend() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let body = "{\"item\":\"lamp\"}".repeat(BODY / 15);
    let answer: Arc<str> = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || -> io::Result<()> {
                let mut requests = BufReader::new(stream.try_clone()?);
                while read_message(&mut requests)? {
                    stream.write_all(answer.as_bytes())?;
                }
                Ok(())
            });
        }
    });
    Ok(address)
}

/// Reads a head and the body that its `Content-Length` says; whether there was one.
fn read_message(from: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if from.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    while length > 0 {
        let here = from.fill_buf()?.len().min(length);
        if here == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from.consume(here);
        length -= here;
    }
    Ok(true)
}
