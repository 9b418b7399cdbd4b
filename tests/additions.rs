//! What Wayside adds to messages: nothing by default, and what its settings name when they say so.

use wayside_tests::{Backend, Echo, Peer, Wayside};

const ANSWER: &str =
    "HTTP/1.1 200 Fine\r\nX-b: 1\r\nContent-Length: 2\r\nx-A: 2\r\nSet-Cookie: a\r\n\r\nok";

#[test]
fn by_default_not_a_byte_is_added_or_lost() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let request =
        "POST /a?b HTTP/1.1\r\nhOST: a\r\nX-z: 1\r\nContent-Length: 4\r\nx-Y: 2\r\n\r\nbody";
    for mut peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        peer.send(request);
        let answer = peer.exactly(ANSWER.len());
        assert_eq!(String::from_utf8(answer).expect("text"), ANSWER);
        drop(peer);
    }
    let seen = backend.received().concat();
    assert_eq!(String::from_utf8(seen).expect("text"), request.repeat(2));
}

#[test]
fn an_answer_of_http_2_has_the_backend_s_fields_and_no_other() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let answer = wayside.curl("/", &["--http2", "-i"]).ok();
    let expected =
        "HTTP/2 200 \r\nx-b: 1\r\ncontent-length: 2\r\nx-a: 2\r\nset-cookie: a\r\n\r\nok";
    assert_eq!(answer.text(), expected);
}

#[test]
fn forwarded_headers_tell_who_asked_how_and_for_which_host() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--forwarded-headers"]);
    wayside.curl("/a", &["-H", "Host: h.test:9"]).ok();
    wayside_tests::curl([wayside.http_url("/b").as_str(), "-H", "Host: h.test:9"]).ok();
    let seen = echo.seen();
    for (request, scheme) in seen.iter().zip(["https", "http"]) {
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(request.header("x-forwarded-proto"), Some(scheme));
        assert_eq!(request.header("x-forwarded-host"), Some("h.test:9"));
        assert_eq!(request.header("host"), Some("h.test:9"));
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn forwarded_headers_stand_behind_those_of_proxies_before_us() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--forwarded-headers"]);
    wayside.curl("/", &["-H", "X-Forwarded-For: 192.0.2.7"]).ok();
    let seen = echo.only();
    let hops: Vec<&str> = seen
        .headers
        .iter()
        .filter(|(name, _)| name == "x-forwarded-for")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(hops, ["192.0.2.7", "127.0.0.1"]);
}

#[test]
fn via_is_added_both_ways_with_the_version_that_came() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--via"]);
    let answer = wayside.curl("/", &["--http1.1", "-i"]).ok();
    assert!(answer.text().to_lowercase().contains("\r\nvia: 1.1 wayside\r\n"), "{}", answer.text());
    wayside.curl("/", &["--http2"]).ok();
    let seen = echo.seen();
    assert_eq!(seen[0].header("via"), Some("1.1 wayside"));
    assert_eq!(seen[1].header("via"), Some("2 wayside"));
}

#[test]
fn the_exchange_id_header_names_the_recorded_exchange() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--exchange-id-header", "X-Exchange"]);
    let answer = wayside.curl("/a", &["-o", "/dev/null", "-w", "%header{x-exchange}"]).ok();
    let exchanges = wayside.exchanges("path:/a", 1);
    assert_eq!(exchanges[0]["id"], answer.text());
    assert_eq!(echo.only().header("x-exchange"), None);
}
