//! The console over TCP: who may look.

use std::future::pending;

use axum::Router;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::{Fixture, Told, send, text};
use crate::serve::guard;
use crate::{Token, serve};

const HOST: (&str, &str) = ("host", "127.0.0.1:8081");
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const BEARER: (&str, &str) = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");

fn guarded(fixture: &Fixture) -> Router {
    let token = Token::chosen(TOKEN).unwrap();
    guard::around(crate::router(fixture.api()), token, "127.0.0.1:8081".parse().unwrap())
}

#[tokio::test]
async fn nothing_is_shown_without_the_token() {
    let mut fixture = Fixture::new();
    let id = fixture.record(&Told::default()).id;
    let router = guarded(&fixture);
    let one = format!("/api/exchanges/{id}");
    let body = format!("{one}/response/body");
    for path in ["/", "/api/status", "/api/exchanges", "/nothing", &one, &body] {
        for wrong in [
            ("authorization", "Bearer 0123456789abcdef0123456789abcdee"),
            ("authorization", "Basic 0123456789abcdef0123456789abcdef"),
            ("authorization", "Bearer"),
            ("cookie", "wayside_token=; other=0123456789abcdef0123456789abcdef"),
            ("accept", "*/*"),
        ] {
            let response = send(&router, path, &[HOST, wrong]).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} {wrong:?}");
            let said = text(response).await;
            assert!(said.starts_with("{\"error\":\"a token is needed\",\"hint\":"), "{said}");
        }
        let status = if path == "/nothing" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(send(&router, path, &[HOST, BEARER]).await.status(), status);
    }
}

#[tokio::test]
async fn a_link_with_the_token_becomes_a_cookie() {
    let router = guarded(&Fixture::new());
    let response = send(&router, &format!("/?token={TOKEN}"), &[HOST]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, format!("wayside_token={TOKEN}; Path=/; HttpOnly; SameSite=Strict"));
    let cookie = format!("theme=dark; wayside_token={TOKEN}");
    let response = send(&router, "/", &[HOST, ("cookie", &cookie)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    for wrong in ["/?token=", "/?token=wrong", &format!("/api/status?token={TOKEN}")] {
        let response = send(&router, wrong, &[HOST]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(response.headers().get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn probes_need_no_token_and_tell_when_something_is_wrong() {
    let fixture = Fixture::new();
    let router = guarded(&fixture);
    for path in ["/health", "/ready"] {
        let response = send(&router, path, &[HOST]).await;
        assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, "ok\n"));
    }
    fixture.recorder.problems.lock().unwrap().push("no space left".to_owned());
    let response = send(&router, "/ready", &[HOST]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(response).await, "degraded\nno space left\n");
    assert_eq!(send(&router, "/health", &[HOST]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused() {
    let router = guarded(&Fixture::new());
    for (host, status) in [
        ("localhost:8081", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:9000", 200),
        ("[::1]:8081", 200),
        ("evil.test", 403),
        ("127.0.0.1.evil.test:8081", 403),
        ("localhost.evil.test", 403),
        ("192.168.1.7:8081", 403),
        ("", 403),
    ] {
        let response = send(&router, "/api/status", &[("host", host), BEARER]).await;
        assert_eq!(response.status().as_u16(), status, "{host}");
    }
    let twice = [("host", "localhost"), ("host", "evil.test"), BEARER];
    assert_eq!(send(&router, "/api/status", &twice).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&router, "/api/status", &[BEARER]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_answer_carries_security_headers_and_lets_no_other_origin_read() {
    let router = guarded(&Fixture::new());
    let origin = ("origin", "http://evil.test");
    for (path, headers) in [
        ("/", &[HOST, BEARER, origin][..]),
        ("/", &[HOST, origin]),
        ("/api/status", &[HOST, BEARER, origin]),
        ("/nothing", &[HOST, BEARER, origin]),
    ] {
        let response = send(&router, path, headers).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["x-frame-options"], "DENY");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin");
        assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control")));
    }
}

#[tokio::test]
async fn the_page_says_how_it_goes_without_any_script() {
    let fixture = Fixture::new();
    fixture.recorder.problems.lock().unwrap().push("<b>disk</b>".to_owned());
    let (_, page) = fixture.ask("/").await;
    assert!(page.contains("Something is wrong.") && page.contains("&lt;b&gt;disk"));
    assert!(page.contains("/api/exchanges") && !page.contains("<script"));
}

#[tokio::test]
async fn the_console_answers_over_tcp_until_it_is_stopped() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let token = Token::chosen(TOKEN).unwrap();
    let serving = serve(listener, fixture.api(), token, async {
        let _ = stopped.await;
    });
    let asking = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /api/exchanges?follow=1 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        stop.send(()).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "a tail ends well when the server stops: {rest}");
    };
    tokio::join!(serving, asking);
}

#[test]
fn servers_can_run_on_any_runtime() {
    fn sent<T: Send>(_: T) {}
    let fixture = Fixture::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    sent(serve(listener, fixture.api(), Token::random().unwrap(), pending()));
    sent(crate::serve_control(fixture.folder.path(), fixture.api(), pending()));
}
