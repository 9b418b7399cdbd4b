//! Transparency as one table: the same bytes sent to a backend directly, through the plain listener and over
//! TLS bring the backend the same requests and the client the same answers.
//!
//! What may differ is what belongs to one hop (`Connection` and what it lists, chunk boundaries, the version) and
//! the case of trailer names.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use wayside_tests::{Backend, Message, Peer, Wayside};

/// One row: a request (its `Host` and its number are added) and the answer that the backend gives.
struct Row {
    name: &'static str,
    request: &'static [u8],
    answer: &'static [u8],
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

macro_rules! rows {
    ($($name:literal: $request:expr => $answer:expr;)*) => {
        &[$(Row { name: $name, request: $request as &[u8], answer: $answer as &[u8] }),*]
    };
}

#[rustfmt::skip]
const ROWS: &[Row] = rows! {
    "a plain request": GET => OK;
    "a method of WebDAV": b"PROPFIND /a HTTP/1.1\r\nDepth: 1\r\n\r\n" => OK;
    "a method with a dash": b"M-SEARCH /a HTTP/1.1\r\n\r\n" => OK;
    "a method in lower case": b"get /a HTTP/1.1\r\n\r\n" => OK;
    "a method nobody knows": b"BREW /pot HTTP/1.1\r\n\r\n" => OK;
    "a DELETE with a body": b"DELETE /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nwhy" => OK;
    "a GET with a body": b"GET /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nwhy" => OK;
    "a GET with a chunked body": b"GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n" => OK;
    "a POST of nothing": b"POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n" => OK;
    "a POST without framing": b"POST /a HTTP/1.1\r\n\r\n" => OK;
    "a POST of any bytes": b"POST /a HTTP/1.1\r\nContent-Length: 8\r\n\r\n\0\xff\r\n\r\n\x80\x01" => OK;
    "a chunked body": b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;ext=1\r\nwith\r\n1\r\n \r\n6\r\nchunks\r\n0\r\n\r\n" => OK;
    "an empty chunked body": b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" => OK;
    "trailers of a request": b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 12\r\n\r\n" => OK;
    "names in odd case and order": b"GET / HTTP/1.1\r\nx-b: 1\r\nX-A: 2\r\naCCept: */*\r\nUSER-AGENT: t\r\nx-0: 3\r\n\r\n" => OK;
    "names that repeat": b"GET / HTTP/1.1\r\nX-A: 1\r\nX-B: 2\r\nX-A: 3\r\nX-A: 1\r\n\r\n" => OK;
    "empty values": b"GET / HTTP/1.1\r\nX-Empty:\r\nX-Blank:   \r\nX-Full:v\r\n\r\n" => OK;
    "values beyond ASCII": b"GET / HTTP/1.1\r\nX-Name: Zo\xeb \xe2\x82\xac \xff\x80\r\n\r\n" => OK;
    "odd names": b"GET / HTTP/1.1\r\nx_under.score!#$%&'*+^`|~: 1\r\n\r\n" => OK;
    "cookies in two fields": b"GET / HTTP/1.1\r\nAccept: */*\r\nCookie: a=1; b=2\r\n\r\n" => OK;
    "a token to the backend": b"GET / HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\nProxy-Authorization: Basic eDp5\r\n\r\n" => OK;
    "percent-encodings": b"GET /a%2Fb%2f%00%zz%?x=%20+%&y=%C3%A9 HTTP/1.1\r\n\r\n" => OK;
    "an encoded dot path": b"GET /a/%2e%2e/./b/../c;d=e HTTP/1.1\r\n\r\n" => OK;
    "slashes": b"GET //a//b/ HTTP/1.1\r\n\r\n" => OK;
    "only slashes": b"GET /// HTTP/1.1\r\n\r\n" => OK;
    "an empty query": b"GET /a? HTTP/1.1\r\n\r\n" => OK;
    "a query of queries": b"GET /?a?b=/../c&&=&d HTTP/1.1\r\n\r\n" => OK;
    "odd characters in a path": b"GET /~!$&'()*+,;=:@|{}\"[]\\^ HTTP/1.1\r\n\r\n" => OK;
    "a path beyond ASCII": b"GET /caf\xc3\xa9?q=\xc3\xa9 HTTP/1.1\r\n\r\n" => OK;
    "the server as a whole": b"OPTIONS * HTTP/1.1\r\n\r\n" => OK;
    "TE: trailers": b"GET / HTTP/1.1\r\nTE: trailers\r\n\r\n" => OK;
    "a HEAD with a length": b"HEAD /a HTTP/1.1\r\n\r\n" => b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
    "a HEAD without a length": b"HEAD /a HTTP/1.1\r\n\r\n" => b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n";
    "a HEAD of length zero": b"HEAD /a HTTP/1.1\r\n\r\n" => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    "204": GET => b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n";
    "304": GET => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n";
    "an empty answer": GET => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    "a reason of one's own": GET => b"HTTP/1.1 200 Fine by me, thanks\r\nContent-Length: 2\r\n\r\nok";
    "no reason": GET => b"HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nno";
    "a reason beyond ASCII": GET => b"HTTP/1.1 503 D\xe9sol\xe9\r\nContent-Length: 2\r\n\r\nno";
    "a status nobody knows": GET => b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nok";
    "a high status": GET => b"HTTP/1.1 599 Far Out\r\nContent-Length: 2\r\n\r\nok";
    "a redirect": GET => b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/%7e?a=b#c\r\nContent-Length: 0\r\n\r\n";
    "names of an answer in odd case and order": GET => b"HTTP/1.1 200 OK\r\nsERVER: s\r\nX-b: 1\r\ncontent-LENGTH: 2\r\nx-A: 2\r\nDATE: Thu\r\n\r\nok";
    "cookies that are set apart": GET => b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-A: 1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
    "values of an answer": GET => b"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Name: Zo\xeb\xff\r\nContent-Length: 0\r\n\r\n";
    "a chunked answer": GET => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;q=\"1\"\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
    "an empty chunked answer": GET => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    "trailers of an answer": b"GET / HTTP/1.1\r\nTE: trailers\r\n\r\n" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 12\r\n\r\n";
    "an answer that ends with the connection": GET => b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end\r\n\r\n";
    "an empty answer that ends with the connection": GET => b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n";
    "an answer that says it closes": GET => b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    "an HTTP/1.0 backend with a length": GET => b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    "an HTTP/1.0 backend without": GET => b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nuntil the end";
    "an answer of gzip": GET => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\0";
    "fields of one hop in a request": b"GET / HTTP/1.1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-A: 1\r\n\r\n" => OK;
    "fields of one hop in an answer": GET => b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok";
};

#[test]
fn requests_and_answers_are_the_same_with_and_without_the_proxy() {
    let (sender, requests) = channel();
    let backend = Backend::scripted(move |peer| {
        while let Some(request) = Message::request(peer) {
            let number: usize = request.field("x-row").expect("a number").parse().expect("same");
            sender.send(request).expect("the test waits");
            let answer = ROWS[number].answer;
            if !peer.send(answer) || ends_with_the_connection(answer) {
                break;
            }
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let ca = wayside.ca();
    let mut differ = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        let send = |mut peer: Peer| {
            peer.send(numbered(row.request, number));
            let method = String::from_utf8_lossy(row.request);
            let method = method.split(' ').next().unwrap_or_default().to_owned();
            let answer = Message::response(&mut peer, &method).map(|answer| shape(&answer));
            (answer, requests.try_recv().ok().map(|request| shape(&request)))
        };
        let direct = send(Peer::connect(backend.address()));
        let plain = send(Peer::connect(wayside.http()));
        let secure = send(Peer::secure(wayside.https(), &ca));
        for (path, through) in [("plain", plain), ("TLS", secure)] {
            if through != direct {
                let name = row.name;
                differ
                    .push(format!("{name}, {path}:\n  direct  {direct:?}\n  through {through:?}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} rows differ\n{}", differ.len(), differ.join("\n"));
    drop(wayside);
    backend.join();
}

/// `request` with the row's number as its first fields.
fn numbered(request: &[u8], number: usize) -> Vec<u8> {
    let line = request.windows(2).position(|two| two == b"\r\n").expect("a line") + 2;
    let fields = format!("Host: Shop.Test:81\r\nX-Row: {number}\r\n");
    [&request[..line], fields.as_bytes(), &request[line..]].concat()
}

fn ends_with_the_connection(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    text.starts_with("http/1.0")
        || text.contains("connection: close")
        || (text.starts_with("http/1.1 200")
            && !text.contains("content-length")
            && !text.contains("transfer-encoding"))
}

/// What must be equal.
type Shape = (String, Vec<(String, String)>, String, Vec<(String, String)>);

fn shape(message: &Message) -> Shape {
    let start = message.start.replace("HTTP/1.0", "HTTP/1.1");
    let payload = message.payload.escape_ascii().to_string();
    let lower = |(name, value): &(String, String)| (name.to_lowercase(), value.clone());
    (start, message.end_to_end(), payload, message.trailers.iter().map(lower).collect())
}

#[test]
fn an_http_1_0_client_gets_an_answer_that_ends_with_the_connection() {
    let seen = Mutex::new(Vec::new());
    let (sender, requests) = channel();
    let backend = Backend::scripted(move |peer| {
        while let Some(request) = Message::request(peer) {
            sender.send(request).expect("the test waits");
            peer.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            );
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for request in
        ["GET /old HTTP/1.0\r\nX-A: 1\r\n\r\n", "GET /old HTTP/1.0\r\nHost: h.test\r\n\r\n"]
    {
        let mut peer = Peer::connect(wayside.http());
        peer.send(request);
        let answer = Message::response(&mut peer, "GET").expect("an answer");
        assert_eq!(answer.field("transfer-encoding"), None, "{answer:?}");
        assert_eq!(answer.payload, b"hello");
        assert!(peer.rest().is_empty());
        seen.lock().expect("same").push(requests.recv().expect("a request"));
    }
    let seen = seen.into_inner().expect("same");
    assert_eq!(seen[0].field("host"), Some(backend.address().to_string().as_str()));
    assert_eq!(seen[1].field("host"), Some("h.test"));
}

#[test]
fn an_absolute_target_reaches_the_backend_as_path_and_host() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET http://other.test:82/a?b=%20 HTTP/1.1\r\nHost: ignored.test\r\n\r\n");
    assert_eq!(Message::response(&mut peer, "GET").expect("an answer").payload, b"ok");
    let seen = String::from_utf8(backend.received().remove(0)).expect("text");
    assert_eq!(seen, "GET /a?b=%20 HTTP/1.1\r\nHost: other.test:82\r\n\r\n");
}

#[test]
fn a_long_path_and_a_large_head_pass() {
    let backend = Backend::scripted(|peer| {
        while peer.head().is_some() {
            let large = "v".repeat(200_000);
            peer.send(format!("HTTP/1.1 200 OK\r\nX-Large: {large}\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let path = format!("/{}?{}", "p".repeat(30_000), "q".repeat(20_000));
    let mut peer = Peer::connect(wayside.http());
    peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let answer = Message::response(&mut peer, "GET").expect("an answer");
    assert_eq!(answer.field("x-large").map(str::len), Some(200_000));
    let seen = String::from_utf8(backend.received().remove(0)).expect("text");
    assert_eq!(seen, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::scripted(|peer| {
        while let Some(request) = Message::request(peer) {
            let target = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
                target.len()
            ));
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    let requests: Vec<String> = (0..20)
        .map(|n| match n % 3 {
            0 => format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
            _ => format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"),
        })
        .collect();
    peer.send(requests.concat());
    for n in 0..20 {
        let answer = Message::response(&mut peer, "GET").expect("an answer");
        assert_eq!(answer.payload, format!("/{n}").into_bytes());
    }
}
