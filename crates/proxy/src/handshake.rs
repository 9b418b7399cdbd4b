//! From an accepted socket to a connection that speaks HTTP: TLS, ALPN, or a look at the first bytes.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use wayside_exchange::{ClientCertificate, Connection, Event, Failure, Side, Tls};
use wayside_transport::balance::{ConnectionGuard, Placed};
use wayside_transport::server_tls::{HandshakeFailure, HandshakeFailureKind, ServerTls};
use wayside_transport::{Alpn, TlsFacts};

use crate::clock;
use crate::downstream::{Socket, serve_http1, serve_http2};
use crate::introduction;
use crate::worker::Carriage;

/// What an HTTP/2 client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The rest of a connection's life, in a box of its own.
type Serving = Pin<Box<dyn Future<Output = ()>>>;

/// Serves an accepted connection to its end.
pub(crate) async fn serve(carriage: Rc<Carriage>, placed: Placed, tls: Option<Arc<ServerTls>>) {
    let Placed { stream, peer_addr, mut guard } = placed;
    // Boxed, and in steps that leave nothing behind: this future lives as long as the connection does,
    // and whatever one step needs would be held by all of them.
    if let Some(serving) = Box::pin(begin(carriage, stream, peer_addr, &mut guard, tls)).await {
        serving.await;
    }
    drop(guard);
}

/// What serves the connection, once it is known what it speaks; none when it came to nothing.
async fn begin(
    carriage: Rc<Carriage>,
    mut stream: TcpStream,
    client_addr: SocketAddr,
    guard: &mut ConnectionGuard,
    tls: Option<Arc<ServerTls>>,
) -> Option<Serving> {
    let id = carriage.connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    let mut connection = Connection { id, client_addr, tls: None, resumed: None };
    let settings = carriage.settings();
    let timeout = settings.timeouts.handshake;
    if let Some(proxies) = &settings.proxied {
        match introduction::hear(proxies, &mut stream, client_addr, guard, timeout).await {
            Ok(client_addr) => connection.client_addr = client_addr,
            Err(stranger) => {
                if let Some(reason) = stranger.reason() {
                    tracing::info!(client = %client_addr, reason, "connection refused");
                    came_to_nothing(&carriage, connection, Side::Downstream, reason);
                }
                return None;
            }
        }
    }
    let Some(tls) = tls else {
        let http2 = speaks_http2(&stream, timeout).await?;
        return Some(serving(http2, carriage, stream, connection));
    };
    match tls.accept(stream, timeout, id).await {
        Ok((stream, facts)) => {
            let http2 = facts.alpn == Some(Alpn::Http2);
            connection.resumed = facts.resumed_from;
            connection.tls = Some(agreed(facts));
            Some(serving(http2, carriage, stream, connection))
        }
        Err(failure) => {
            failed(&carriage, connection, &failure);
            None
        }
    }
}

fn serving<S: Socket>(
    http2: bool,
    carriage: Rc<Carriage>,
    stream: S,
    connection: Connection,
) -> Serving {
    if http2 {
        Box::pin(serve_http2(carriage, stream, connection))
    } else {
        Box::pin(serve_http1(carriage, stream, connection))
    }
}

fn agreed(facts: TlsFacts) -> Tls {
    Tls {
        version: facts.version.to_owned(),
        sni: facts.sni,
        alpn: facts.alpn.map(|alpn| alpn.as_str().to_owned()),
        ja4: facts.ja4,
        client_certificate: facts
            .client
            .map(|client| ClientCertificate { name: client.name, subject: client.subject }),
    }
}

fn failed(carriage: &Carriage, mut connection: Connection, failure: &HandshakeFailure) {
    if failure.kind == HandshakeFailureKind::ClosedEarly {
        // It opened a connection and said nothing: a health check, or a browser that thought ahead.
        tracing::debug!(client = %connection.client_addr, "closed before it said hello");
        return;
    }
    tracing::info!(
        client = %connection.client_addr,
        sni = failure.sni.as_deref(),
        reason = %failure.reason,
        "TLS handshake failed"
    );
    connection.tls =
        Some(Tls { sni: failure.sni.clone(), ja4: failure.ja4.clone(), ..Tls::default() });
    let side = match failure.kind {
        HandshakeFailureKind::Ours => Side::Ours,
        _ => Side::Downstream,
    };
    came_to_nothing(
        carriage,
        connection,
        side,
        format!("TLS handshake failed: {}", failure.reason),
    );
}

/// Records a connection that never came to a request.
fn came_to_nothing(carriage: &Carriage, connection: Connection, side: Side, reason: String) {
    let at = clock::now();
    let id = carriage.ids.borrow_mut().next(at);
    let failure = Failure { side, reason };
    carriage.record.record(Event::HandshakeFailed {
        id,
        at,
        connection: &Arc::new(connection),
        failure: &failure,
    });
}

/// Whether the first bytes on a plain connection are those of HTTP/2 (prior knowledge); none when
/// nothing came.
async fn speaks_http2(stream: &TcpStream, limit: Duration) -> Option<bool> {
    let mut seen = [0; PREFACE.len()];
    let mut pause = Duration::from_millis(5);
    let look = async {
        loop {
            let n = stream.peek(&mut seen).await.ok()?;
            let seen = seen.get(..n)?;
            if n == 0 {
                return None;
            }
            if !PREFACE.starts_with(seen) {
                return Some(false);
            }
            if n == PREFACE.len() {
                return Some(true);
            }
            // The beginning of a preface: a peek shows the same bytes until more have come. Whoever
            // stops there is looked at ever less often.
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    };
    tokio::time::timeout(limit, look).await.ok()?
}

#[cfg(test)]
mod tests {
    use wayside_transport::server_tls::ServerStream;

    use super::*;

    fn size<A, B, C, F>(_of: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_an_open_connection_holds_is_small() {
        assert!(size(serve) <= 256, "{}", size(serve));
        let http1 = size(serve_http1::<ServerStream>);
        assert!(http1 <= 256, "{http1}");
    }
}
