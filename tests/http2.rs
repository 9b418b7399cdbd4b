//! HTTP/2 connections under load: nothing fails, streams are limited as announced, and a few connections
//! spread over the workers.

use wayside_tests::{Echo, Wayside, program, python};

fn h2load(wayside: &Wayside, path: &str, arguments: &[&str]) -> String {
    let url = format!("https://{}{path}", wayside.https());
    let all = [arguments, &[url.as_str()]].concat();
    program("h2load", all).ok().text().to_owned()
}

#[test]
fn no_request_of_a_load_fails() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let said = h2load(&wayside, "/bytes/2000", &["-n", "3000", "-c", "6", "-m", "20"]);
    assert!(said.contains("3000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
    let said = h2load(&wayside, "/bytes/2000", &["--h1", "-n", "1000", "-c", "6"]);
    assert!(said.contains("1000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
}

#[test]
fn a_few_long_lived_connections_spread_over_the_workers() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--workers", "2"]);
    // Half of the tries would spread by chance alone.
    for _ in 0..4 {
        let before = wayside.processor_time("worker-");
        h2load(&wayside, "/bytes/2000", &["-n", "2000", "-c", "2", "-m", "10"]);
        let after = wayside.processor_time("worker-");
        assert_eq!(after.len(), 2, "{after:?}");
        let used: Vec<u64> =
            before.iter().zip(&after).map(|(before, after)| after.1 - before.1).collect();
        let (least, most) = (used.iter().min(), used.iter().max());
        assert!(least.copied() >= most.map(|most| most / 4), "ticks by worker: {used:?}");
    }
}

const STREAMS: &str = r#"
import sys, socket, ssl, h2.connection, h2.config, h2.events, h2.settings
port, ca, streams = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2"])
s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="shop.test")
c = h2.connection.H2Connection()
c.initiate_connection()
s.sendall(c.data_to_send())
announced, ended, refused = None, 0, 0
while announced is None:
    for event in c.receive_data(s.recv(65536)):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            announced = event.changed_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS].new_value
# One that knows the limit and does not keep it.
c.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
c.remote_settings.acknowledge()
for n in range(streams):
    c.send_headers(2 * n + 1, [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/delay/500")], end_stream=True)
s.sendall(c.data_to_send())
while ended + refused < streams:
    data = s.recv(65536)
    if not data: break
    for event in c.receive_data(data):
        if isinstance(event, h2.events.StreamEnded): ended += 1
        if isinstance(event, h2.events.StreamReset):
            assert event.error_code == 7, event
            refused += 1
    s.sendall(c.data_to_send())
print(announced, ended, refused)
"#;

#[test]
fn streams_beyond_the_announced_limit_are_refused_and_the_others_answered() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--max-streams", "5"]);
    let port = wayside.https().port().to_string();
    let said = python(STREAMS, [port.as_str(), &wayside.ca().to_string_lossy(), "8"]).ok();
    assert_eq!(said.text().trim(), "5 5 3", "{}", said.stderr);
}

const RESETS: &str = r#"
import sys, socket, ssl, h2.connection, h2.events
port, ca = sys.argv[1], sys.argv[2]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2"])
s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="shop.test")
c = h2.connection.H2Connection()
c.initiate_connection()
gone = None
try:
    for n in range(5000):
        c.send_headers(2 * n + 1, [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/delay/1000")], end_stream=True)
        c.reset_stream(2 * n + 1, 8)
        if n % 100 == 99:
            s.sendall(c.data_to_send())
    while gone is None:
        data = s.recv(65536)
        if not data: break
        for event in c.receive_data(data):
            if isinstance(event, h2.events.ConnectionTerminated): gone = event.error_code
except (ConnectionError, ssl.SSLError) as error:
    gone = gone or 11
print(int(gone))
"#;

#[test]
fn a_client_that_opens_and_resets_streams_in_a_flood_loses_its_connection() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--max-resets", "20"]);
    let port = wayside.https().port().to_string();
    let said = python(RESETS, [port.as_str(), &wayside.ca().to_string_lossy()]).ok();
    // ENHANCE_YOUR_CALM
    assert_eq!(said.text().trim(), "11", "{}", said.stderr);
    assert_eq!(wayside.curl("/", &["--http2", "-d", "still here"]).ok().text(), "still here");
}
