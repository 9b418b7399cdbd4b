//! The PROXY protocol: connections that a trusted proxy passes on are the clients', and nobody else's are
//! taken.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Echo, Message, Peer, Wayside, curl, python};

const ON: [&str; 3] = ["--proxy-protocol", "--trusted-proxy", "127.0.0.0/8"];
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Sends a header, then shakes hands and asks.
const BEHIND: &str = r#"
import socket, ssl, sys
port, ca, header, path = int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3]), sys.argv[4]
wire = socket.create_connection(("127.0.0.1", port))
wire.sendall(header)
context = ssl.create_default_context(cafile=ca)
with context.wrap_socket(wire, server_hostname="shop.test") as tls:
    tls.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := tls.recv(65536): answer += piece
assert answer.startswith(b"HTTP/1.1 200"), answer
"#;

#[test]
fn a_connection_that_a_trusted_proxy_passes_on_is_its_clients() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[&ON[..], &["--forwarded-headers"]].concat());
    let v4 = "192.0.2.7:4711".parse().expect("an address");
    let v6 = "[2001:db8::7]:4711".parse().expect("an address");
    assert_eq!(plain(&wayside, &first(v4), "/first/4"), 200);
    assert_eq!(plain(&wayside, &first(v6), "/first/6"), 200);
    assert_eq!(plain(&wayside, &second(v4), "/second/4"), 200);
    assert_eq!(plain(&wayside, &second(v6), "/second/6"), 200);
    for (path, header) in [("/tls/first", first(v4)), ("/tls/second", second(v4))] {
        behind(&wayside, &header, path);
    }
    // The proxy itself, which looks whether we are well.
    assert_eq!(plain(&wayside, &[SIGNATURE, &[0x20, 0, 0, 0]].concat(), "/local"), 200);
    assert_eq!(plain(&wayside, b"PROXY UNKNOWN\r\n", "/unknown"), 200);
    wayside.ended("", 8);

    for path in ["/first/4", "/second/4", "/tls/first", "/tls/second"] {
        let exchange = one(&wayside, path);
        assert_eq!(exchange["client_addr"], "192.0.2.7:4711", "{path}");
        assert_eq!(exchange["client"], "addr:192.0.2.7", "{path}");
    }
    assert!(one(&wayside, "/tls/second")["tls"]["ja4"].is_string());
    for path in ["/first/6", "/second/6"] {
        assert_eq!(one(&wayside, path)["client_addr"], "[2001:db8::7]:4711", "{path}");
    }
    for path in ["/local", "/unknown"] {
        let exchange = one(&wayside, path);
        assert!(
            exchange["client_addr"].as_str().is_some_and(|addr| addr.starts_with("127.0.0.1:"))
        );
    }
    assert_eq!(wayside.exchanges("addr:192.0.2.7", 4).len(), 4);
    for seen in echo.seen() {
        let expected = match seen.target.as_str() {
            "/local" | "/unknown" => "127.0.0.1",
            "/first/6" | "/second/6" => "2001:db8::7",
            _ => "192.0.2.7",
        };
        assert_eq!(seen.header("x-forwarded-for"), Some(expected), "{}", seen.target);
    }
}

#[test]
fn curl_and_a_client_who_lies_in_its_header_fields_are_who_the_proxy_says() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &ON);
    wayside.curl("/curl", &["--haproxy-protocol"]).ok();
    let lies = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
    let mut peer = Peer::connect(wayside.http());
    peer.send(lies);
    peer.send("GET /lies HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n");
    assert_eq!(Message::response(&mut peer, "GET").expect("an answer").status(), 200);
    wayside.ended("", 2);
    assert_eq!(one(&wayside, "/lies")["client"], "addr:192.0.2.7");
    assert_eq!(one(&wayside, "/curl")["client"], "addr:127.0.0.1/curl");
}

#[test]
fn a_trusted_proxy_that_says_nothing_is_refused_and_recorded() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[&ON[..], &["--handshake-timeout", "1s"]].concat());
    assert_ne!(curl([wayside.http_url("/")]).code, 0);
    assert_eq!(
        reasons(&wayside, 1),
        ["refused: the connection does not begin with a PROXY protocol header"]
    );
    assert_ne!(wayside.curl("/", &[]).code, 0);
    assert_eq!(reasons(&wayside, 2).len(), 2);
    let headers: [(&[u8], &str); 4] = [
        (b"PROXY TCP4 nonsense nonsense 1 2\r\n", "malformed: an address is not of its family"),
        (b"PROXY TCP4 192.0.2.7", "did not arrive within 1s"),
        (&[SIGNATURE, &[0x31, 0x11, 0, 0]].concat(), "malformed: its version is not 2"),
        (&[SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat(), "did not arrive within 1s"),
    ];
    for (count, (sent, words)) in (3..).zip(headers) {
        let mut peer = Peer::connect(wayside.http());
        peer.send(sent);
        assert!(peer.rest().is_empty(), "nothing is answered");
        let reasons = reasons(&wayside, count);
        assert!(reasons.last().is_some_and(|last| last.contains(words)), "{words}: {reasons:?}");
    }
    // Who looks whether the port is open is no news.
    drop(Peer::connect(wayside.http()));
    assert_eq!(plain(&wayside, b"PROXY UNKNOWN\r\n", "/after"), 200);
    assert_eq!(reasons(&wayside, 6).len(), 6);
    assert_eq!(echo.seen().len(), 1);
    let listed = wayside.run(["exchanges", "outcome:refused"]).ok();
    assert!(!listed.text().contains("TLS handshake"), "{}", listed.text());
}

