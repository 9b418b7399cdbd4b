//! One client: its connection kept alive, its credentials, its pace and what became of its requests.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Stopped;
use crate::chance::Chance;
use crate::shop::Customer;

/// How long to wait before dialling again after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(400);

/// What became of one client's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The client.
    pub client: &'static str,
    /// Requests answered, whatever the status.
    pub answered: u64,
    /// Of those, how many with a status of 400 and above.
    pub errors: u64,
    /// Requests that had no whole answer.
    pub failed: u64,
}

/// A client that sends one request after the other.
pub(super) struct Client<'a, Dial> {
    pub(super) chance: Chance,
    pub(super) customer: Option<Customer>,
    host: &'a str,
    dial: &'a Dial,
    stopped: watch::Receiver<bool>,
    standing: HeaderMap,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// Drives the newest connection; a new one ends the old.
    driver: JoinSet<()>,
    tally: Tally,
}

/// What came back; nothing at all when the connection failed.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: Option<StatusCode>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What to ask for.
#[derive(Debug)]
pub(super) struct Ask {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// How one client reaches the shop; the habits are written against this, whatever the connection is made of.
pub(super) trait Sends {
    /// Sends `ask` and reads its whole answer.
    async fn send(&mut self, ask: Ask) -> Result<Answer, Stopped>;
    /// Waits about `milliseconds`, a quarter more or less.
    async fn pause(&mut self, milliseconds: u64) -> Result<(), Stopped>;
    /// Sends `name: value` with every request from now on.
    fn carry(&mut self, name: HeaderName, value: &str);
    /// The client's own variety.
    fn chance(&mut self) -> &mut Chance;
    /// Who the client is to the shop.
    fn customer(&self) -> Option<Customer>;
}

impl<'a, Dial, Dialling, Io> Client<'a, Dial>
where
    Dial: Fn() -> Dialling,
    Dialling: Future<Output = io::Result<Io>>,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    pub(super) fn new(
        name: &'static str,
        agent: &str,
        host: &'a str,
        dial: &'a Dial,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let seed = name.bytes().fold(1, |seed, byte| seed * 31 + u64::from(byte));
        let tally = Tally { client: name, answered: 0, errors: 0, failed: 0 };
        let mut client = Self {
            chance: Chance::new(seed),
            customer: Customer::named(name),
            host,
            dial,
            stopped,
            standing: HeaderMap::new(),
            connection: None,
            driver: JoinSet::new(),
            tally,
        };
        client.carry(header::HOST, client.host);
        client.carry(header::USER_AGENT, agent);
        client.carry(header::ACCEPT, "application/json");
        client
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    async fn exchange(
        &mut self,
        ask: Ask,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        *request.uri_mut() = ask.target.parse()?;
        request.headers_mut().extend(self.standing.clone());
        request.headers_mut().extend(ask.headers);
        let response = self.connected().await?.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Incoming::collect(body).await?.to_bytes();
        Ok(Answer { status: Some(head.status), headers: head.headers, body })
    }

    async fn connected(
        &mut self,
    ) -> Result<&mut SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(mut open) = self.connection.take()
            && open.ready().await.is_ok()
        {
            return Ok(self.connection.insert(open));
        }
        let socket = (self.dial)().await?;
        let (open, driving) = http1::handshake(TokioIo::new(socket)).await?;
        self.driver.shutdown().await;
        self.driver.spawn(async {
            // A request that fails says so itself.
            let _ = driving.await;
        });
        Ok(self.connection.insert(open))
    }
}

impl<Dial, Dialling, Io> Sends for Client<'_, Dial>
where
    Dial: Fn() -> Dialling,
    Dialling: Future<Output = io::Result<Io>>,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    async fn send(&mut self, ask: Ask) -> Result<Answer, Stopped> {
        if *self.stopped.borrow() {
            return Err(Stopped);
        }
        if let Ok(answer) = self.exchange(ask).await {
            self.tally.answered += 1;
            self.tally.errors +=
                u64::from(answer.status.is_some_and(|status| status.as_u16() >= 400));
            return Ok(answer);
        }
        self.connection = None;
        self.tally.failed += 1;
        let _ = tokio::time::timeout(AFTER_FAILURE, self.stopped.wait_for(|stop| *stop)).await;
        Ok(Answer::default())
    }

    async fn pause(&mut self, milliseconds: u64) -> Result<(), Stopped> {
        let quarter = milliseconds / 4;
        let pause = self.chance.between(milliseconds - quarter, milliseconds + quarter);
        let stop = self.stopped.wait_for(|stop| *stop);
        match tokio::time::timeout(Duration::from_millis(pause), stop).await {
            Ok(_) => Err(Stopped),
            Err(_) => Ok(()),
        }
    }

    fn carry(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.standing.insert(name, value);
        }
    }

    fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    fn customer(&self) -> Option<Customer> {
        self.customer
    }
}

impl Answer {
    /// The JSON under `name` in the body.
    pub(super) fn field(&self, name: &str) -> Option<Value> {
        let mut value: Value = serde_json::from_slice(&self.body).ok()?;
        value.get_mut(name).map(Value::take)
    }

    /// The number under `name` in the body.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.as_u64()
    }

    /// The text under `name` in the body.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.field(name)?.as_str().map(str::to_owned)
    }

    /// The text of the header `name`.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Ask {
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    pub(super) fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    pub(super) fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(super) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(header::CONTENT_TYPE, content_type)
    }
}
