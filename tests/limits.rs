//! What one client may ask of the proxy: each limit answers with its own name, and costs nobody else anything.

use std::time::Duration;

use wayside_tests::{Backend, Echo, Message, Peer, Wayside, curl, eventually, program};

/// The limits tested here are a second at most; a busy machine gets more.
const SOON: Duration = Duration::from_secs(10);

#[track_caller]
fn answer_to(mut peer: Peer, request: &str) -> String {
    peer.send(request);
    let bytes = peer.rest();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn a_head_that_is_too_large_is_a_431_that_names_the_setting() {
    let echo = Echo::start();
    let wayside =
        Wayside::start(&echo.url(), &["--max-header-bytes", "4KiB", "--max-headers", "20"]);
    let long = format!("GET /long HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "v".repeat(5000));
    let endless = format!("GET /endless HTTP/1.1\r\nHost: a\r\nX-Long: {}", "v".repeat(50_000));
    let many = format!("GET /many HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: 1\r\n".repeat(20));
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "p".repeat(5000));
    for (request, flag) in [
        (&long, "--max-header-bytes"),
        (&endless, "--max-header-bytes"),
        (&path, "--max-header-bytes"),
        (&many, "--max-headers"),
    ] {
        for peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
            let said = answer_to(peer, request);
            assert!(
                said.starts_with("HTTP/1.1 431 ") && said.contains(flag),
                "{request:.20} {flag}: {said}"
            );
        }
    }
    let refused = wayside.ended("status:431", 8);
    assert!(refused.iter().all(|exchange| exchange["outcome"] == "refused"));
    assert!(echo.seen().is_empty());
}

#[test]
fn a_head_within_the_limits_passes() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let wayside =
        Wayside::start(&backend.url(), &["--max-header-bytes", "4KiB", "--max-headers", "150"]);
    let most = format!("GET /most HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: 1\r\n".repeat(149));
    let long = format!("GET /long HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "v".repeat(4000));
    let mut peer = Peer::connect(wayside.http());
    for request in [most, long] {
        peer.send(request);
        assert_eq!(Message::response(&mut peer, "GET").expect("an answer").status(), 200);
    }
}

#[test]
fn an_http_2_client_over_the_limit_is_told_too() {
    let echo = Echo::start();
    let wayside =
        Wayside::start(&echo.url(), &["--max-header-bytes", "4KiB", "--max-headers", "20"]);
    let fields: Vec<String> = (0..30).map(|n| format!("X-{n}: 1")).collect();
    let mut arguments = vec!["--http2", "-w", "%{http_code}"];
    for field in &fields {
        arguments.extend(["-H", field]);
    }
    let said = wayside.curl("/many", &arguments).ok();
    assert!(
        said.text().ends_with("431") && said.text().contains("--max-headers"),
        "{}",
        said.text()
    );
    let long = format!("X-Long: {}", "v".repeat(5000));
    let said = wayside.curl("/long", &["--http2", "-w", "%{http_code}", "-H", &long]).ok();
    assert!(said.text().ends_with("431"), "{}", said.text());
    assert!(echo.seen().is_empty());
}

#[test]
fn a_head_that_takes_too_long_is_a_408_that_names_the_setting() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--header-timeout", "1s"]);
    for peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        let said = answer_to(peer, "GET /slow HTTP/1.1\r\nHost: a\r\nX-Half");
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("--header-timeout"), "{said}");
    }
    let refused = wayside.ended("status:408", 2);
    assert!(refused.iter().all(|exchange| exchange["outcome"] == "refused"));
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--idle-timeout", "1s", "--header-timeout", "1s"]);
    let mut idle = Peer::connect(wayside.http());
    idle.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(Message::response(&mut idle, "GET").expect("an answer").status(), 200);
    assert!(idle.rest().is_empty());
    for version in ["--http1.1", "--http2"] {
        wayside.curl("/delay/3500", &[version, "-d", "slow", "-f"]).ok();
    }
}

#[test]
fn a_client_that_never_finishes_its_handshake_is_let_go() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--handshake-timeout", "1s"]);
    let mut silent = Peer::connect(wayside.https());
    assert!(silent.rest().is_empty());
    let mut half = Peer::connect(wayside.https());
    half.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    half.rest();
    eventually("they are gone", SOON, || wayside.connections(wayside.https()) == 0);
    let failed = wayside.ended("outcome:refused", 2);
    let reason = failed[0]["failure"]["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(reason, "TLS handshake failed: timed out after 1s");
}

#[test]
fn connections_of_one_address_are_limited_and_free_again_when_closed() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--max-connections-per-address", "2"]);
    let ask = |peer: &mut Peer| {
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        Message::response(peer, "GET").map(|answer| answer.status())
    };
    let mut first = Peer::connect(wayside.http());
    let mut second = Peer::connect(wayside.http());
    assert_eq!((ask(&mut first), ask(&mut second)), (Some(200), Some(200)));
    let mut third = Peer::connect(wayside.http());
    assert!(third.rest().is_empty());
    wayside.wait_for("max-connections-per-address");
    assert_eq!(ask(&mut first), Some(200));
    drop(second);
    eventually("there is room again", SOON, || {
        ask(&mut Peer::connect(wayside.http())) == Some(200)
    });
}

#[test]
fn running_out_of_files_costs_new_connections_and_nothing_else() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--workers", "1"]);
    let mut early = Peer::connect(wayside.http());
    let ask = |peer: &mut Peer| {
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        Message::response(peer, "GET").map(|answer| answer.status())
    };
    assert_eq!(ask(&mut early), Some(200));
    let process = wayside.process().to_string();
    program("prlimit", ["--pid", &process, "--nofile=60:1024"]).ok();
    let crowd: Vec<Peer> = (0..100).map(|_| Peer::connect(wayside.http())).collect();
    eventually("it has run out", SOON, || wayside.connections(wayside.http()) > 20);
    assert_eq!(ask(&mut early), Some(200));
    drop(crowd);
    let answer = curl([wayside.http_url("/after").as_str(), "-d", "still here"]).ok();
    assert_eq!(answer.text(), "still here");
}

#[test]
fn plain_http_on_the_tls_port_gets_a_hint() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let answer = curl([format!("http://{}/a", wayside.https()).as_str(), "-i"]).ok();
    assert!(answer.text().starts_with("HTTP/1.1 400 "), "{}", answer.text());
    assert!(answer.text().contains("use a URL that starts with https://"), "{}", answer.text());
    let failed = wayside.ended("", 1).remove(0);
    let reason = failed["failure"]["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(reason, "TLS handshake failed: no TLS: the client spoke plain HTTP");
}

#[test]
fn a_request_that_is_no_http_is_a_400_and_is_recorded() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let requests = [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ];
    for request in requests {
        let said = answer_to(Peer::connect(wayside.http()), request);
        assert!(said.starts_with("HTTP/1.1 400 "), "{request:?}: {said}");
    }
    let refused = wayside.ended("outcome:refused", requests.len());
    assert!(refused.iter().all(|exchange| exchange["status"] == 400), "{refused:#?}");
    assert!(echo.seen().is_empty());
}