#[test]
fn whoever_does_not_come_by_the_proxy_is_refused_and_recorded() {
    let echo = Echo::start();
    let flags = ["--proxy-protocol", "--trusted-proxy", "192.0.2.1"];
    let wayside = Wayside::start(&echo.url(), &flags);
    let mut peer = Peer::connect(wayside.http());
    peer.send("PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(peer.rest().is_empty());
    let refused = wayside.exchanges("outcome:refused", 1).remove(0);
    let reason = refused["failure"]["reason"].as_str().expect("why");
    assert!(reason.contains("`--trusted-proxy`"), "{reason}");
    assert!(refused["client_addr"].as_str().is_some_and(|addr| addr.starts_with("127.0.0.1:")));
    assert!(echo.seen().is_empty());
}

#[test]
fn without_the_setting_a_header_is_no_request() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--trusted-proxy", "127.0.0.1"]);
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
    assert_eq!(plain(&wayside, header, "/"), 400);
    let nobody = ["record", "http://127.0.0.1:9", "--proxy-protocol", "--listen", "127.0.0.1:0"];
    let said = Wayside::run_on(&wayside.data().join("other"), nobody).exits(2);
    assert!(said.stderr.contains("nobody could connect"), "{}", said.stderr);
}

#[test]
fn the_most_connections_of_an_address_are_the_clients_not_the_proxys() {
    let echo = Echo::start();
    let most = ["--max-connections-per-address", "2", "--workers", "2"];
    let wayside = Wayside::start(&echo.url(), &[&ON[..], &most].concat());
    let open = |client: &str| {
        let mut peer = Peer::connect(wayside.http());
        peer.send(format!("PROXY TCP4 {client} 192.0.2.1 4711 443\r\n"));
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answered = Message::response(&mut peer, "GET").is_some();
        (peer, answered)
    };
    let clients = ["192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.8", "192.0.2.9"];
    let kept: Vec<Peer> = clients
        .into_iter()
        .map(|client| {
            let (peer, answered) = open(client);
            assert!(answered, "{client}");
            peer
        })
        .collect();
    assert!(!open("192.0.2.7").1, "it has two");
    // A proxy may open as many at once as it has clients: none is the proxy's own.
    let unsaid: Vec<Peer> = (0..6).map(|_| Peer::connect(wayside.http())).collect();
    for (n, mut peer) in unsaid.into_iter().enumerate() {
        peer.send(format!("PROXY TCP4 198.51.100.{n} 192.0.2.1 4711 443\r\n"));
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(Message::response(&mut peer, "GET").is_some(), "{n}");
    }
    let refused = wayside.exchanges("outcome:refused", 1).remove(0);
    assert!(refused.to_string().contains("--max-connections-per-address"), "{refused}");
    drop(kept);
    wayside_tests::eventually("there is room again", Duration::from_secs(10), || {
        open("192.0.2.7").1
    });
}

fn first(client: SocketAddr) -> Vec<u8> {
    let (family, to) = if client.is_ipv4() { ("TCP4", "192.0.2.1") } else { ("TCP6", "::1") };
    format!("PROXY {family} {} {to} {} 443\r\n", client.ip(), client.port()).into_bytes()
}

/// With something else that the proxy tells.
fn second(client: SocketAddr) -> Vec<u8> {
    let mut addresses = Vec::new();
    match client {
        SocketAddr::V4(v4) => {
            addresses.extend(v4.ip().octets());
            addresses.extend([192, 0, 2, 1]);
        }
        SocketAddr::V6(v6) => {
            addresses.extend(v6.ip().octets());
            addresses.extend([0; 16]);
        }
    }
    addresses.extend(client.port().to_be_bytes());
    addresses.extend(443_u16.to_be_bytes());
    addresses.extend([2, 0, 4]);
    addresses.extend(b"shop");
    let mut header = SIGNATURE.to_vec();
    header.extend([0x21, if client.is_ipv4() { 0x11 } else { 0x21 }]);
    header.extend((addresses.len() as u16).to_be_bytes());
    header.extend(addresses);
    header
}

/// The status that a request without TLS behind `header` is answered with.
#[track_caller]
fn plain(wayside: &Wayside, header: &[u8], path: &str) -> u16 {
    let mut peer = Peer::connect(wayside.http());
    let mut sent = header.to_vec();
    write!(sent, "GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n").expect("written");
    peer.send(sent);
    Message::response(&mut peer, "GET").expect("an answer").status()
}

#[track_caller]
fn behind(wayside: &Wayside, header: &[u8], path: &str) {
    let (port, ca) = (wayside.https().port().to_string(), wayside.ca().display().to_string());
    let words: Vec<String> = header.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = words.concat();
    python(BEHIND, [&port, &ca, &header, path]).ok();
}

/// Why connections were refused, once there are so many.
#[track_caller]
fn reasons(wayside: &Wayside, count: usize) -> Vec<String> {
    let refused = wayside.exchanges("outcome:refused", count);
    let reason = |one: &Value| one["failure"]["reason"].as_str().expect("why").to_owned();
    refused.iter().map(reason).collect()
}

/// The one exchange with this path.
#[track_caller]
fn one(wayside: &Wayside, path: &str) -> Value {
    wayside.exchanges(&format!("path:{path}"), 1).remove(0)
}
