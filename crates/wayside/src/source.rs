//! Where answers come from: the running recorder, over its control socket, or the same API in this
//! process when none runs. The verbs cannot tell the difference.

mod answer;
mod question;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use wayside_store::Store;

pub use answer::Answer;
pub use question::Question;

use crate::report::trouble::Trouble;

/// The API of one recording.
pub struct Source {
    data: PathBuf,
    /// None when a recorder runs.
    router: Option<axum::Router>,
}

impl Source {
    /// The API of the recording at `data`.
    pub async fn open(data: &Path) -> anyhow::Result<Self> {
        let router = if connect(data).await.is_some() { None } else { Some(in_process(data)?) };
        Ok(Self { data: data.to_owned(), router })
    }

    /// Whether a recorder answers.
    pub fn recorder_runs(&self) -> bool {
        self.router.is_none()
    }

    /// Asks, and fails unless the answer is a good one.
    pub async fn ask(&self, question: &Question) -> anyhow::Result<Answer> {
        let request = http::Request::get(question.to_string())
            .header(http::header::HOST, "wayside")
            .body(Empty::<bytes::Bytes>::new())?;
        let answer = if let Some(router) = &self.router {
            let request = request.map(axum::body::Body::new);
            let response = router.clone().oneshot(request).await?;
            Answer::new(response.map(|body| body.map_err(Into::into).boxed_unsync()), JoinSet::new())
        } else {
            let lost = || format!("the recorder on `{}` stopped answering", self.data.display());
            let stream = connect(&self.data).await.with_context(lost)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                // Its end shows in the body.
                let _ = connection.await;
            });
            let response = sender.send_request(request).await.with_context(lost)?;
            Answer::new(response.map(|body| body.map_err(Into::into).boxed_unsync()), tasks)
        };
        answer.or_trouble().await
    }
}

/// Reads the recording at `data` directly, beside a recorder if one runs.
pub fn store(data: &Path) -> anyhow::Result<Store> {
    if !data.join("segments").is_dir() {
        return Err(no_recording(data).into());
    }
    Store::read_only(data)
        .with_context(|| format!("could not open the recording at `{}`", data.display()))
}

/// A connection to the recorder of `data`; none when none runs.
pub async fn connect(data: &Path) -> Option<UnixStream> {
    UnixStream::connect(wayside_console::control_path(data)).await.ok()
}

fn in_process(data: &Path) -> anyhow::Result<axum::Router> {
    Ok(wayside_console::router(wayside_console::Api {
        store: store(data)?,
        recorder: None,
        facts: wayside_console::ConsoleFacts::default(),
    }))
}

fn no_recording(data: &Path) -> Trouble {
    Trouble::failed(format!("no recording at `{}`", data.display())).hint(
        "start one with `wayside record UPSTREAM`, or name another folder with `--data DIR`",
    )
}
