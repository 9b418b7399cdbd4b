//! The asking side: the running recorder over its control socket, or the same router in this process
//! when none runs. Who asks cannot tell the difference.

mod answer;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::error::ConsoleError;
use crate::refusal::Refusal;
use crate::serve::control::control_path;
use crate::serve::control::reach::connect;

pub use answer::{Answer, Lines};

/// Who answers.
#[derive(Clone, Debug)]
pub enum Source {
    /// The recorder that listens on this control socket.
    Recorder(PathBuf),
    /// Nobody else: this router, in this process.
    InProcess(Router),
}

impl Source {
    /// The recorder of the folder `data`, when one answers; else what `open` makes.
    pub async fn of<E: From<ConsoleError>>(
        data: &Path,
        open: impl FnOnce() -> Result<Router, E>,
    ) -> Result<Self, E> {
        let path = control_path(data);
        match connect(&path).await {
            Ok(_) => Ok(Source::Recorder(path)),
            Err(error) if nobody_listens(error.kind()) => open().map(Source::InProcess),
            Err(source) => Err(ConsoleError::Socket { doing: "reach", path, source }.into()),
        }
    }

    /// Asks; the answer may be a refusal.
    pub async fn ask(&self, path_and_query: &str) -> Result<Answer, ConsoleError> {
        self.send(Method::GET, path_and_query).await
    }

    /// Asks by any method; the answer may be a refusal.
    pub async fn send(&self, method: Method, path_and_query: &str) -> Result<Answer, ConsoleError> {
        let request = request(method, path_and_query)?;
        match self {
            Source::Recorder(path) => send_to_socket(path, request).await,
            Source::InProcess(router) => {
                let response = send(router.clone(), request).await;
                Ok(Answer::in_process(response))
            }
        }
    }
}

/// No socket, or one that a recorder left behind when it was killed.
fn nobody_listens(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory)
}

/// Asks `router` in this process. What is no path and query is answered with 400.
pub async fn ask(router: Router, path_and_query: &str) -> Response {
    if let Ok(request) = request(Method::GET, path_and_query) {
        return send(router, request).await;
    }
    Refusal::misused(format!("`{path_and_query}` is not a path and query")).into_response()
}

/// Asks the recorder that listens on the control socket `path`.
pub async fn ask_socket(path: &Path, path_and_query: &str) -> Result<Answer, ConsoleError> {
    send_to_socket(path, request(Method::GET, path_and_query)?).await
}

async fn send_to_socket(path: &Path, request: Request<Body>) -> Result<Answer, ConsoleError> {
    let stream = connect(path).await.map_err(|source| ConsoleError::Socket {
        doing: "reach",
        path: path.to_owned(),
        source,
    })?;
    let lost = |source| ConsoleError::Lost { path: path.to_owned(), source };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // How it ended shows in the body of the answer.
        let _ = connection.await;
    });
    let response = sender.send_request(request).await.map_err(lost)?;
    Ok(Answer::new(response.map(Body::new), tasks))
}

fn request(method: Method, path_and_query: &str) -> Result<Request<Body>, ConsoleError> {
    Request::builder()
        .method(method)
        .uri(path_and_query)
        .header(header::HOST, "localhost")
        .body(Body::empty())
        .map_err(|source| ConsoleError::Question { asked: path_and_query.to_owned(), source })
}

async fn send(router: Router, request: Request<Body>) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
