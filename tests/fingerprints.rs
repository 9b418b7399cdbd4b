//! JA4: which TLS client it was, told alike each time, differently for others, and of handshakes that came to
//! nothing, too.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use wayside_tests::{Echo, Wayside, curl, program, python};

const ASK: &str = r#"
import http.client, ssl, sys
port, ca, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
connection = http.client.HTTPSConnection("localhost", port, context=context)
connection.request("GET", path, headers={"User-Agent": "probe/1"})
connection.getresponse().read()
"#;

/// Sends its hello byte by byte, in records of its own of one byte each.
const SLOWLY: &str = r#"
import socket, ssl, sys
port, ca, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.create_default_context(cafile=ca)
tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
wire = socket.create_connection(("127.0.0.1", port))
wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
hello = outgoing.read()
for byte in hello[5:]:
    wire.sendall(hello[:3] + b"\0\x01" + bytes([byte]))
def run(step):
    while True:
        try: return step()
        except ssl.SSLWantReadError:
            wire.sendall(outgoing.read())
            incoming.write(wire.recv(65536))
        finally: wire.sendall(outgoing.read())
run(tls.do_handshake)
run(lambda: tls.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()))
print(run(lambda: tls.read(100)))
"#;

#[test]
fn a_client_has_the_same_fingerprint_each_time_and_others_have_others() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (address, ca) = (wayside.https(), wayside.ca());
    for path in ["/curl/1", "/curl/2"] {
        wayside.curl(path, &[]).ok();
    }
    wayside.curl("/curl/http1", &["--http1.1"]).ok();
    for path in ["/python/1", "/python/2"] {
        ask(ASK, address, &ca, path);
    }
    openssl(address, "/openssl/1", "");
    openssl(address, "/openssl/2", "-tls1_2");
    wayside.ended("", 7);

    let curl = ja4(&wayside, "/curl/1");
    assert!(curl.starts_with("t13d") && curl.get(8..11) == Some("h2_"), "{curl}");
    assert_eq!(ja4(&wayside, "/curl/2"), curl);
    let http1 = ja4(&wayside, "/curl/http1");
    assert_eq!((http1.get(8..10), http1.get(10..)), (Some("h1"), curl.get(10..)), "{http1}");
    let python = ja4(&wayside, "/python/1");
    assert!(python.starts_with("t13d") && python != curl, "{python}");
    assert_eq!(ja4(&wayside, "/python/2"), python);
    let openssl = ja4(&wayside, "/openssl/1");
    assert!(openssl.starts_with("t13d") && openssl.get(8..10) == Some("00"), "{openssl}");
    assert!(ja4(&wayside, "/openssl/2").starts_with("t12d"));

    // It is found by, whole or in part, and shown.
    let found = wayside.exchanges(&format!("ja4:{curl}"), 2);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(wayside.exchanges("ja4:t12*", 1).len(), 1);
    assert!(wayside.exchanges("ja4:t13q*", 0).is_empty());
    let shown = wayside.run(["show", wayside_tests::id(&found[0])]).ok();
    assert!(shown.text().contains(&format!("JA4 {curl}")), "{}", shown.text());
}

#[test]
fn a_hello_in_a_thousand_records_has_the_fingerprint_that_it_has_in_one() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (address, ca) = (wayside.https(), wayside.ca());
    ask(SLOWLY, address, &ca, "/pieces");
    ask(ASK, address, &ca, "/whole");
    wayside.ended("", 2);
    // Neither of the two offers a protocol by itself.
    assert_eq!(ja4(&wayside, "/pieces"), ja4(&wayside, "/whole"));
}

#[test]
fn a_failed_handshake_says_whose_it_was() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/", &[]).ok();
    // It does not trust the CA.
    curl([format!("https://localhost:{}/", wayside.https().port())]).exits(60);
    let failed = wayside.exchanges("outcome:refused", 1).remove(0);
    let ours = ja4(&wayside, "/");
    assert_eq!(failed["tls"]["ja4"], ours, "{failed}");
    let shown = wayside.run(["show", wayside_tests::id(&failed)]).ok();
    assert!(shown.text().contains(&ours), "{}", shown.text());
}

#[test]
fn no_fingerprint_without_tls() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/")]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    assert_eq!(exchange["tls"], Value::Null);
    assert!(wayside.exchanges("ja4:t*", 0).is_empty());
}

/// The fingerprint of the one exchange with this path.
#[track_caller]
fn ja4(wayside: &Wayside, path: &str) -> String {
    let exchange = wayside.exchanges(&format!("path:{path}"), 1).remove(0);
    let ja4 = exchange["tls"]["ja4"].as_str().unwrap_or_else(|| panic!("none in {exchange:#}"));
    assert_eq!(ja4.len(), "t13d1516h2_8daaf6152771_e5627efa2ab1".len(), "{ja4}");
    ja4.to_owned()
}

#[track_caller]
fn ask(script: &str, address: SocketAddr, ca: &Path, path: &str) {
    let ca = ca.display().to_string();
    python(script, [&address.port().to_string(), &ca, path]).ok();
}

#[track_caller]
fn openssl(address: SocketAddr, path: &str, flags: &str) {
    let command = format!(
        "printf 'GET {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' \
         | openssl s_client -quiet -connect {address} -servername shop.test {flags}"
    );
    program("sh", ["-c", &command]).ok();
}
