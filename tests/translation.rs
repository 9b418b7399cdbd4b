//! HTTP/2 from the client becomes HTTP/1.1 for the backend and back: the same request by curl over HTTP/2
//! through the proxy and over HTTP/1.1 directly is one request, and gets one answer.

use std::sync::mpsc::channel;

use wayside_tests::{Backend, Echo, Message, Wayside, curl, python};

/// A row: arguments of curl, and what the backend answers.
const ROWS: &[(&[&str], &str)] = &[
    (&[], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (&["-I"], "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: 1\r\n\r\n"),
    (&["-I"], "HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n"),
    (&["-d", "body"], "HTTP/1.1 201 Made\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"),
    (&["-X", "DELETE"], "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"),
    (
        &["-X", "PROPFIND", "-H", "Depth: 1"],
        "HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n",
    ),
    (&["-H", "If-None-Match: \"a\""], "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"),
    (
        &["-H", "X-Empty;", "-H", "X-Same: 1", "-H", "X-Same: 2"],
        "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        &["-H", "X-Name: Zo\u{eb}"],
        "HTTP/1.1 200 OK\r\nX-Name: Zo\u{eb}\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        &["-b", "a=1; b=2", "-A", "agent"],
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    ),
    (&["-u", "user:pass"], "HTTP/1.1 500 Broken\r\nConnection: close\r\n\r\nuntil the end"),
    (&[], "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
];

#[test]
fn a_request_over_http_2_is_the_request_that_http_1_would_have_brought() {
    let (sender, requests) = channel();
    let backend = Backend::scripted(move |peer| {
        while let Some(request) = Message::request(peer) {
            let row: usize = request.field("x-row").expect("a number").parse().expect("same");
            sender.send(request).expect("the test waits");
            if !peer.send(ROWS[row].1) || ROWS[row].1.contains("close") {
                break;
            }
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut differ = Vec::new();
    for (number, (arguments, _)) in ROWS.iter().enumerate() {
        let row = format!("X-Row: {number}");
        let path = "/a//b%2F?c=%20&d=?";
        let common = ["-i", "-H", row.as_str(), "-H", "Host: shop.test:81", "--path-as-is"];
        let arguments = [arguments, common.as_slice()].concat();
        let seen = |answer: wayside_tests::Output| {
            let text = String::from_utf8_lossy(&answer.ok().stdout).into_owned();
            (
                lowered_head(&text),
                requests.recv().map(|request| shape(&request)).expect("a request"),
            )
        };
        let url = format!("{}{path}", backend.url());
        let direct = seen(curl([["--http1.1", url.as_str()].as_slice(), &arguments].concat()));
        let through = seen(wayside.curl(path, &[["--http2"].as_slice(), &arguments].concat()));
        let url = wayside.http_url(path);
        let plain = ["--http2-prior-knowledge", url.as_str()];
        let plain = seen(curl([plain.as_slice(), &arguments].concat()));
        for (way, through) in [("TLS", through), ("plain", plain)] {
            if through != direct {
                differ.push(format!(
                    "{arguments:?}, {way}\n  direct  {direct:?}\n  through {through:?}"
                ));
            }
        }
    }
    assert!(differ.is_empty(), "{} rows differ\n{}", differ.len(), differ.join("\n"));
}

/// Status, fields without those of one hop, and body of an answer as curl prints it.
fn lowered_head(answer: &str) -> (String, Vec<String>, String) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let fields = lines
        .map(|line| line.split_once(':').unwrap_or((line, "")))
        .map(|(name, value)| format!("{}:{value}", name.to_lowercase()))
        .filter(|line| !line.starts_with("transfer-encoding") && !line.starts_with("connection"))
        .collect();
    (status.to_owned(), fields, body.to_owned())
}

fn shape(request: &Message) -> (String, Vec<(String, String)>, Vec<u8>) {
    let fields = request.end_to_end();
    let mut fields: Vec<_> =
        fields.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    // HTTP/2 carries the host outside of the fields, so its place among them is ours.
    fields.sort_by_key(|(name, _)| name != "host");
    (request.start.clone(), fields, request.payload.clone())
}

const CRUMBS: &str = r#"
import sys, socket, ssl, h2.connection, h2.events
host, port, ca = sys.argv[1:4]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2"])
tcp = socket.create_connection((host, int(port)))
s = context.wrap_socket(tcp, server_hostname="shop.test")
assert s.selected_alpn_protocol() == "h2"
c = h2.connection.H2Connection()
c.initiate_connection()
c.send_headers(1, [(":method", "POST"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/crumbs"),
    ("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3"), ("te", "trailers"), ("trailer", "x-sum")])
c.send_data(1, b"hello")
c.send_headers(1, [("x-sum", "12")], end_stream=True)
s.sendall(c.data_to_send())
ended = False
while not ended:
    for event in c.receive_data(s.recv(65536)):
        if isinstance(event, h2.events.ResponseReceived): print("status", dict(event.headers)[b":status"].decode())
        if isinstance(event, h2.events.DataReceived): print("data", event.data.decode())
        if isinstance(event, h2.events.TrailersReceived): print("trailers", event.headers)
        if isinstance(event, h2.events.StreamEnded): ended = True
    s.sendall(c.data_to_send())
"#;

#[test]
fn cookie_crumbs_are_joined_and_trailers_of_a_request_arrive() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let port = wayside.https().port().to_string();
    let ca = wayside.ca();
    let said = python(CRUMBS, ["127.0.0.1", &port, &ca.to_string_lossy()]).ok();
    assert_eq!(said.text(), "status 200\ndata hello\n");
    let seen = echo.only();
    assert_eq!(seen.header("cookie"), Some("a=1; b=2; c=3"));
    assert_eq!((seen.header("te"), seen.header("host")), (Some("trailers"), Some("shop.test")));
    assert_eq!(seen.body.as_ref(), b"hello");
    assert_eq!(seen.trailers, [("x-sum".to_owned(), "12".to_owned())]);
}

#[test]
fn trailers_of_a_chunked_answer_arrive_over_http_2() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 12\r\n\r\n",
    );
    let wayside = Wayside::start(&backend.url(), &[]);
    let answer = wayside.curl("/", &["--http2", "-D", "-", "-o", "/dev/null"]).ok();
    assert!(answer.text().ends_with("\r\n\r\nx-sum: 12\r\n"), "{}", answer.text());
}

#[test]
fn a_body_either_way_is_the_same_byte_for_byte() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let body: Vec<u8> =
        (0_u32..3_000_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &body).expect("written");
    let data = format!("@{}", file.path().display());
    for version in ["--http1.1", "--http2"] {
        let answer = wayside.curl("/echo", &[version, "--data-binary", &data]).ok();
        assert!(answer.stdout == body, "{version}: {} bytes", answer.stdout.len());
    }
    assert!(echo.seen().iter().all(|request| request.body == body));
}
