//! What the API answered, read as it comes: line by line, piece by piece, or at once.

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::report::trouble::Trouble;

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

/// An answer whose body is still coming.
pub struct Answer {
    status: StatusCode,
    body: Body,
    /// What has come and was not taken yet.
    waiting: BytesMut,
    /// The connection's own work, which goes on as long as somebody reads.
    _tasks: JoinSet<()>,
}

/// How the API says that something is wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrong {
    error: String,
    hint: Option<String>,
}

impl Answer {
    pub(super) fn new(response: Response<Body>, tasks: JoinSet<()>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, body, waiting: BytesMut::new(), _tasks: tasks }
    }

    /// This answer when it is a good one, else what it says is wrong.
    pub(super) async fn or_trouble(self) -> anyhow::Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let bytes = self.bytes(1 << 20).await?;
        let wrong: Wrong = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = match wrong.error.as_str() {
            "" => format!("the recorder answered {status}"),
            error => error.to_owned(),
        };
        let trouble = match status {
            StatusCode::BAD_REQUEST => Trouble::misused(message),
            StatusCode::NOT_FOUND => Trouble::not_found(message),
            _ => Trouble::failed(message),
        };
        Err(match wrong.hint {
            Some(hint) => trouble.hint(hint).into(),
            None => trouble.into(),
        })
    }

    /// The next piece of the body; none at its end.
    pub async fn piece(&mut self) -> anyhow::Result<Option<Bytes>> {
        if !self.waiting.is_empty() {
            return Ok(Some(self.waiting.split().freeze()));
        }
        while let Some(frame) = self.body.frame().await {
            match frame?.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next line without its end; none after the last.
    pub async fn line(&mut self) -> anyhow::Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            let fresh = self.waiting.get(searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|&byte| byte == b'\n') {
                let mut line = self.waiting.split_to(searched + end + 1);
                line.truncate(line.len() - 1);
                return Ok(Some(line.freeze()));
            }
            searched = self.waiting.len();
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.waiting.extend_from_slice(&data);
                    }
                }
                None if self.waiting.is_empty() => return Ok(None),
                None => return Ok(Some(self.waiting.split().freeze())),
            }
        }
    }

    /// How many lines are still to come.
    pub async fn count_lines(mut self) -> anyhow::Result<u64> {
        let mut lines = 0;
        while let Some(piece) = self.piece().await? {
            lines += piece.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
        Ok(lines)
    }

    /// The body, or its first `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> anyhow::Result<Bytes> {
        let mut all = BytesMut::new();
        while all.len() < limit {
            match self.piece().await? {
                Some(piece) => all.extend_from_slice(&piece),
                None => break,
            }
        }
        all.truncate(limit);
        Ok(all.freeze())
    }

    /// The body as one JSON object.
    pub async fn json<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        let bytes = self.bytes(usize::MAX).await?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}
