//! Harm: who slows the others is told from who is merely there, by a backend that is truly slow while a report runs.

use std::thread;
use std::time::{Duration, Instant};

use wayside_tests::{Script, Wayside, curl};

/// Orders take 15 ms, while a report runs ten times as long; a report takes 0.9 s.
const BACKEND: &str = "\
import threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

running = 0
lock = threading.Lock()

class Shop(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        global running
        if self.path.startswith('/reports'):
            with lock:
                running += 1
            time.sleep(0.9)
            with lock:
                running -= 1
        else:
            time.sleep(0.15 if running else 0.015)
        self.send_response(200)
        self.send_header('content-length', '2')
        self.end_headers()
        self.wfile.write(b'ok')

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(('127.0.0.1', 0), Shop)
print(server.server_port, flush=True)
server.serve_forever()
";

/// One beat: a report may begin with it. Some seconds apart, since harm is looked for by the second.
const BEAT: Duration = Duration::from_millis(3500);
const BEATS: u32 = 12;

#[test]
fn who_slows_the_others_is_told_with_how_much_and_who_is_merely_there_is_not() {
    let backend = Script::start(BACKEND);
    let wayside = Wayside::start(&backend.url(), &[]);
    let proxy = wayside.http_url("");
    let ask = |user: &str, path: &str| {
        curl(["-u", &format!("{user}:secret"), &format!("{proxy}{path}")]).ok();
    };
    let begun = Instant::now();
    let until = BEAT * BEATS;
    thread::scope(|all| {
        for user in ["ada", "bob", "cyd"] {
            all.spawn(move || {
                while begun.elapsed() < until {
                    ask(user, "/orders");
                    thread::sleep(Duration::from_millis(60));
                }
            });
        }
        // One asks for a report at every beat; the other for orders, half a beat later, for as long.
        all.spawn(|| {
            for beat in 0..BEATS {
                thread::sleep((BEAT * beat).saturating_sub(begun.elapsed()));
                ask("heavy", "/reports");
            }
        });
        all.spawn(|| {
            for beat in 0..BEATS {
                let at = BEAT * beat + BEAT / 2;
                for n in 0..9 {
                    let due = at + Duration::from_millis(100 * n);
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                    ask("light", "/orders");
                }
            }
        });
    });
    wayside.settled();

    let clients = wayside.run(["clients", "--harm", "--json"]).ok().json_lines();
    let of = |user: &str| {
        let name = format!("basic:{user}");
        clients.iter().find(|one| one["name"] == name.as_str()).expect("it is listed")
    };
    let figure = |user: &str, field: &str| of(user)["harm"][field].as_f64();
    assert!(figure("heavy", "spells") >= Some(8.0), "{:#}", of("heavy"));
    assert!(figure("heavy", "low") > Some(1.2), "{:#}", of("heavy")["harm"]);
    assert!(figure("heavy", "slowdown") < Some(12.0), "{:#}", of("heavy")["harm"]);
    assert_eq!(of("heavy")["harm"]["everywhere"], true);
    assert!(figure("light", "low") <= Some(1.0), "{:#}", of("light")["harm"]);
    for user in ["ada", "bob", "cyd"] {
        assert!(of(user)["harm"].is_null(), "who is always there: {:#}", of(user));
    }
    let shares: f64 = clients.iter().filter_map(|one| one["time_share"].as_f64()).sum();
    assert!((shares - 1.0).abs() < 0.01, "{shares}");
    // 12 reports of 0.9 s, where the others waited for some 20 s.
    let share = of("heavy")["time_share"].as_f64().expect("a share");
    assert!((0.15..0.6).contains(&share), "{share}");

    let page = wayside.run(["clients", "--harm"]).ok().text().to_owned();
    let line = page.lines().find(|line| line.contains("basic:heavy")).expect("it is listed");
    assert!(line.contains("x (") && line.contains("on other routes"), "{page}");
    let line = page.lines().find(|line| line.contains("basic:ada")).expect("it is listed");
    assert!(line.contains("cannot be told"), "{page}");
}
