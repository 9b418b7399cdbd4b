//! Recorded bytes go out as they are, and can do no harm in a browser.

use http::StatusCode;

use super::fixture::{Fixture, Told, send, text};
use crate::router;

/// `hello hello hello` through `gzip -n`.
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
    0xc8, 0x40, 0x90, 0x00, 0x80, 0x88, 0xf9, 0xe5, 0x11, 0x00, 0x00, 0x00,
];

#[tokio::test]
async fn a_body_is_a_file_to_save_and_never_a_page() {
    let mut fixture = Fixture::new();
    let id = fixture.record(&Told { response: b"<script>alert(1)</script>", ..Told::default() }).id;
    let path = format!("/api/exchanges/{id}/response/body");
    for path in [path.clone(), format!("{path}?decoded=1")] {
        let response = send(&router(fixture.api()), &path, &[]).await;
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").starts_with("sandbox"));
        assert_eq!(
            header("content-disposition"),
            format!("attachment; filename=\"{id}-response.bin\"")
        );
        assert_eq!(response.headers().get_all("content-security-policy").iter().count(), 1);
        assert_eq!(text(response).await, "<script>alert(1)</script>");
    }
}

#[tokio::test]
async fn a_body_comes_as_transferred_or_decoded() {
    let mut fixture = Fixture::new();
    let told = Told {
        response: GZIPPED,
        response_fields: "content-encoding: gzip\r\n",
        request: b"asked",
        ..Told::default()
    };
    let id = fixture.record(&told).id;
    let path = format!("/api/exchanges/{id}/response/body");
    let response = send(&router(fixture.api()), &path, &[]).await;
    assert_eq!(response.headers()["content-length"], GZIPPED.len().to_string());
    let raw = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(raw, GZIPPED);
    let (status, decoded) = fixture.ask(&format!("{path}?decoded=1")).await;
    assert_eq!((status, decoded.as_str()), (StatusCode::OK, "hello hello hello"));
    let (_, asked) = fixture.ask(&format!("/api/exchanges/{id}/request/body")).await;
    assert_eq!(asked, "asked");
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_says_so() {
    let mut fixture = Fixture::new();
    let told = Told { response_fields: "content-encoding: smoke\r\n", ..Told::default() };
    let id = fixture.record(&told).id;
    let (status, said) = fixture.ask(&format!("/api/exchanges/{id}/response/body?decoded=1")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(said.contains("smoke") && said.contains("hint"), "{said}");
}

#[tokio::test]
async fn a_head_comes_as_it_was_on_the_wire() {
    let mut fixture = Fixture::new();
    let id = fixture.record(&Told::default()).id;
    let (_, head) = fixture.ask(&format!("/api/exchanges/{id}/request/head")).await;
    assert_eq!(head, "POST /orders/17?page=2 HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    let (_, head) = fixture.ask(&format!("/api/exchanges/{id}/response/head")).await;
    assert!(head.starts_with("HTTP/1.1 200 Fine\r\nContent-Type"));
    let (status, _) = fixture.ask(&format!("/api/exchanges/{id}/answer/head")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_messages_of_a_stream_come_a_line_each() {
    let mut fixture = Fixture::new();
    let told = Told {
        response: b"event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n",
        response_fields: "Content-Type: text/event-stream\r\n",
        ..Told::default()
    };
    let id = fixture.record(&told).id;
    let messages = fixture.lines(&format!("/api/exchanges/{id}/messages")).await;
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[1]["half"], "response");
    assert!(messages[1]["text"].as_str().unwrap().contains('2'));
    assert_eq!(messages[1]["truncated"], false);
}
