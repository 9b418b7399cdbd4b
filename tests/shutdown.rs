//! SIGTERM: what runs may finish, nothing new begins, all is recorded; a second one, or the end of `--drain`,
//! ends it at once.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use wayside_tests::{Backend, Echo, Message, Peer, Signal, Wayside, eventually, python};

const SOON: Duration = Duration::from_secs(20);

/// A backend that says when it has a request, and answers when it is told.
fn waiting() -> (Backend, Receiver<()>, Sender<()>) {
    let (came, requests) = channel();
    let (finish, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        while Message::request(peer).is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            came.send(()).expect("the test waits");
            if told.lock().expect("same").recv().is_ok() {
                peer.send("done");
            }
        }
    });
    (backend, requests, finish)
}

#[test]
fn running_exchanges_finish_new_connections_are_refused_and_all_is_recorded() {
    let (backend, requests, finish) = waiting();
    let mut wayside = Wayside::start(&backend.url(), &[]);
    let (http, https, data) = (wayside.http(), wayside.https(), wayside.data().to_owned());
    let mut plain = Peer::connect(http);
    plain.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
    requests.recv_timeout(SOON).expect("a request");
    let curl = Command::new("curl")
        .args(["-sS", "--http2", "--max-time", "60", "--cacert"])
        .arg(wayside.ca())
        .args(["--resolve", &format!("shop.test:{}:127.0.0.1", https.port())])
        .arg(wayside.https_url("/secure"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    requests.recv_timeout(SOON).expect("a request");

    wayside.signal(Signal::Terminate);
    let refuses = |address| TcpStream::connect(address).is_err();
    eventually("it accepts no more", SOON, || refuses(http) && refuses(https));
    for _ in 0..2 {
        finish.send(()).expect("the backend waits");
    }
    assert_eq!(Message::response(&mut plain, "GET").expect("an answer").payload, b"halfdone");
    assert!(plain.rest().is_empty());
    let answer = curl.wait_with_output().expect("an end");
    assert_eq!((answer.status.code(), answer.stdout.as_slice()), (Some(0), b"halfdone".as_slice()));
    assert_eq!(wayside.wait().code(), Some(0));

    let recorded = Wayside::run_on(&data, ["exchanges", "--json"]).ok().json_lines();
    assert_eq!(recorded.len(), 2, "{recorded:#?}");
    assert!(recorded.iter().all(|exchange| exchange["outcome"] == "complete"), "{recorded:#?}");
}

const GOAWAY: &str = r#"
import sys, socket, ssl, os, signal, h2.connection, h2.events
port, ca, process = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2"])
s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="shop.test")
c = h2.connection.H2Connection()
c.initiate_connection()
c.send_headers(1, [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/delay/1000")], end_stream=True)
s.sendall(c.data_to_send())
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, SettingsFrame
goaways, ended, pending = [], False, b""
while True:
    data = s.recv(65536)
    if not data: break
    pending += data
    while len(pending) >= 9:
        frame, length = Frame.parse_frame_header(memoryview(pending)[:9])
        if len(pending) < 9 + length: break
        frame.parse_body(memoryview(pending)[9:9 + length])
        pending = pending[9 + length:]
        if isinstance(frame, SettingsFrame) and "ACK" in frame.flags:
            os.kill(process, signal.SIGTERM)
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            s.sendall(SettingsFrame(0, flags=["ACK"]).serialize())
        if isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            s.sendall(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        if isinstance(frame, GoAwayFrame): goaways.append((frame.last_stream_id, int(frame.error_code)))
        if frame.stream_id == 1 and "END_STREAM" in frame.flags: ended = True
print(goaways[-1], ended)
"#;

#[test]
fn an_http_2_client_gets_goaway_and_its_running_answer() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let (port, process) = (wayside.https().port().to_string(), wayside.process().to_string());
    let said = python(GOAWAY, [port.as_str(), &wayside.ca().to_string_lossy(), &process]).ok();
    assert_eq!(said.text().trim(), "(1, 0) True", "{}", said.stderr);
    assert_eq!(wayside.wait().code(), Some(0));
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let mut used = Peer::connect(wayside.http());
    used.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    Message::response(&mut used, "GET").expect("an answer");
    let fresh = Peer::connect(wayside.http());
    let secure = Peer::connect(wayside.https());
    let began = Instant::now();
    assert_eq!(wayside.stop(), 0);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "took {:?} of the 30 s limit",
        began.elapsed()
    );
    drop((fresh, secure));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (backend, requests, finish) = waiting();
    let mut wayside = Wayside::start(&backend.url(), &["--drain", "50s"]);
    let data = wayside.data().to_owned();
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    requests.recv_timeout(SOON).expect("a request");
    wayside.signal(Signal::Terminate);
    wayside.wait_for("draining");
    let began = Instant::now();
    wayside.signal(Signal::Terminate);
    assert_eq!(wayside.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
    let recorded = Wayside::run_on(&data, ["exchanges", "--json"]).ok().json_lines();
    assert_eq!(recorded[0]["marks"], serde_json::json!(["response_body_cut"]));
    drop(finish);
    backend.join();
}

#[test]
fn what_runs_past_the_drain_limit_is_broken_off_and_recorded_so() {
    let (backend, requests, finish) = waiting();
    let mut wayside = Wayside::start(&backend.url(), &["--drain", "1s"]);
    let data = wayside.data().to_owned();
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    requests.recv_timeout(SOON).expect("a request");
    assert_eq!(wayside.stop(), 0);
    assert!(wayside.output().contains("were broken off"), "{}", wayside.output());
    peer.head();
    assert_eq!(peer.rest(), b"half");
    let recorded = Wayside::run_on(&data, ["exchanges", "--json"]).ok().json_lines();
    assert_eq!(recorded.len(), 1, "{recorded:#?}");
    assert_ne!(recorded[0]["outcome"], "complete", "{recorded:#?}");
    assert_eq!(recorded[0]["marks"], serde_json::json!(["response_body_cut"]));
    drop(finish);
}

#[test]
fn an_interrupt_from_the_keyboard_drains_too() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/a", &["-d", "x"]).ok();
    wayside.signal(Signal::Interrupt);
    assert_eq!(wayside.wait().code(), Some(0));
}
