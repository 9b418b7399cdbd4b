//! An exchange as people read it, from made-up ones whose senders mean no good.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp(1_795_000_000_123_456);

fn view(change: impl FnOnce(&mut Value)) -> ExchangeView {
    let mut view = json!({
        "id": "0q7x00000001", "started_at": NOW, "client": "key:3f9a1c22aa01",
        "session": "s0q7x00000000", "connection": 7, "method": "GET",
        "url": "https://shop.test/orders/17", "host": "shop.test", "path": "/orders/17",
        "route": "GET /orders/{id}", "status": 200, "outcome": "complete", "failure": null,
        "http_version": "HTTP/1.1", "client_addr": "127.0.0.1:40000",
        "tls": {"version": "TLSv1.3", "sni": "shop.test", "alpn": "http/1.1", "ja4": null},
        "timing": {"upload_ms": 0.0, "connect_ms": 1.5, "wait_ms": 10.0, "download_ms": 0.4,
                   "total_ms": 12.4, "overhead_ms": 0.1},
        "request": {"headers": [["Host", "shop.test"]], "body_bytes": 0, "body_kept": 0,
                    "body_end": "complete", "body_sha256": null, "trailers": []},
        "response": {"headers": [["Content-Type", "application/json"]], "body_bytes": 13,
                     "body_kept": 13, "body_end": "complete", "body_sha256": null,
                     "trailers": []},
        "marks": [], "evidence": [{"kind": "key", "token": "3f9a1c22aa01"}]
    });
    change(&mut view);
    serde_json::from_value(view).unwrap()
}

fn shown(view: ExchangeView) -> Shown {
    Shown {
        view,
        request: ShownMessage {
            head: "GET /orders/17 HTTP/1.1\r\nHost: shop.test\r\nx-Odd:  Case \r\n\r\n".to_owned(),
            content: Content::Empty,
        },
        response: ShownMessage {
            head: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_owned(),
            content: Content::Whole { bytes: b"{\"total\":1.0}".to_vec(), cut: false },
        },
    }
}

#[test]
fn an_exchange_reads_from_a_sentence_down_to_its_bytes() {
    assert_eq!(
        render(&shown(view(|_| {})), Paint::plain(), NOW),
        "\
key:3f9a1c22aa01 asked GET https://shop.test/orders/17 and got 200 OK after 12.4 ms

id          0q7x00000001 in session s0q7x00000000
started     11:06:40.123 UTC
time        12.4 ms in all: connect 1.5 ms, wait 10 ms, download 400 us, Wayside's own 100 us
connection  HTTP/1.1 from 127.0.0.1:40000 over TLSv1.3 for shop.test, connection 7
client      key:3f9a1c22aa01, by its API key (key:3f9a1c22aa01)

Request
GET /orders/17 HTTP/1.1
Host: shop.test
x-Odd:  Case

Response
HTTP/1.1 200 OK
Content-Type: application/json

{
  \"total\": 1.0
}
"
    );
}

#[test]
fn hostile_traffic_cannot_command_the_terminal() {
    let evil = "\u{1b}[2J\u{7}\u{9b}31m\u{202e}gpj.exe\u{200b}\r\nerror: all your base";
    let mut shown = shown(view(|view| {
        for field in ["client", "url", "method", "host"] {
            view[field] = json!(evil);
        }
        view["failure"] = json!({"side": "upstream", "reason": evil});
        view["outcome"] = json!("upstream_failed");
        view["tls"]["sni"] = json!(evil);
        view["evidence"][0]["token"] = json!(evil);
        view["response"]["trailers"] = json!([[evil, evil]]);
    }));
    shown.request.head = format!("GET / HTTP/1.1\r\nX-Evil: {evil}\r\n{evil}: {evil}\r\n\r\n");
    shown.request.content = Content::Whole { bytes: evil.as_bytes().to_vec(), cut: true };
    shown.response.content = Content::Messages(vec![StreamMessage {
        half: Half::Response,
        at: NOW,
        kind: evil.to_owned(),
        data: evil.as_bytes().to_vec(),
        missing: String::new(),
    }]);
    let page = render(&shown, Paint::plain(), NOW);
    let raw = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{2028}".contains(c);
    assert!(!page.contains(raw), "{page:?}");
    // The first line is ours: nothing in it begins another.
    assert!(page.lines().next().unwrap().ends_with("after 12.4 ms"), "{page}");
}

#[test]
fn every_ending_has_a_sentence() {
    let sentence_of = |outcome: &str, status: Value, failure: &str| {
        sentence(&view(|view| {
            view["outcome"] = json!(outcome);
            view["status"] = status;
            view["failure"] = json!({"side": "upstream", "reason": failure});
        }))
    };
    let asked = "key:3f9a1c22aa01 asked GET https://shop.test/orders/17";
    for (outcome, status, reason, expected) in [
        ("client_cancelled", json!(null), "", " and went away before any answer, after 12.4 ms"),
        (
            "client_cancelled",
            json!(200),
            "",
            ", got 200 OK and went away before its end, after 12.4 ms",
        ),
        (
            "upstream_failed",
            json!(null),
            "connection refused",
            " and got no answer from the backend: connection refused, after 12.4 ms",
        ),
        (
            "upstream_failed",
            json!(502),
            "connection refused",
            " and the backend failed, so Wayside answered 502 Bad Gateway: connection refused, after 12.4 ms",
        ),
        ("upgraded", json!(101), "", " and switched protocols; that connection lasted 12.4 ms"),
        (
            "refused",
            json!(431),
            "limit `headers` reached",
            " and was refused by Wayside: limit `headers` reached, after 12.4 ms",
        ),
    ] {
        assert_eq!(sentence_of(outcome, status, reason), format!("{asked}{expected}"));
    }
    let handshake = sentence(&view(|view| {
        view["method"] = json!("");
        view["outcome"] = json!("refused");
        view["failure"] =
            json!({"side": "downstream", "reason": "the client refused the certificate"});
    }));
    assert_eq!(handshake, "127.0.0.1:40000 never came to ask: the client refused the certificate");
}

#[test]
fn what_is_missing_is_said_with_byte_counts() {
    let cut = view(|view| {
        view["marks"] = json!(["response_body_cut", "capture_shed"]);
        view["response"]["body_bytes"] = json!(5_000);
        view["response"]["body_kept"] = json!(1_000);
    });
    let page = render(&shown(cut), Paint::plain(), NOW);
    assert!(page.contains("missing     the response body was broken off on its way, after 5 kB\n"));
    assert!(page.contains("1 kB of 5 kB kept of the response body\n"), "{page}");
}
