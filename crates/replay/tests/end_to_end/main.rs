//! A store with recorded exchanges, replayed against a backend over real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use support::backend::{Backend, json};
use support::recording::{Recorded, Recording};
use support::{differences, replay};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use wayside_exchange::{HttpVersion, Mark, Marks, Outcome, Scheme};
use wayside_replay::{Options, Pace, Plan, ReplayError, SkipReason};
use wayside_transport::authority::Authority;
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Upstream;
use wayside_transport::server_tls::ServerTls;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];
const TOKEN: &str = "wayside-sealed-0123456789ab";

#[tokio::test]
async fn what_changed_is_said_and_what_did_not_is_not() {
    let backend = Backend::start(async |seen| match seen.path() {
        "/price" => json(200, r#"{"id":1,"price":{"amount":12}}"#),
        "/gone" => json(404, r#"{"error":"no"}"#),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(30)).await;
            json(200, "{}")
        }
        _ => json(200, r#"{"ok":true}"#),
    })
    .await;
    let mut recording = Recording::new();
    let mut add = |target, at, answer| {
        let answer_fields = JSON;
        recording.add(&Recorded {
            target,
            at: (at, 2),
            answer,
            answer_fields,
            ..Recorded::default()
        })
    };
    let ids = [
        add("/same", 0, br#"{ "ok": true }"#.as_slice()),
        add("/price", 10, br#"{"id":1,"price":{"amount":10}}"#),
        add("/gone", 20, br#"{"error":"no"}"#),
        add("/slow", 30, b"{}"),
    ];
    let (lines, totals) = replay(&recording, &ids, &backend.options()).await;
    assert_eq!(lines.iter().map(|line| line.same).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(differences(&lines[1]), ["body /price/amount: 10 -> 12"]);
    assert_eq!(differences(&lines[2]), ["status: 200 -> 404"]);
    assert_eq!(lines[2].url, format!("http://127.0.0.1:{}/gone", backend.port));
    assert!(lines[3].latency_factor.unwrap() > 10.0, "{:?}", lines[3]);
    assert_eq!((totals.planned, totals.sent, totals.same, totals.different), (4, 4, 2, 2));
    assert!(totals.any_difference());
    assert!((totals.recorded_p50_ms - 2.0).abs() < 0.001);
}

#[tokio::test]
async fn writes_are_sent_only_when_allowed_and_what_was_skipped_is_said() {
    let backend = Backend::start(async |_| json(200, "")).await;
    let mut recording = Recording::new();
    let fields = [("Content-Length", "3")];
    let mut add = |method, body, marks, outcome, status| {
        let fields: &[_] = if method == "POST" { &fields } else { &[] };
        let answer_fields = JSON;
        let recorded = Recorded {
            method,
            fields,
            body,
            status,
            answer_fields,
            outcome,
            marks,
            ..Recorded::default()
        };
        recording.add(&recorded)
    };
    let mut open = Marks::default();
    open.insert(Mark::Open);
    let mut cut = Marks::default();
    cut.insert(Mark::RequestBodyCut);
    let none = Marks::default();
    let ids = [
        add("GET", b"".as_slice(), none, Outcome::Complete, Some(200)),
        add("POST", b"a=b", none, Outcome::Complete, Some(200)),
        add("DELETE", b"", none, Outcome::Complete, Some(200)),
        add("POST", b"a", cut, Outcome::ClientCancelled, None),
        add("GET", b"", none, Outcome::Upgraded, Some(101)),
        add("CONNECT", b"", none, Outcome::Complete, Some(200)),
        add("", b"", none, Outcome::Refused, None),
        add("GET", b"", open, Outcome::Complete, None),
    ];
    let (lines, totals) = replay(&recording, &ids, &backend.options()).await;
    let skipped: Vec<_> = lines.iter().map(|line| line.skipped).collect();
    let expected = |write: Option<SkipReason>| {
        let cut = Some(SkipReason::RequestBodyNotWhole);
        let (upgraded, tunnel) = (Some(SkipReason::Upgraded), Some(SkipReason::Tunnel));
        [
            None,
            write,
            write,
            cut,
            upgraded,
            tunnel,
            Some(SkipReason::NoRequest),
            Some(SkipReason::Open),
        ]
    };
    assert_eq!(skipped, expected(Some(SkipReason::Write)));
    assert_eq!((totals.sent, totals.skipped, totals.same), (1, 7, 1));
    assert_eq!(totals.skipped_because[&SkipReason::Write], 2);
    assert_eq!(backend.seen().len(), 1);

    let options = Options { allow_writes: true, ..backend.options() };
    let (lines, _) = replay(&recording, &ids, &options).await;
    assert_eq!(lines.iter().map(|line| line.skipped).collect::<Vec<_>>(), expected(None));
    let seen = backend.seen();
    let post = seen.iter().find(|seen| seen.line.starts_with("POST")).unwrap();
    assert_eq!(post.body, "a=b");
    assert!(post.fields.contains(&"content-length: 3".to_owned()), "{post:?}");
}

#[tokio::test]
async fn credentials_are_withheld_unless_asked_for_and_kept_from_other_hosts() {
    let backend = Backend::start(async |seen| {
        let mut response = json(200, "");
        response.headers_mut().insert("x-session", "fresh".parse().unwrap());
        let sent = seen.fields.iter().any(|field| field == "authorization: Bearer s3cret");
        if !sent {
            *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        }
        response
    })
    .await;
    let mut recording = Recording::new();
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("theme=dark; sid={TOKEN}");
    let target = format!("/me?x=1&key={TOKEN}");
    let (host, answer_fields) = ("127.0.0.1:8443", [JSON[0], ("X-Session", TOKEN)]);
    let mut add = |host, scheme| {
        let recorded = Recorded {
            target: &target,
            host,
            scheme,
            fields: &[("Authorization", &bearer), ("Cookie", &cookie), ("Accept", "*/*")],
            answer_fields: &answer_fields,
            secrets: &[(TOKEN, "s3cret")],
            ..Recorded::default()
        };
        recording.add(&recorded)
    };
    let ids = [add(host, Scheme::Https)];
    let elsewhere = [add("shop.example", Scheme::Https)];

    let (lines, _) = replay(&recording, &ids, &backend.options()).await;
    assert_eq!(differences(&lines[0]), ["status: 200 -> 401"]);
    assert_eq!(lines[0].notes, ["sent without credentials: query key, authorization, cookie sid"]);
    let seen = backend.seen().pop().unwrap();
    assert_eq!(seen.line, "GET /me?x=1 HTTP/1.1");
    assert_eq!(
        seen.fields,
        [
            format!("host: 127.0.0.1:{}", backend.port),
            "cookie: theme=dark".into(),
            "accept: */*".into()
        ]
    );

    let options = Options {
        with_credentials: true,
        sealing_key: Some(recording.key.clone()),
        ..backend.options()
    };
    let (lines, _) = replay(&recording, &ids, &options).await;
    assert!(lines[0].same, "{:?}", lines[0]);
    assert_eq!(lines[0].notes, Vec::<String>::new());
    assert!(!lines[0].url.contains("s3cret"));
    let seen = backend.seen().pop().unwrap();
    assert_eq!(seen.line, "GET /me?x=1&key=s3cret HTTP/1.1");
    assert_eq!(
        seen.fields[1..],
        ["authorization: Bearer s3cret", "cookie: theme=dark; sid=s3cret", "accept: */*"]
    );

    let refused = Plan::of(&recording.store, &elsewhere, &options).unwrap_err();
    assert!(matches!(refused, ReplayError::CredentialsToAnotherHost { .. }));
    assert_eq!(
        refused.hint().unwrap(),
        "if `127.0.0.1` may have them, say so with `--credentials-to 127.0.0.1`"
    );
    let options = Options { credentials_to: Some("127.0.0.1".to_owned()), ..options };
    let (lines, _) = replay(&recording, &elsewhere, &options).await;
    assert!(lines[0].same, "{:?}", lines[0]);
}

#[tokio::test]
async fn exchanges_of_one_connection_share_one_and_others_do_not() {
    let backend = Backend::start(async |_| json(200, "")).await;
    let mut recording = Recording::new();
    let ids: Vec<_> = (0..12)
        .map(|n| {
            let (at, answer_fields) = ((n / 3 * 10, 5), JSON);
            let connection = n as u64 % 3;
            recording.add(&Recorded { at, connection, answer_fields, ..Recorded::default() })
        })
        .collect();
    let (_, totals) = replay(&recording, &ids, &backend.options()).await;
    assert_eq!(totals.same, 12);
    let mut per_connection = [0; 4];
    backend.seen().iter().for_each(|seen| per_connection[seen.connection] += 1);
    assert_eq!(per_connection, [0, 4, 4, 4]);
}

#[tokio::test]
async fn what_overlapped_overlaps_again_even_where_the_backend_waits_for_it() {
    let barrier = Arc::new(tokio::sync::Barrier::new(3));
    let backend = Backend::start(move |_| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            json(200, "")
        }
    })
    .await;
    let mut recording = Recording::new();
    for version in [HttpVersion::Http11, HttpVersion::Http2] {
        let ids: Vec<_> = (0..3)
            .map(|n| {
                let (at, answer_fields) = ((n, 50), JSON);
                let connection = if version == HttpVersion::Http2 { 9 } else { n as u64 };
                recording.add(&Recorded {
                    at,
                    connection,
                    version,
                    answer_fields,
                    ..Recorded::default()
                })
            })
            .collect();
        let options = Options { prior_knowledge: true, ..backend.options() };
        let (_, totals) = replay(&recording, &ids, &options).await;
        assert_eq!(totals.same, 3);
    }
    let seen = backend.seen();
    let of_http2: Vec<_> = seen.iter().filter(|seen| seen.line.ends_with("HTTP/2.0")).collect();
    assert_eq!(of_http2.len(), 3);
    assert!(of_http2.iter().all(|seen| seen.connection == of_http2[0].connection));
}

#[tokio::test]
async fn over_tls_each_connection_speaks_the_version_that_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(folder.path()).unwrap();
    let pem = folder.path().join("trusted.pem");
    std::fs::write(&pem, authority.pem()).unwrap();
    let tls = ServerTls::new(&[], Some(Arc::new(authority)), None).unwrap();
    let backend = Backend::start_with(Some(Arc::new(tls)), async |_| json(200, "")).await;
    let mut recording = Recording::new();
    let mut add = |at, connection, version| {
        let answer_fields = JSON;
        let recorded =
            Recorded { at: (at, 1), connection, version, answer_fields, ..Recorded::default() };
        recording.add(&recorded)
    };
    let ids = [
        add(0, 1, HttpVersion::Http2),
        add(10, 1, HttpVersion::Http2),
        add(20, 2, HttpVersion::Http11),
        add(30, 2, HttpVersion::Http11),
    ];
    let target = Upstream::parse(&format!("https://localhost:{}", backend.port)).unwrap();
    let trust = UpstreamTrust::Authority(pem);
    let options = Options { target, trust, ..backend.options() };
    let (_, totals) = replay(&recording, &ids, &options).await;
    assert_eq!(totals.same, 4);
    let seen: Vec<_> =
        backend.seen().into_iter().map(|seen| (seen.connection, seen.line)).collect();
    let http2 = format!("GET https://localhost:{}/ HTTP/2.0", backend.port);
    let http1 = "GET / HTTP/1.1".to_owned();
    assert_eq!(seen, [(1, http2.clone()), (1, http2), (2, http1.clone()), (2, http1)]);
}

#[tokio::test]
async fn long_bodies_are_streamed_as_recorded_and_compared_whole() {
    let backend = Backend::start(async |seen| Response::new(Full::new(seen.body))).await;
    let mut recording = Recording::new();
    let body: Vec<u8> =
        (0..3_000_000_u32).flat_map(|n| (n as u8 ^ (n >> 8) as u8).to_be_bytes()).collect();
    let length = body.len().to_string();
    let mut add = |at, fields: &[_], answer: &[u8]| {
        let (method, body) = ("PUT", body.as_slice());
        recording.add(&Recorded {
            method,
            at: (at, 1),
            fields,
            body,
            answer,
            ..Recorded::default()
        })
    };
    let mut other = body.clone();
    other[2_000_000] ^= 1;
    let ids = [
        add(0, &[("Content-Length", &length)], &body),
        add(10, &[("Transfer-Encoding", "chunked")], &body),
        add(20, &[("Content-Length", &length)], &other),
    ];
    let options = Options { allow_writes: true, ..backend.options() };
    let (lines, _) = replay(&recording, &ids, &options).await;
    assert_eq!(lines.iter().map(|line| line.same).collect::<Vec<_>>(), [true, true, false]);
    assert!(differences(&lines[2])[0].starts_with("body byte 2000000: "));
    let seen = backend.seen();
    assert!(seen.iter().all(|seen| seen.body == body));
    assert!(seen[0].fields.contains(&format!("content-length: {length}")));
    assert!(seen[1].fields.contains(&"transfer-encoding: chunked".to_owned()));

    let options = Options { body_limit: 1_000_000, ..options };
    let (lines, _) = replay(&recording, &ids, &options).await;
    assert_eq!(lines.iter().map(|line| line.same).collect::<Vec<_>>(), [true, true, false]);
    assert!(differences(&lines[2])[0].starts_with("body sha256: "));
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_a_result_and_not_an_error() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::start(async |_| json(200, "")).await;
    let mut options = backend.options();
    let port = closed.local_addr().unwrap().port();
    options.target = Upstream::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    drop(closed);
    let mut recording = Recording::new();
    let failed = recording.add(&Recorded {
        at: (10, 1),
        status: None,
        outcome: Outcome::UpstreamFailed,
        ..Recorded::default()
    });
    let ids = [recording.add(&Recorded::default()), failed];
    let (lines, totals) = replay(&recording, &ids, &options).await;
    assert_eq!(
        differences(&lines[0]),
        [format!(
            "failure: 200 -> \"could not connect to `127.0.0.1:{port}`: connection refused\""
        )]
    );
    assert!(lines[1].same, "it failed in the recording too");
    assert_eq!((totals.failed, totals.same, totals.different), (1, 1, 0));

    let (lines, _) = replay(&recording, &[failed], &backend.options()).await;
    assert_eq!(differences(&lines[0]), ["failure: \"connection refused\" -> 200"]);
}

#[tokio::test]
async fn a_stream_that_the_client_left_is_left_again() {
    let backend = Backend::start(async |seen| {
        if seen.path() == "/silent" {
            std::future::pending::<()>().await;
        }
        Response::new(Full::new(Bytes::from_static(b"event: 1\n\nevent: 2\n\nevent: 3\n\n")))
    })
    .await;
    let mut recording = Recording::new();
    let outcome = Outcome::ClientCancelled;
    let answer = b"event: 1\n\n".as_slice();
    let ids = [
        recording.add(&Recorded {
            target: "/events",
            at: (0, 60_000),
            outcome,
            answer,
            ..Recorded::default()
        }),
        recording.add(&Recorded {
            target: "/silent",
            outcome,
            status: None,
            ..Recorded::default()
        }),
    ];
    let (lines, totals) = replay(&recording, &ids, &backend.options()).await;
    assert_eq!(totals.same, 2, "{lines:?}");
}

/// Answers one request a connection and closes it without a word, as idle timeouts do.
async fn closing_backend(listener: TcpListener, requests: Arc<AtomicUsize>) {
    loop {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && tcp.read_buf(&mut head).await.unwrap_or(0) > 0 {}
        if !head.is_empty() {
            requests.fetch_add(1, Ordering::Relaxed);
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_and_no_write_is_sent_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let mut serving = JoinSet::new();
    serving.spawn(closing_backend(listener, requests.clone()));
    let mut recording = Recording::new();
    let target = Upstream::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let options = Options { pace: Pace::Max, allow_writes: true, ..Options::to(target) };
    for method in ["GET", "POST"] {
        let mut add =
            |n: i64| recording.add(&Recorded { method, at: (n * 10, 1), ..Recorded::default() });
        let ids: Vec<_> = (0..20_i64).map(&mut add).collect();
        let before = requests.load(Ordering::Relaxed);
        let (lines, totals) = replay(&recording, &ids, &options).await;
        let got = (requests.load(Ordering::Relaxed) - before) as u64;
        if method == "GET" {
            assert_eq!((totals.same, got), (20, 20), "{lines:?}");
        } else {
            assert!(got <= 20 && got >= totals.same, "{got} requests, {totals:?}");
        }
    }
}

#[tokio::test]
async fn a_replay_that_is_dropped_closes_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut recording = Recording::new();
    let ids = [recording.add(&Recorded::default())];
    let target = Upstream::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let options = Options { pace: Pace::Max, ..Options::to(target) };
    let sent = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.read_u8().await.unwrap();
        tcp
    };
    let mut tcp = tokio::select! {
        _ = replay(&recording, &ids, &options) => panic!("nobody answered"),
        tcp = sent => tcp,
    };
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn what_was_compressed_equals_what_is_not() {
    let backend = Backend::start(async |_| json(200, r#"{"a":2}"#)).await;
    let mut recording = Recording::new();
    // `{"a":1}`, gzip with a stored block.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x07\0\xf8\xff{\"a\":1}\xaf\xac\x1b\x56\x07\0\0\0";
    let answer_fields = &[JSON[0], ("Content-Encoding", "gzip")];
    let ids = [recording.add(&Recorded { answer: gzip, answer_fields, ..Recorded::default() })];
    let (lines, _) = replay(&recording, &ids, &backend.options()).await;
    assert_eq!(
        differences(&lines[0]),
        ["header content-encoding: \"gzip\" is missing", "body /a: 1 -> 2"]
    );
}
