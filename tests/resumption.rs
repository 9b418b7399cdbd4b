//! TLS sessions that are taken up again: who resumes one is the client whose it was, unless several use it.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use wayside_tests::{Echo, Wayside, program, python};

/// Makes calls one after the other, each on a connection of its own: `PATH KEY SESSION`, where the session is the
/// number of the call whose session is resumed, or `-`. Says of each whether it was. The next begins when one is
/// recorded: of several workers each hands over what it has after some milliseconds, and the order counts here.
const CALLS: &str = r#"
import json, socket, ssl, subprocess, sys, time
port, ca, version, binary, data = int(sys.argv[1]), *sys.argv[2:6]
status = [binary, "status", "--json", "--data", data]
def recorded(): return json.loads(subprocess.run(status, capture_output=True, check=True).stdout)["recorded"]
before = recorded()
context = ssl.create_default_context(cafile=ca)
if version == "1.2": context.maximum_version = ssl.TLSVersion.TLSv1_2
sessions = []
for call in sys.argv[6:]:
    path, key, resumed = call.split()
    wire = socket.create_connection(("127.0.0.1", port))
    session = sessions[int(resumed)] if resumed != "-" else None
    with context.wrap_socket(wire, server_hostname="shop.test", session=session) as tls:
        key = "" if key == "-" else f"X-Api-Key: {key}\r\n"
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\n{key}Connection: close\r\n\r\n".encode())
        while tls.recv(65536): pass
        sessions.append(tls.session)
        print(tls.session_reused)
    while recorded() < before + len(sessions): time.sleep(0.02)
"#;

const ACME: &str = "acme-key-0000000001";
const BETA: &str = "beta-key-0000000001";

struct World {
    wayside: Wayside,
    _echo: Echo,
}

impl World {
    /// Several workers, so that tickets must be good for all.
    fn start() -> Self {
        let echo = Echo::start();
        Self { wayside: Wayside::start(&echo.url(), &["--workers", "3"]), _echo: echo }
    }

    #[track_caller]
    fn calls(&self, version: &str, calls: &[&str]) -> String {
        let (port, ca) = (self.wayside.https().port().to_string(), self.wayside.ca());
        let mut arguments = vec![port, ca.display().to_string(), version.to_owned()];
        let (binary, data) = (Wayside::binary(), self.wayside.data());
        arguments.extend([binary.display().to_string(), data.display().to_string()]);
        arguments.extend(calls.iter().map(ToString::to_string));
        python(CALLS, arguments).ok().text().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn client(&self, path: &str) -> String {
        let exchange = self.wayside.exchanges(&format!("path:{path}"), 1).remove(0);
        exchange["client"].as_str().expect("a client").to_owned()
    }
}

#[test]
fn a_connection_that_resumes_a_session_is_its_clients() {
    let world = World::start();
    let key = |name: &str| format!("/{name} {ACME} -");
    let said = world.calls("1.3", &[&key("a"), "/b - 0", "/c - 1", "/d - -", "/e - 0"]);
    assert_eq!(said, "False True True False True");
    world.wayside.ended("", 5);
    let acme = world.client("/a");
    assert!(acme.starts_with("key:"), "{acme}");
    for path in ["/b", "/c", "/e"] {
        assert_eq!(world.client(path), acme, "{path}");
    }
    assert_eq!(world.client("/d"), "addr:127.0.0.1", "a session of its own");

    let shown = world.wayside.run(["show", "--json", &id(&world, "/b")]).ok().json();
    assert_eq!(shown["stitched"]["kind"], "resumption", "{shown:#}");
    assert!((shown["stitched"]["confidence"].as_f64().expect("how sure") - 0.85).abs() < 1e-9);
    let detail = world.wayside.run(["clients", "show", &acme]).ok();
    let words = "its connection went on with the client's TLS session, 85 % sure";
    assert!(detail.text().contains(words), "{}", detail.text());
}

#[test]
fn what_came_before_the_key_is_the_clients_too_and_its_next_key() {
    let world = World::start();
    let first = format!("/second {ACME} 0");
    let refused = format!("/status/401?third {ACME} 1");
    let next = "/fourth acme-key-0000000002 2";
    world.calls("1.3", &["/first - -", &first, &refused, next]);
    world.wayside.ended("", 4);
    let acme = world.client("/second");
    assert!(acme.starts_with("key:"), "{acme}");
    assert_eq!(world.client("/first"), acme);
    assert_eq!(world.client("/fourth"), acme);
}

#[test]
fn a_session_with_two_clients_gives_nobody_anything() {
    let world = World::start();
    let (acme, beta) = (format!("/acme {ACME} 0"), format!("/beta {BETA} 1"));
    world.calls("1.3", &["/before - -", &acme, &beta, "/after - 2"]);
    world.wayside.ended("", 4);
    assert_eq!(world.client("/before"), "addr:127.0.0.1");
    assert_eq!(world.client("/after"), "addr:127.0.0.1");
    assert_ne!(world.client("/acme"), world.client("/beta"));
}

#[test]
fn tls_1_2_says_nothing_and_sessions_of_an_earlier_recorder_are_not_resumed() {
    let mut world = World::start();
    let key = format!("/a {ACME} -");
    assert_eq!(world.calls("1.2", &[&key, "/b - 0"]), "False True");
    world.wayside.ended("", 2);
    assert_eq!(world.client("/b"), "addr:127.0.0.1");

    let folder = TempDir::new().expect("a folder");
    let session = folder.path().join("session").display().to_string();
    openssl(&world.wayside, "/kept", &format!("-sess_out {session}"), ACME);
    let resumed = openssl(&world.wayside, "/resumed", &format!("-sess_in {session}"), "");
    assert!(resumed.contains("Reused, TLSv1.3"), "{resumed}");
    world.wayside.ended("", 4);
    assert_eq!(world.client("/resumed"), world.client("/kept"));
    assert!(fs::metadata(&session).is_ok());

    world.wayside = world.wayside.restart(wayside_tests::Signal::Terminate);
    let anew = openssl(&world.wayside, "/anew", &format!("-sess_in {session}"), "");
    assert!(anew.contains("New, TLSv1.3"), "{anew}");
    world.wayside.ended("", 5);
    assert_eq!(world.client("/resumed"), world.client("/kept"), "links are kept");
    assert_eq!(world.client("/anew"), "addr:127.0.0.1");
}

#[track_caller]
fn id(world: &World, path: &str) -> String {
    let exchange: Value = world.wayside.exchanges(&format!("path:{path}"), 1).remove(0);
    wayside_tests::id(&exchange).to_owned()
}

#[track_caller]
fn openssl(wayside: &Wayside, path: &str, flags: &str, key: &str) -> String {
    let command = format!(
        "printf 'GET {path} HTTP/1.1\\r\\nHost: x\\r\\nX-Api-Key: {key}\\r\\nConnection: close\\r\\n\\r\\n' \
         | openssl s_client -ign_eof -connect {} -servername shop.test {flags} 2>&1",
        wayside.https(),
    );
    program("sh", ["-c", &command]).text().to_owned()
}
