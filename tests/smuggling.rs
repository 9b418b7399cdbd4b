//! Request smuggling: what two servers could read as different requests is refused, or goes on in one form
//! that the backend can read in one way only. The client writes raw bytes, the backend keeps every byte.

use std::io::Read as _;
use std::time::Duration;

use wayside_tests::{Backend, Ending, Frames, Message, Peer, Wayside, eventually};

/// What becomes of what a client sent.
enum Becomes {
    /// Refused with this status, recorded, the connection closed, not a byte sent on.
    Refused(u16),
    /// Exactly these bytes at the backend, and a 200.
    Sent(&'static [u8]),
}
use Becomes::{Refused, Sent};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// Stands behind everything that is refused: what must never be taken for a request.
const NEXT: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

type Row = (&'static str, &'static [u8], Becomes);

#[rustfmt::skip]
const HTTP1: &[Row] = &[
    ("a length and a coding", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding and a length", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding and length zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("two lengths that differ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 34\r\n\r\n", Refused(400)),
    ("two lengths in one field", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 34\r\n\r\n", Refused(400)),
    ("the same length twice", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        Sent(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")),
    ("a length with a sign", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", Refused(400)),
    ("a length below zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", Refused(400)),
    ("a length in hexadecimal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", Refused(400)),
    ("a length of words", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0 34\r\n\r\n", Refused(400)),
    ("no length in a length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", Refused(400)),
    ("a length that overflows", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", Refused(400)),
    ("a coding nobody knows", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding that does not end in chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding behind a vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding in quotes", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", Refused(400)),
    ("an empty coding", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", Refused(400)),
    ("two codings", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
    ("chunked twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
    ("two fields of codings", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("identity and chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(501)),
    ("chunked and identity", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding over HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding in odd case", b"POST /a HTTP/1.1\r\nHost: a\r\ntRANSFER-eNCODING:\tcHUNKED \r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        Sent(b"POST /a HTTP/1.1\r\nHost: a\r\ntRANSFER-eNCODING: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")),
    ("a length that the connection lists", b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nhi",
        Sent(b"POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")),
    ("a space before a colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a tab before a colon", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 34\r\n\r\n", Refused(400)),
    ("a space before a name", b"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a folded line", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a folded line of another field", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", Refused(400)),
    ("a line without a colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", Refused(400)),
    ("a name of nothing", b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", Refused(400)),
    ("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", Refused(400)),
    ("NUL in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n", Refused(400)),
    ("NUL in a path", b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", Refused(400)),
    ("CR alone in a value", b"POST / HTTP/1.1\r\nHost: a\r\nX: b\rTransfer-Encoding: chunked\r\n\r\n", Refused(400)),
    ("CR alone at the end of a line", b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", Refused(400)),
    ("LF alone in a head", b"POST / HTTP/1.1\r\nHost: a\r\nX: b\nContent-Length: 34\r\n\r\n", Refused(400)),
    ("LF alone at the end of every line", b"GET / HTTP/1.1\nHost: a\n\n", Refused(400)),
    ("LF alone at the end of a head", b"GET / HTTP/1.1\r\nHost: a\r\n\n", Refused(400)),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refused(400)),
    ("a host that is none", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refused(400)),
    ("two hosts in one", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refused(400)),
    ("a user in a host", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", Refused(400)),
    ("a user in the target", b"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", Refused(400)),
    ("a target that is another host's", b"GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n",
        Sent(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n")),
    ("a target without a slash", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", Refused(400)),
    ("a space in a target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Refused(400)),
    ("a request line of HTTP/0.9", b"GET /\r\n\r\n", Refused(400)),
    ("a version nobody knows", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", Refused(400)),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Refused(405)),
    ("a chunk whose size is none", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", Refused(400)),
    ("a chunk whose size has a sign", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", Refused(400)),
    ("a chunk whose size begins with 0x", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", Refused(400)),
    ("a chunk whose size overflows", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n", Refused(400)),
    ("a chunk longer than it says", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", Refused(400)),
    ("LF alone behind a chunk's size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", Refused(400)),
    ("LF alone behind a chunk", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", Refused(400)),
    ("LF alone in a chunk's extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\n\r\na\r\n0\r\n\r\n", Refused(400)),
    ("CR alone behind a chunk's size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\ra\r\n0\r\n\r\n", Refused(400)),
    ("LF alone at the end of a chunked body", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n", Refused(400)),
    ("LF alone in a trailer", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: b\n\n", Refused(400)),
    ("an extension of a chunk", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"0\";b\r\nhi\r\n0\r\n\r\n",
        Sent(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")),
    ("a trailer that frames", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n",
        Sent(b"POST /a HTTP/1.1\r\nHost: a\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")),
    ("an upgrade to HTTP/2", b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        Sent(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")),
    ("a GET whose body is a request", b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        Sent(b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")),
];

#[test]
fn what_could_be_read_as_two_requests_is_refused_or_goes_on_in_one_form() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (name, request, becomes) in HTTP1 {
        let before = backend.received();
        let mut peer = Peer::connect(wayside.http());
        let (said, ended_well) = match becomes {
            Refused(_) => {
                peer.send([request, NEXT].concat());
                all_of(&mut peer)
            }
            Sent(_) => {
                peer.send(request);
                let answer = Message::response(&mut peer, "POST").map(|answer| answer.start);
                (answer.unwrap_or_default(), true)
            }
        };
        let seen = since(&before, &backend);
        let (status, expected): (u16, &[u8]) = match becomes {
            Refused(status) => (*status, b""),
            Sent(bytes) => (200, bytes),
        };
        refused += usize::from(matches!(becomes, Refused(_)));
        let once = said.matches("HTTP/1.1 ").count() == 1;
        if !once
            || !ended_well
            || !said.starts_with(&format!("HTTP/1.1 {status} "))
            || seen != *expected
        {
            wrong.push(format!(
                "{name}: the client got {said:?}, the backend {:?}",
                seen.escape_ascii().to_string()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong\n{}", wrong.len(), wrong.join("\n"));
    let recorded = wayside.ended("outcome:refused", refused);
    assert!(
        recorded.iter().all(|exchange| exchange["status"].as_u64() >= Some(400)),
        "{recorded:#?}"
    );
    assert!(wayside.exchanges("path:/smuggled", 0).is_empty());
    drop(wayside);
    backend.join();
}

#[test]
fn a_body_that_breaks_its_framing_later_reaches_the_backend_without_an_end() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for broken in ["x\r\n\r\n", "1\nb\r\n", "2\r\nbcd\r\n", "0\r\nX: y\n\n"] {
        let before = backend.received();
        let mut peer = Peer::connect(wayside.http());
        peer.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        eventually("the first chunk has arrived", Duration::from_secs(20), || {
            since(&before, &backend).ends_with(b"\r\n\r\n1\r\na\r\n")
        });
        peer.send([broken.as_bytes(), NEXT].concat());
        let (said, closed) = all_of(&mut peer);
        assert!(closed && said.starts_with("HTTP/1.1 400 "), "{broken:?}: {said:?}");
        let seen = since(&before, &backend);
        assert!(!seen.ends_with(b"0\r\n\r\n") && !contains(&seen, b"smuggled"), "{broken:?}");
    }
    let refused = wayside.ended("outcome:refused", 4);
    assert!(refused.iter().all(|exchange| exchange["status"] == 400), "{refused:#?}");
    drop(wayside);
    backend.join();
}

#[test]
fn the_record_of_a_request_is_its_own_whatever_stood_in_the_body_before() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &[]);
    let fake = "GET /fake HTTP/1.1\r\nHost: fake\r\n\r\n";
    for (path, before) in [
        (
            "/one",
            format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{fake}", fake.len()),
        ),
        (
            "/two",
            format!(
                "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x};0\r\n{fake}\r\n0\r\n\r\n",
                fake.len()
            ),
        ),
    ] {
        let mut peer = Peer::connect(wayside.http());
        peer.send(format!("{before}GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        for method in ["POST", "GET"] {
            assert_eq!(Message::response(&mut peer, method).expect("an answer").status(), 200);
        }
        wayside.ended(&format!("path:{path}"), 1);
    }
    assert!(wayside.exchanges("path:/fake", 0).is_empty());
    drop(wayside);
    backend.join();
}

#[test]
fn bytes_behind_a_request_to_upgrade_wait_for_the_101_and_are_a_request_without_it() {
    let asking = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw/1\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let backend = Backend::scripted(|peer| {
        let head = peer.head().expect("a head");
        assert!(head.starts_with(b"GET /up "));
        // Had more come, it would be here by the time that the client has its answer.
        peer.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
        while let Some(head) = peer.head() {
            assert!(head.starts_with(b"GET /next HTTP/1.1\r\n"));
            peer.send(OK);
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(format!("{asking}{next}"));
    let statuses =
        [(); 2].map(|()| Message::response(&mut peer, "GET").expect("an answer").status());
    assert_eq!(statuses, [426, 200]);
    let recorded = wayside.ended("", 2);
    let outcomes: Vec<_> = recorded.iter().map(|exchange| &exchange["outcome"]).collect();
    assert_eq!(outcomes, ["complete", "complete"]);
    assert_eq!(recorded[1]["path"], "/next");
    drop((peer, wayside));
    backend.join();
}

const REQUEST: [(&[u8], &[u8]); 4] =
    [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/a")];

/// A request over HTTP/2: its fields, its body, and what the backend gets of it, if anything.
type Stream = (
    &'static str,
    &'static [(&'static [u8], &'static [u8])],
    Option<&'static [u8]>,
    Option<&'static [u8]>,
);

const GET: (&[u8], &[u8]) = (b":method", b"GET");
const POST: (&[u8], &[u8]) = (b":method", b"POST");
const HTTP: (&[u8], &[u8]) = (b":scheme", b"http");
const A: (&[u8], &[u8]) = (b":authority", b"a");
const PATH: (&[u8], &[u8]) = (b":path", b"/a");

#[rustfmt::skip]
const HTTP2: &[Stream] = &[
    ("CR LF in a value", &[POST, HTTP, A, PATH, (b"x", b"b\r\nTransfer-Encoding: chunked")], None, None),
    ("LF in a value", &[POST, HTTP, A, PATH, (b"x", b"b\nTransfer-Encoding: chunked")], None, None),
    ("CR in a value", &[POST, HTTP, A, PATH, (b"x", b"b\rc")], None, None),
    ("NUL in a value", &[POST, HTTP, A, PATH, (b"x", b"b\0c")], None, None),
    ("CR LF in a name", &[POST, HTTP, A, PATH, (b"x: b\r\ntransfer-encoding", b"chunked")], None, None),
    ("a colon in a name", &[POST, HTTP, A, PATH, (b"transfer-encoding: chunked\r\nx", b"b")], None, None),
    ("a space in a name", &[POST, HTTP, A, PATH, (b"x ", b"b")], None, None),
    ("a name of nothing", &[POST, HTTP, A, PATH, (b"", b"b")], None, None),
    ("a name in upper case", &[POST, HTTP, A, PATH, (b"Transfer-Encoding", b"chunked")], None, None),
    ("a coding", &[POST, HTTP, A, PATH, (b"transfer-encoding", b"chunked")], Some(b"0\r\n\r\n"), None),
    ("a field of the connection", &[POST, HTTP, A, PATH, (b"connection", b"x")], None, None),
    ("an upgrade", &[GET, HTTP, A, PATH, (b"upgrade", b"websocket")], None, None),
    ("TE that is more than trailers", &[GET, HTTP, A, PATH, (b"te", b"trailers, chunked")], None, None),
    ("a length less than the body", &[POST, HTTP, A, PATH, (b"content-length", b"1")], Some(b"hi"), None),
    ("a length of nothing before a body", &[POST, HTTP, A, PATH, (b"content-length", b"0")], Some(b"GET /smuggled"), None),
    ("a length without a body", &[GET, HTTP, A, PATH, (b"content-length", b"34")], None, None),
    ("two lengths that differ", &[POST, HTTP, A, PATH, (b"content-length", b"0"), (b"content-length", b"34")], None, None),
    ("a length with a sign", &[POST, HTTP, A, PATH, (b"content-length", b"+2")], Some(b"hi"), None),
    ("the same length twice", &[POST, HTTP, A, PATH, (b"content-length", b"2"), (b"content-length", b"2")], Some(b"hi"),
        Some(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")),
    ("no length", &[POST, HTTP, A, PATH], Some(b"hi"),
        Some(b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")),
    ("a method twice", &[GET, POST, HTTP, A, PATH], None, None),
    ("a path twice", &[GET, HTTP, A, PATH, (b":path", b"/smuggled")], None, None),
    ("an authority twice", &[GET, HTTP, A, A, PATH], None, None),
    ("a pseudo-header field behind the others", &[GET, HTTP, A, (b"x", b"b"), PATH], None, None),
    ("a pseudo-header field nobody knows", &[GET, HTTP, A, PATH, (b":x", b"b")], None, None),
    ("a status", &[GET, HTTP, A, PATH, (b":status", b"200")], None, None),
    ("a space in a path", &[GET, HTTP, A, (b":path", b"/a HTTP/1.1")], None, None),
    ("CR LF in a path", &[GET, HTTP, A, (b":path", b"/a HTTP/1.1\r\nHost: b\r\n\r\nGET /smuggled")], None, None),
    ("a path without a slash", &[GET, HTTP, A, (b":path", b"a")], None, None),
    ("a path that is a URL", &[GET, HTTP, A, (b":path", b"http://b/a")], None, None),
    ("an asterisk that is no OPTIONS", &[GET, HTTP, A, (b":path", b"*")], None, None),
    ("a path of nothing", &[GET, HTTP, A, (b":path", b"")], None, None),
    ("a space in a method", &[(b":method", b"GET /smuggled HTTP/1.1"), HTTP, A, PATH], None, None),
    ("CR LF in a method", &[(b":method", b"GET / HTTP/1.1\r\nx: b\r\n\r\n"), HTTP, A, PATH], None, None),
    ("a scheme with more", &[GET, (b":scheme", b"http://b/?"), A, PATH], None, None),
    ("CR LF in an authority", &[GET, HTTP, (b":authority", b"a\r\nx: b"), PATH], None, None),
    ("a user in an authority", &[GET, HTTP, (b":authority", b"user@a"), PATH], None, None),
    ("two hosts", &[GET, HTTP, PATH, (b"host", b"a"), (b"host", b"b")], None, None),
    ("a host beside the authority", &[GET, HTTP, A, PATH, (b"host", b"b")], None,
        Some(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")),
];

#[test]
fn a_request_over_http_2_brings_nothing_into_http_1_that_it_is_not() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut wrong = Vec::new();
    for (name, fields, body, expected) in HTTP2 {
        let before = backend.received();
        let mut frames = Frames::connect(wayside.http());
        frames.send_all(&Frames::headers(1, body.is_none(), fields));
        if let Some(body) = body {
            frames.send(Frames::DATA, Frames::END, 1, body);
        }
        let ending = frames.ending(1);
        let seen = since(&before, &backend);
        let well = match expected {
            Some(expected) => ending == Ending::Answered(200) && seen == *expected,
            None => ending != Ending::Answered(200) && seen.is_empty(),
        };
        if !well {
            wrong.push(format!(
                "{name}: {ending:?}, the backend got {:?}",
                seen.escape_ascii().to_string()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong\n{}", wrong.len(), wrong.join("\n"));
    drop(wayside);
    backend.join();
}

#[test]
fn a_body_over_http_2_that_turns_out_longer_than_its_length_reaches_the_backend_without_an_end() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut frames = Frames::connect(wayside.http());
    let fields = [&REQUEST[..], &[(b"content-length", b"4")]].concat();
    frames.send_all(&Frames::headers(1, false, &fields));
    frames.send(Frames::DATA, 0, 1, b"abc");
    eventually("the first bytes have arrived", Duration::from_secs(20), || {
        backend.received().concat().ends_with(b"\r\n\r\nabc")
    });
    frames.send(Frames::DATA, Frames::END, 1, b"dGET /smuggled");
    // PROTOCOL_ERROR
    assert_eq!(frames.ending(1), Ending::Reset(1));
    wayside.ended("", 1);
    assert!(backend.received().concat().ends_with(b"\r\n\r\nabc"));
    drop((frames, wayside));
    backend.join();
}

/// What the backend got since it had got `before`.
fn since(before: &[Vec<u8>], backend: &Backend) -> Vec<u8> {
    let now = backend.received();
    let known = before.iter().map(Vec::len).chain(std::iter::repeat(0));
    now.iter().zip(known).flat_map(|(bytes, known)| bytes[known..].to_vec()).collect()
}

/// All that comes until the connection is over, or until nothing has come for a while: then it is not.
fn all_of(peer: &mut Peer) -> (String, bool) {
    let mut socket = peer.socket().expect("open");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let mut said = Vec::new();
    let closed = socket.read_to_end(&mut said);
    (String::from_utf8_lossy(&said).into_owned(), closed.is_ok())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
