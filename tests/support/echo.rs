//! A backend on hyper, HTTP/1.1 and h2c, that notes every request as it came and answers what the path asks
//! for: `/status/404`, `/bytes/1000000`, `/delay/300`; anything else echoes the request's body.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// An echoing backend.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    notes: Arc<Notes>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request as hyper read it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which connection, counted from zero.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The protocol between the proxy and this backend.
    pub version: Version,
    /// Names in lower case, in order of appearance per name.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// The trailers, if any.
    pub trailers: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Notes {
    /// Bytes as received, by connection.
    raw: Mutex<HashMap<usize, Vec<u8>>>,
    seen: Mutex<Vec<Seen>>,
    answer_headers: Vec<(HeaderName, HeaderValue)>,
}

impl Echo {
    /// Starts one.
    pub fn start() -> Self {
        Self::with_headers(&[])
    }

    /// Starts one that sends `headers` with every answer.
    pub fn with_headers(headers: &[(&str, &str)]) -> Self {
        let answer_headers = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        let notes = Arc::new(Notes { answer_headers, ..Notes::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a bound socket");
        let address = listener.local_addr().expect("a bound socket");
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&notes);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(listener, serving, stopped));
        });
        Self { address, notes, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDR`, as `wayside record` takes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in order of their end.
    pub fn seen(&self) -> Vec<Seen> {
        self.notes.seen.lock().expect("no panic holds it").clone()
    }

    /// The only request so far.
    #[track_caller]
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "one request was expected: {seen:?}");
        seen.remove(0)
    }

    /// The bytes of every connection so far, as they came.
    pub fn received(&self) -> Vec<Vec<u8>> {
        let raw = self.notes.raw.lock().expect("no panic holds it");
        let mut connections: Vec<_> = raw.iter().collect();
        connections.sort_by_key(|(connection, _)| **connection);
        connections.into_iter().map(|(_, bytes)| bytes.clone()).collect()
    }

    /// Stops it; if it panicked, panics here.
    pub fn join(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Seen {
    /// The value of the header `name`, if it came once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = values.next()?;
        values.next().is_none().then_some(value.1.as_str())
    }
}

async fn serve(
    listener: std::net::TcpListener,
    notes: Arc<Notes>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).expect("a non-blocking socket");
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(ended) = connections.join_next() => if let Err(error) = ended {
                resume_unwind(error.into_panic());
            },
            accepted = listener.accept() => {
                let (socket, _) = accepted.expect("an accepted connection");
                let _ = socket.set_nodelay(true);
                let io = Noting { io: socket, connection: number, notes: Arc::clone(&notes) };
                let notes = Arc::clone(&notes);
                let connection = number;
                number += 1;
                connections.spawn(async move {
                    let service = service_fn(|request| answer(request, connection, Arc::clone(&notes)));
                    // A client that leaves early is the test's business.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection_with_upgrades(TokioIo::new(io), service)
                        .await;
                });
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    notes: Arc<Notes>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().map(pairs).unwrap_or_default();
    let body = collected.to_bytes();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    notes.seen.lock().expect("no panic holds it").push(Seen {
        connection,
        method: head.method.to_string(),
        target,
        version: head.version,
        headers: pairs(&head.headers),
        body: body.clone(),
        trailers,
    });
    let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let mut response = match path.as_slice() {
        ["status", code] => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = code.parse::<StatusCode>().expect("a status");
            response
        }
        ["bytes", count] => Response::new(Full::from(pattern(count.parse().expect("a count")))),
        ["delay", milliseconds] => {
            let milliseconds = milliseconds.parse().expect("a number");
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Response::new(Full::from(body))
        }
        _ => {
            let mut response = Response::new(Full::from(body));
            if let Some(value) = head.headers.get(header::CONTENT_TYPE) {
                response.headers_mut().insert(header::CONTENT_TYPE, value.clone());
            }
            response
        }
    };
    for (name, value) in &notes.answer_headers {
        response.headers_mut().append(name, value.clone());
    }
    Ok(response)
}

/// `count` bytes without a short period, so that a lost or doubled piece shows.
fn pattern(count: usize) -> Bytes {
    (0..count).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn pairs(headers: &http::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().escape_ascii().to_string()))
        .collect()
}

/// A socket that notes the bytes read from it.
struct Noting<Io> {
    io: Io,
    connection: usize,
    notes: Arc<Notes>,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Noting<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        let mut raw = self.notes.raw.lock().expect("no panic holds it");
        raw.entry(self.connection).or_default().extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Noting<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_notes_the_bytes_as_they_came() {
        let echo = Echo::with_headers(&[("x-a", "1"), ("x-a", "2")]);
        let url = format!("{}/e?q=%20", echo.url());
        let answer = crate::curl([url.as_str(), "-d", "body", "-H", "X-MiXed: Case", "-i"]).ok();
        assert!(answer.text().contains("x-a: 1\r\nx-a: 2") && answer.text().ends_with("body"));
        assert!(String::from_utf8_lossy(&echo.received()[0]).contains("\r\nX-MiXed: Case\r\n"));
        assert_eq!(echo.only().target, "/e?q=%20");
        echo.join();
    }
}
