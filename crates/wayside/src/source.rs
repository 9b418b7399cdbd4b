//! Where answers come from: the running recorder, over its control socket, or the same API in this
//! process when none runs. The verbs cannot tell the difference.

mod changing;
mod question;

use std::path::Path;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::Method;
use wayside_alerts::Alerts;
use wayside_analytics::Thresholds;
use wayside_console::{Answer, Api, ConsoleFacts, Router, router};
use wayside_store::{Location, Store};

pub use changing::Changing;
pub use question::Question;
pub use wayside_console::recorder_runs;

use crate::report::trouble::Trouble;

/// The API of one recording.
pub struct Source {
    source: wayside_console::Source,
}

impl Source {
    /// The API of the recording at `data`.
    pub async fn open(data: impl Into<Location>) -> anyhow::Result<Self> {
        Self::asking(data, Thresholds::default(), |_| Router::new()).await
    }

    /// The same for who asks how clients fare; a recorder that runs has thresholds of its own.
    pub async fn judging(
        data: impl Into<Location>,
        thresholds: Thresholds,
    ) -> anyhow::Result<Self> {
        Self::asking(data, thresholds, |_| Router::new()).await
    }

    /// The same with routes that the recorder's control socket has beside the console's.
    pub async fn with(
        data: impl Into<Location>,
        more: impl FnOnce(Api) -> Router,
    ) -> anyhow::Result<Self> {
        Self::asking(data, Thresholds::default(), more).await
    }

    async fn asking(
        data: impl Into<Location>,
        thresholds: Thresholds,
        more: impl FnOnce(Api) -> Router,
    ) -> anyhow::Result<Self> {
        let data = data.into();
        let in_process = || {
            let store = store(&data)?;
            let api = Api {
                alerts: Alerts::open(&data, store.cover()),
                store,
                recorder: None,
                resealer: None,
                standards: thresholds.into(),
                pushed: None,
                facts: ConsoleFacts {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..ConsoleFacts::default()
                },
            };
            anyhow::Ok(router(api.clone()).merge(more(api)))
        };
        Ok(Self { source: wayside_console::Source::of(&data, in_process).await? })
    }

    /// Whether a recorder answers.
    pub fn recorder_runs(&self) -> bool {
        matches!(self.source, wayside_console::Source::Recorder(_))
    }

    /// Asks, and fails unless the answer is a good one.
    pub async fn ask(&self, question: &Question) -> anyhow::Result<Answer> {
        self.send(Method::GET, question).await
    }

    /// The same by any method.
    pub async fn send(&self, method: Method, question: &Question) -> anyhow::Result<Answer> {
        Ok(self.source.send(method, &question.to_string()).await?.or_refused().await?)
    }
}

/// The body of an answer, and whether it goes on after `limit` bytes.
pub async fn beginning(answer: Answer, limit: usize) -> anyhow::Result<(Bytes, bool)> {
    let mut pieces = answer.pieces();
    let mut all = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece?);
        if all.len() > limit {
            all.truncate(limit);
            return Ok((all.freeze(), true));
        }
    }
    Ok((all.freeze(), false))
}

/// Reads the recording at `data` directly, beside a recorder if one runs.
pub fn store(data: &Location) -> anyhow::Result<Store> {
    expect_recording(data)?;
    Store::read_only(data)
        .with_context(|| format!("could not open the recording at `{}`", data.display()))
}

/// Fails when there is no recording at `data`.
pub fn expect_recording(data: &Path) -> Result<(), Trouble> {
    if data.join("segments").is_dir() {
        return Ok(());
    }
    Err(Trouble::failed(format!("no recording at `{}`", data.display()))
        .hint("start one with `wayside record UPSTREAM`, or name another folder with `--data DIR`"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::report::paint::Paint;
    use crate::report::trouble::describe;

    #[test]
    fn a_folder_without_a_recording_says_how_to_get_one() {
        let error = expect_recording(Path::new("/nowhere/wayside-data")).unwrap_err();
        assert_eq!(
            describe(&error.into(), Paint::plain()),
            "error: no recording at `/nowhere/wayside-data`\nhint: start one with `wayside record \
             UPSTREAM`, or name another folder with `--data DIR`\n"
        );
    }
}
