//! A small backend that keeps the requests it saw, and ends when it is dropped.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use wayside_replay::{Options, Pace};
use wayside_transport::dial::Upstream;
use wayside_transport::server_tls::ServerTls;

pub(crate) struct Backend {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _serving: JoinSet<()>,
}

/// A request as the backend saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which of the accepted connections it came over, from 1.
    pub(crate) connection: usize,
    pub(crate) line: String,
    pub(crate) fields: Vec<String>,
    pub(crate) body: Bytes,
}

impl Backend {
    /// Answers with what `answer` makes of each request.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Seen) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send,
    {
        Self::start_with(None, answer).await
    }

    /// The same, over TLS if given.
    pub(crate) async fn start_with<A, F>(tls: Option<Arc<ServerTls>>, answer: A) -> Self
    where
        A: Fn(Seen) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let mut serving = JoinSet::new();
        let all = Arc::clone(&seen);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 1.. {
                let (tcp, _) = listener.accept().await.unwrap();
                let (answer, all, tls) = (answer.clone(), Arc::clone(&all), tls.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let (answer, all) = (answer.clone(), Arc::clone(&all));
                        async move {
                            let seen = Seen::of(connection, request).await;
                            all.lock().unwrap().push(seen.clone());
                            Ok::<_, Infallible>(answer(seen).await)
                        }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // The replay may close whenever it is done.
                    let _ = match tls {
                        None => server.serve_connection(TokioIo::new(tcp), service).await,
                        Some(tls) => {
                            let limit = Duration::from_secs(10);
                            let (stream, _) = tls.accept(tcp, limit, 0).await.unwrap();
                            server.serve_connection(TokioIo::new(stream), service).await
                        }
                    };
                });
            }
        });
        Self { port, seen, _serving: serving }
    }

    /// To this backend, at full speed.
    pub(crate) fn options(&self) -> Options {
        let target = Upstream::parse(&format!("http://127.0.0.1:{}", self.port)).unwrap();
        Options { pace: Pace::Max, ..Options::to(target) }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Seen {
    async fn of(connection: usize, request: Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        let fields = head.headers.iter();
        Self {
            connection,
            line: format!("{} {} {:?}", head.method, head.uri, head.version),
            fields: fields.map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect(),
            body: body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }
}

/// A response with JSON.
pub(crate) fn json(status: u16, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(text.into())).unwrap()
}
