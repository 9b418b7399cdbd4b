//! One worker's upstream connections: those that idle are used again, the youngest first.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;
use wayside_exchange::Micros;
use wayside_exchange::cause::chain;
use wayside_transport::Alpn;
use wayside_transport::dial::{DialError, DialErrorKind, Dialer, UpstreamStream};

use crate::forward::RequestBody;
use crate::refusal::Refusal;
use crate::wiretap::{HeadLimits, Reads, Wire, Wiretap};
use crate::worker::{LocalExecutor, spawn};

/// Idle connections that one worker keeps at most.
const MOST_IDLE: usize = 512;
/// Streams on one upstream HTTP/2 connection before another is opened.
const STREAMS_PER_CONNECTION: usize = 100;
/// A response head may be larger than a request head: backends are trusted more than clients.
const RESPONSE_HEAD: HeadLimits = HeadLimits { bytes: 1 << 20, fields: 1000 };

/// The upstream connections of one worker.
#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Dialer,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<Shared>>>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<RequestBody>,
    wire: Arc<Wire>,
    since: Instant,
}

/// An HTTP/2 connection, which carries many exchanges at once.
#[derive(Debug)]
struct Shared {
    sender: http2::SendRequest<RequestBody>,
    streams: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// What an exchange needs of its upstream connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Whatever the backend prefers.
    Any,
    /// HTTP/1.1: an upgrade.
    Http1,
    /// HTTP/2 even without TLS, by prior knowledge: gRPC, which exists on nothing else.
    Http2,
}

/// An upstream connection in use by one exchange.
#[derive(Debug)]
pub(crate) struct Lease {
    carrier: Carrier,
    /// It has carried an exchange before, so the backend may have closed it meanwhile.
    pub(crate) reused: bool,
}

#[derive(Debug)]
enum Carrier {
    Http1 { sender: http1::SendRequest<RequestBody>, wire: Arc<Wire>, pool: Rc<Pool> },
    Http2(Stream),
}

/// One stream's share of an HTTP/2 connection.
#[derive(Debug)]
struct Stream(Rc<Shared>);

impl Pool {
    pub(crate) fn new(dialer: Dialer) -> Rc<Self> {
        Rc::new(Self { dialer, idle: RefCell::default(), shared: RefCell::default() })
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// A connection that has been used before, if one is there.
    pub(crate) fn reuse(self: &Rc<Self>, need: Need) -> Option<Lease> {
        if need != Need::Http1
            && let Some(lease) = self.reuse_shared()
        {
            return Some(lease);
        }
        if need == Need::Http2 {
            return None;
        }
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { sender, wire, .. }) = idle.pop() {
            if !sender.is_closed() {
                let carrier = Carrier::Http1 { sender, wire, pool: Rc::clone(self) };
                return Some(Lease { carrier, reused: true });
            }
        }
        None
    }

    fn reuse_shared(&self) -> Option<Lease> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| !connection.sender.is_closed());
        let open =
            shared.iter().find(|connection| connection.streams.get() < STREAMS_PER_CONNECTION)?;
        Some(Lease { carrier: Carrier::Http2(Stream::on(open)), reused: true })
    }

    /// A fresh connection, and how long it took to get.
    pub(crate) async fn dial(self: &Rc<Self>, need: Need) -> Result<(Lease, Micros), Refusal> {
        let began = Instant::now();
        let dialled = match need {
            Need::Http1 => self.dialer.dial_http1().await,
            Need::Any | Need::Http2 => self.dialer.dial().await,
        }
        .map_err(|error| unreachable(&error))?;
        let plain = dialled.tls.is_none();
        let http2 = dialled.alpn == Some(Alpn::Http2) || (plain && need == Need::Http2);
        let carrier = if http2 {
            self.speak_http2(dialled.stream).await
        } else {
            self.speak_http1(dialled.stream).await
        };
        let carrier = carrier.map_err(|error| {
            let address = self.dialer.upstream().address();
            Refusal::bad_gateway(format!("the backend {address} refused HTTP: {}", chain(&error)))
        })?;
        Ok((Lease { carrier, reused: false }, began.elapsed().into()))
    }

    async fn speak_http1(self: &Rc<Self>, stream: UpstreamStream) -> hyper::Result<Carrier> {
        let wire = Wire::new(Reads::Responses, RESPONSE_HEAD);
        let io = TokioIo::new(Wiretap::new(stream, Arc::clone(&wire)));
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(RESPONSE_HEAD.fields)
            .handshake(io)
            .await?;
        spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "upstream connection ended");
            }
        });
        Ok(Carrier::Http1 { sender, wire, pool: Rc::clone(self) })
    }

    async fn speak_http2(&self, stream: UpstreamStream) -> hyper::Result<Carrier> {
        let (sender, connection) = http2::Builder::new(LocalExecutor)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .max_frame_size(64 << 10)
            .handshake(TokioIo::new(stream))
            .await?;
        spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "upstream connection ended");
            }
        });
        let shared = Rc::new(Shared {
            sender,
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
        });
        self.shared.borrow_mut().push(Rc::clone(&shared));
        Ok(Carrier::Http2(Stream::on(&shared)))
    }

    /// Closes what has idled longer than `limit`.
    pub(crate) fn prune(&self, limit: Duration) {
        self.idle
            .borrow_mut()
            .retain(|idle| idle.since.elapsed() < limit && !idle.sender.is_closed());
        self.shared.borrow_mut().retain(|shared| {
            !shared.sender.is_closed()
                && (shared.streams.get() > 0 || shared.idle_since.get().elapsed() < limit)
        });
    }
}

impl Lease {
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.carrier, Carrier::Http2(_))
    }

    /// The wire of an HTTP/1.1 connection.
    pub(crate) fn wire(&self) -> Option<&Arc<Wire>> {
        match &self.carrier {
            Carrier::Http1 { wire, .. } => Some(wire),
            Carrier::Http2(_) => None,
        }
    }

    /// Sends a request; on failure the request comes back when not a byte of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<hyper::Response<hyper::body::Incoming>, TrySendError<Request<RequestBody>>> {
        match &mut self.carrier {
            Carrier::Http1 { sender, .. } => sender.try_send_request(request).await,
            Carrier::Http2(stream) => stream.0.sender.clone().try_send_request(request).await,
        }
    }

    /// The exchange is through, and the connection good for another.
    pub(crate) fn give_back(self) {
        if let Carrier::Http1 { sender, wire, pool } = self.carrier {
            let mut idle = pool.idle.borrow_mut();
            if !sender.is_closed() && idle.len() < MOST_IDLE {
                idle.push(Idle { sender, wire, since: Instant::now() });
            }
        }
    }
}

impl Stream {
    fn on(shared: &Rc<Shared>) -> Self {
        shared.streams.set(shared.streams.get() + 1);
        Self(Rc::clone(shared))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}

fn unreachable(error: &DialError) -> Refusal {
    match error.kind {
        DialErrorKind::TimedOut => Refusal::gateway_timeout(error.to_string()),
        DialErrorKind::Fenced => Refusal::ourselves(error.to_string()),
        _ => Refusal::bad_gateway(error.to_string()),
    }
}
