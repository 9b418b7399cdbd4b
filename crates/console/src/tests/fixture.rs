//! A store with exchanges in it, a recorder that announces, and askers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::sync::broadcast;
use tower::ServiceExt as _;
use wayside_analytics::meters::Meters;
use wayside_exchange::view::{BoardView, OutlierView, StatusView};
use wayside_exchange::{
    BodyEnd, Evidence, EvidenceKind, ExchangeId, ExchangeIds, HttpVersion, Marks, Micros, Outcome,
    Scheme, SessionId, Summary, Timestamp, Timing,
};
use wayside_store::{NewBody, NewMessage, NewRecord, Options, Store, Writer};

use crate::{Api, ConsoleFacts, Live, Load, router};

pub(super) const START: Timestamp = Timestamp(1_795_000_000_000_000);
pub(super) const SECOND: u64 = 1_000_000;

pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) recorder: Arc<FakeRecorder>,
    writer: Writer,
    ids: ExchangeIds,
}

pub(super) struct FakeRecorder {
    feed: Mutex<Option<broadcast::Sender<Arc<Summary>>>>,
    pub(super) problems: Mutex<Vec<String>>,
}

/// What is to be recorded.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) client: &'static str,
    pub(super) session: Option<SessionId>,
    pub(super) at: Timestamp,
    pub(super) target: &'static str,
    pub(super) status: u16,
    pub(super) request: &'static [u8],
    pub(super) response: &'static [u8],
    pub(super) response_fields: &'static str,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            client: "key:alice",
            session: None,
            at: START,
            target: "/orders/17?page=2",
            status: 200,
            request: b"",
            response: b"hello",
            response_fields: "Content-Type: text/html\r\n",
        }
    }
}

impl Live for FakeRecorder {
    fn status(&self) -> StatusView {
        StatusView {
            recording: true,
            forwarded: 7,
            problems: self.problems.lock().unwrap().clone(),
            ..StatusView::default()
        }
    }

    fn outliers(&self) -> Arc<Vec<OutlierView>> {
        Arc::default()
    }

    fn board(&self) -> Arc<BoardView> {
        Arc::default()
    }

    fn meters(&self) -> Meters {
        Meters::default()
    }

    fn load(&self) -> Load {
        Load { connections: 3, queue_budget: 64 << 20 }
    }

    fn follow(&self) -> broadcast::Receiver<Arc<Summary>> {
        self.feed.lock().unwrap().as_ref().unwrap().subscribe()
    }
}

impl FakeRecorder {
    pub(super) fn announce(&self, summary: &Summary) {
        let feed = self.feed.lock().unwrap();
        feed.as_ref().unwrap().send(Arc::new(summary.clone())).unwrap();
    }

    /// Waits until nobody follows any more.
    pub(super) async fn unfollowed(&self) {
        let feed = self.feed.lock().unwrap().as_ref().unwrap().clone();
        feed.closed().await;
    }

    pub(super) fn stop(&self) {
        self.feed.lock().unwrap().take();
    }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer, _) = Store::open(folder.path(), Options::default()).unwrap();
        let recorder = Arc::new(FakeRecorder {
            feed: Mutex::new(Some(broadcast::channel(4).0)),
            problems: Mutex::default(),
        });
        let ids = ExchangeIds::new(0, ExchangeId(0));
        Self { folder, store, recorder, writer, ids }
    }

    /// A row that is not stored.
    pub(super) fn summary(&mut self, told: &Told) -> Summary {
        let id = self.ids.next(told.at);
        let (kind, token) = told.client.split_once(':').unwrap();
        assert_eq!(kind, "key");
        Summary {
            id,
            started_at: told.at,
            client: told.client.to_owned(),
            session: told.session.unwrap_or(SessionId(id)),
            connection: 1,
            client_addr: "127.0.0.1:4000".parse().unwrap(),
            tls: None,
            http_version: HttpVersion::Http11,
            scheme: Scheme::Https,
            method: "POST".to_owned(),
            host: "shop.test".to_owned(),
            target: told.target.to_owned(),
            route: format!("POST {}", told.target.split('?').next().unwrap_or_default()),
            status: Some(told.status),
            outcome: Outcome::Complete,
            failure: None,
            timing: Timing { total: Micros(12_500), ..Timing::default() },
            request_bytes: told.request.len() as u64,
            response_bytes: told.response.len() as u64,
            marks: Marks::default(),
            evidence: vec![Evidence { kind: EvidenceKind::Key, token: token.to_owned() }],
        }
    }

    pub(super) fn record(&mut self, told: &Told) -> Summary {
        let summary = self.summary(told);
        self.store_it(&summary, told);
        summary
    }

    pub(super) fn store_it(&mut self, summary: &Summary, told: &Told) {
        let request = format!("POST {} HTTP/1.1\r\nHost: shop.test\r\n\r\n", told.target);
        let response = format!("HTTP/1.1 {} Fine\r\n{}\r\n", told.status, told.response_fields);
        let body = |bytes: &'static [u8]| NewBody {
            bytes: bytes.len() as u64,
            end: BodyEnd::Complete,
            ..NewBody::none()
        };
        let (request_rest, response_rest) = ([told.request], [told.response]);
        let record = NewRecord {
            summary,
            request: NewMessage {
                head: request.as_bytes(),
                trailers: b"",
                body: NewBody { rest: &request_rest, ..body(told.request) },
            },
            informed: &[],
            response: Some(NewMessage {
                head: response.as_bytes(),
                trailers: b"",
                body: NewBody { rest: &response_rest, ..body(told.response) },
            }),
            sealed: b"",
        };
        self.writer.append(&record).unwrap();
        self.writer.flush().unwrap();
    }

    /// The API with the recorder running.
    pub(super) fn api(&self) -> Api {
        let recorder: Arc<dyn Live> = self.recorder.clone();
        Api { recorder: Some(recorder), ..self.api_at_rest() }
    }

    /// The API when none runs.
    pub(super) fn api_at_rest(&self) -> Api {
        let facts = ConsoleFacts { version: "1.2.3".to_owned(), ..ConsoleFacts::default() };
        Api {
            resealer: None,
            store: self.store.clone(),
            recorder: None,
            standards: wayside_analytics::Standards::default(),
            alerts: wayside_alerts::Alerts::open(self.folder.path(), self.store.cover()),
            pushed: None,
            facts,
        }
    }

    pub(super) async fn ask(&self, path_and_query: &str) -> (StatusCode, String) {
        let response = crate::ask(router(self.api()), path_and_query).await;
        (response.status(), text(response).await)
    }

    pub(super) async fn json(&self, path_and_query: &str) -> Value {
        let (status, text) = self.ask(path_and_query).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(super) async fn lines(&self, path_and_query: &str) -> Vec<Value> {
        let (status, text) = self.ask(path_and_query).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The `id` of every line.
    pub(super) async fn ids(&self, path_and_query: &str) -> Vec<String> {
        let lines = self.lines(path_and_query).await;
        lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asks with headers of one's own.
pub(super) async fn send(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}
