//! The control socket: who can open it, what it replaces, and that it answers as the router does.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::fixture::{Fixture, Told};
use crate::{ConsoleError, Control, Source, control_path, router};

#[tokio::test]
async fn only_this_user_can_open_the_socket() {
    let fixture = Fixture::new();
    let path = control_path(fixture.folder.path());
    let control = Control::bind(&path).unwrap();
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(!path.with_extension("new").exists());
    drop(control);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_live_one_is_an_error() {
    let fixture = Fixture::new();
    let path = control_path(fixture.folder.path());
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "as a killed recorder leaves it");
    let control = Control::bind(&path).unwrap();
    let refused = Control::bind(&path).unwrap_err();
    assert!(matches!(refused, ConsoleError::InUse { .. }));
    assert_eq!(refused.to_string(), format!("another recorder answers on `{}`", path.display()));
    assert!(path.exists());
    drop(control);
    std::fs::write(&path, "a file").unwrap();
    assert!(matches!(Control::bind(&path).unwrap_err(), ConsoleError::NotASocket { .. }));
}

#[tokio::test]
async fn the_socket_answers_as_the_router_does_in_process() {
    let mut fixture = Fixture::new();
    let told = Told { response: b"\x00\xff bytes", ..Told::default() };
    let id = fixture.record(&told).id;
    fixture.record(&Told { status: 404, ..Told::default() });
    let path = control_path(fixture.folder.path());
    let control = Control::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = control.serve(fixture.api(), stopped.map(|_| ()));
    let asking = async {
        let unused = || -> Result<_, ConsoleError> { panic!("the recorder answers") };
        let over_socket = Source::of(fixture.folder.path(), unused).await.unwrap();
        assert!(matches!(&over_socket, Source::Recorder(at) if *at == path));
        let in_process = Source::InProcess(router(fixture.api()));
        for asked in [
            "/api/status",
            "/api/exchanges",
            "/api/exchanges?rows=1&order=newest",
            "/api/exchanges?filter=%28",
            "/api/sessions",
            "/api/clients",
            &format!("/api/exchanges/{id}/response/body"),
            &format!("/api/exchanges/{id}/request/head"),
            "/nothing",
        ] {
            let (one, other) =
                (over_socket.ask(asked).await.unwrap(), in_process.ask(asked).await.unwrap());
            assert_eq!(one.status, other.status, "{asked}");
            assert_eq!(one.headers["content-type"], other.headers["content-type"]);
            assert_eq!(one.bytes().await.unwrap(), other.bytes().await.unwrap(), "{asked}");
        }
        stop.send(()).unwrap();
    };
    tokio::join!(serving, asking);
    assert!(!path.exists());
}

#[tokio::test]
async fn without_a_recorder_the_question_is_answered_in_process() {
    let fixture = Fixture::new();
    let path = control_path(fixture.folder.path());
    for dead in [false, true] {
        if dead {
            drop(UnixListener::bind(&path).unwrap());
        }
        let open = || Ok::<_, ConsoleError>(router(fixture.api_at_rest()));
        let source = Source::of(fixture.folder.path(), open).await.unwrap();
        assert!(matches!(source, Source::InProcess(_)));
        let status: crate::ConsoleStatus =
            source.ask("/api/status").await.unwrap().json().await.unwrap();
        assert!(!status.status.recording);
        assert_eq!(status.version, "1.2.3");
    }
}
