//! What a crash costs: nothing that was said to be recorded, and the rest is counted and said.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Backend, Echo, Output, Peer, Signal, Wayside, id, marks};

#[test]
fn what_was_recorded_before_a_kill_under_load_is_there_after_it() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let load = Load::start(&wayside, 4);
    load.until(400);
    let answered = load.answered();
    let through = loop {
        let status = wayside.status();
        if let Some(through) = status["recorded_through"].as_str() {
            break through.to_owned();
        }
    };
    // A kill may cost what is younger than 100 ms.
    thread::sleep(Duration::from_secs(1));
    let wayside = wayside.restart(Signal::Kill);
    load.join();

    let exchanges = wayside.run(["exchanges", "--json"]).ok().json_lines();
    for (connection, answered) in answered.into_iter().enumerate() {
        let numbers = |within: &dyn Fn(&Value) -> bool| -> Vec<u64> {
            let ours =
                exchanges.iter().filter(|exchange| within(exchange)).filter_map(|exchange| {
                    let path =
                        exchange["path"].as_str()?.strip_prefix(&format!("/{connection}/"))?;
                    path.parse().ok()
                });
            ours.collect()
        };
        let recorded = numbers(&|exchange| id(exchange) <= through.as_str());
        let expected: Vec<u64> = (0..recorded.len() as u64).collect();
        assert_eq!(recorded, expected, "a gap below `recorded_through`");
        let all = numbers(&|_| true);
        assert!(
            all.len() as u64 >= answered,
            "{} of {answered} answered a second before",
            all.len()
        );
        assert_eq!(all[..answered as usize], (0..answered).collect::<Vec<_>>(), "a gap");
    }
    let verified = wayside.run(["verify"]).ok();
    let said = lost(&verified);
    assert_eq!(
        wayside.output().contains("exchanges lost"),
        said > 0,
        "{said} lost, and the start said:\n{}",
        wayside.output()
    );
    assert_eq!(wayside.status()["stored"].as_u64(), Some(exchanges.len() as u64));
}

#[test]
fn what_a_kill_under_load_cost_is_counted_exactly() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let load = Load::start(&wayside, 4);
    load.until(300);
    let wayside = wayside.restart(Signal::Kill);
    let answered: u64 = load.answered().iter().sum();
    load.join();
    let stored = wayside.run(["exchanges", "--json"]).ok().json_lines().len() as u64;
    let said = lost(&wayside.run(["verify"]).ok());
    // Each of the four may have had one more request on its way.
    assert!(
        (answered..=answered + 4).contains(&(stored + said)),
        "{answered} answered, {stored} stored, {said} said to be lost"
    );
}

#[test]
fn with_strict_durability_no_answer_ends_before_its_exchange_is_durable() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--durability", "strict"]);
    for (number, path) in ["/bytes/2000", "/bytes/500000", "/status/204", "/"].iter().enumerate() {
        for version in ["--http1.1", "--http2"] {
            wayside.curl(path, &[version]).ok();
        }
        let status = wayside.status();
        let stored = wayside.run(["exchanges", "--json"]).ok().json_lines();
        assert_eq!(stored.len(), 2 * number + 2, "{path}");
        let newest = stored.iter().map(|exchange| id(exchange)).max();
        assert!(status["durable_through"].as_str() >= newest, "{path}: {status}");
    }
    // Not a moment later.
    let wayside = wayside.restart(Signal::Kill);
    let stored = wayside.run(["exchanges", "--json"]).ok().json_lines();
    assert_eq!(stored.len(), 8);
    let bytes = |exchange: &Value| exchange["response"]["body_kept"].as_u64();
    assert_eq!(bytes(&stored[2]), Some(500_000));
    assert_eq!(lost(&wayside.run(["verify"]).ok()), 0);
}

#[test]
fn a_torn_end_of_the_log_is_cut_and_what_was_in_it_is_said_to_be_lost() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    for number in 0..20 {
        wayside_tests::curl([wayside.http_url(&format!("/{number}"))]).ok();
        wayside.exchanges("", number + 1);
    }
    wayside.settled();
    wayside.signal(Signal::Kill);
    wayside.wait();
    let segment = newest_segment(wayside.data());
    let file = OpenOptions::new().write(true).open(&segment).expect("the newest segment");
    let length = file.metadata().expect("its length").len();
    file.set_len(length - 10).expect("it is cut");

    let left = Wayside::run_on(wayside.data(), ["exchanges", "--json"]).ok().json_lines().len();
    assert!((1..20).contains(&left), "{left} are left");
    let verified = Wayside::run_on(wayside.data(), ["verify"]).ok();
    assert_eq!(lost(&verified), 20 - left as u64);
    let again = Wayside::start_on(wayside.data(), &echo.url(), &[]);
    again.wait_for(&format!("{} exchanges lost", 20 - left));
    wayside_tests::curl([again.http_url("/after")]).ok();
    assert_eq!(again.exchanges("", left + 1).len(), left + 1);
    assert_eq!(lost(&again.run(["verify"]).ok()), 20 - left as u64, "said once, counted for good");
}

#[test]
fn an_exchange_that_ran_when_the_recorder_was_killed_is_there_and_marked() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning");
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.head();
    peer.exactly("the beginning".len());
    let open = wayside.exchanges("", 1).remove(0);
    assert_eq!(marks(&open), ["open"]);
    let wayside = wayside.restart(Signal::Kill);
    let after = wayside.exchanges("mark:open", 1).remove(0);
    assert_eq!(after, open);
    assert_eq!(wayside.body(id(&after), "response"), b"the beginning");
    let verified = wayside.run(["verify"]).ok();
    assert!(verified.text().contains("1 still running, or were when"), "{}", verified.text());
    assert_eq!(lost(&verified), 0);
}

#[test]
fn garbage_after_the_log_costs_nothing() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    wayside_tests::curl([wayside.http_url("/kept")]).ok();
    wayside.exchanges("", 1);
    wayside.settled();
    wayside.signal(Signal::Kill);
    wayside.wait();
    let segment = newest_segment(wayside.data());
    let mut file = OpenOptions::new().append(true).open(segment).expect("the newest segment");
    file.write_all(&[0xA5; 5000]).expect("it is written");
    drop(file);
    let again = Wayside::start_on(wayside.data(), &echo.url(), &[]);
    wayside_tests::curl([again.http_url("/after")]).ok();
    let exchanges = again.exchanges("", 2);
    assert_eq!((&exchanges[0]["path"], &exchanges[1]["path"]), (&"/kept".into(), &"/after".into()));
    assert_eq!(lost(&again.run(["verify"]).ok()), 0);
}

#[test]
fn a_missing_or_damaged_index_changes_no_answer() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    for path in ["/orders/1", "/orders/2", "/status/404", "/bytes/300000"] {
        wayside_tests::curl([wayside.http_url(path), "-Hx-api-key: one".to_owned()]).ok();
    }
    wayside.exchanges("", 4);
    wayside.stop();
    let data = wayside.data().to_owned();
    let asked: [&[&str]; 5] = [
        &["exchanges", "--json"],
        &["exchanges", "--json", "status:404"],
        &["exchanges", "--json", "orders"],
        &["sessions", "--json"],
        &["clients", "--json"],
    ];
    let answers = || asked.map(|verb| Wayside::run_on(&data, verb).ok().text().to_owned());
    let before = answers();
    assert_eq!(before[0].lines().count(), 4);
    assert_eq!(before[1].lines().count(), 1);
    assert_eq!(before[2].lines().count(), 2);

    fs::remove_dir_all(data.join("index")).expect("there is an index");
    assert_eq!(answers(), before, "without an index");
    let again = Wayside::start_on(&data, &echo.url(), &[]);
    assert_eq!(answers(), before, "with an index made anew");
    drop(again);
    for entry in fs::read_dir(data.join("index")).expect("there is an index") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::write(path, [0x5A; 3000]).expect("it is written");
        }
    }
    assert_eq!(answers(), before, "beside a damaged index");
    let again = Wayside::start_on(&data, &echo.url(), &[]);
    assert_eq!(answers(), before, "after a damaged index");
    drop(again);
    Wayside::run_on(&data, ["verify", "--rebuild"]).ok();
    assert_eq!(answers(), before, "after a rebuild");
}

#[test]
fn a_second_recorder_on_the_same_data_is_told_who_holds_it() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let listen = ["--listen", "127.0.0.1:0", "--console", "off"];
    let url = echo.url();
    let second = wayside.run(["record", url.as_str()].iter().chain(&listen)).exits(3);
    let holder = wayside.process().to_string();
    assert!(second.stderr.contains(&holder), "who holds it ({holder})? {}", second.stderr);
    assert!(second.stderr.contains(&wayside.data().display().to_string()), "{}", second.stderr);
    wayside_tests::curl([wayside.http_url("/still")]).ok();
    wayside.exchanges("", 1);
}

#[test]
fn a_restart_continues_sessions_and_ids() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside_tests::curl([wayside.http_url("/before")]).ok();
    wayside.exchanges("", 1);
    let wayside = wayside.restart(Signal::Terminate);
    wayside_tests::curl([wayside.http_url("/between")]).ok();
    wayside.exchanges("", 2);
    wayside.settled();
    let wayside = wayside.restart(Signal::Kill);
    wayside_tests::curl([wayside.http_url("/after")]).ok();
    let exchanges = wayside.exchanges("", 3);
    let paths: Vec<&Value> = exchanges.iter().map(|exchange| &exchange["path"]).collect();
    assert_eq!(paths, ["/before", "/between", "/after"], "oldest first");
    for pair in exchanges.windows(2) {
        assert!(id(&pair[0]) < id(&pair[1]));
        assert!(pair[0]["connection"].as_u64() < pair[1]["connection"].as_u64());
        assert_eq!(pair[0]["session"], pair[1]["session"]);
    }
    let sessions = wayside.run(["sessions", "--json"]).ok().json_lines();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["exchanges"], 3);
}

/// Clients that ask as fast as they are answered, each on one connection, counting their answers.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Vec<Arc<AtomicU64>>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn start(wayside: &Wayside, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered: Vec<Arc<AtomicU64>> = (0..connections).map(|_| Arc::default()).collect();
        let client = |(connection, answered): (usize, &Arc<AtomicU64>)| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(answered));
            let mut peer = Peer::connect(wayside.http());
            thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let number = answered.load(Ordering::SeqCst);
                    let request = format!(
                        "POST /{connection}/{number} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                    );
                    if !peer.send(request) {
                        return;
                    }
                    let Some(head) = peer.head() else { return };
                    // Its four bytes; fewer when the recorder was killed just now.
                    if head.is_empty() || peer.some().is_empty() {
                        return;
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let clients = answered.iter().enumerate().map(client).collect();
        Self { stop, answered, clients }
    }

    /// Waits until each has `count` answers.
    fn until(&self, count: u64) {
        for _ in 0..600 {
            if self.answered().iter().all(|answered| *answered >= count) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("only {:?} of {count} answers came", self.answered());
    }

    fn answered(&self) -> Vec<u64> {
        self.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).collect()
    }

    fn join(self) {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            // Losing its connection inside of a head is what the kill was for.
            let _ = client.join();
        }
    }
}

fn newest_segment(data: &Path) -> PathBuf {
    let entries = fs::read_dir(data.join("segments")).expect("there are segments");
    let mut segments: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.sort();
    segments.pop().expect("a segment")
}

/// The N of `N exchanges lost`.
#[track_caller]
fn lost(verified: &Output) -> u64 {
    let line = verified.text().lines().find(|line| line.ends_with(" exchanges lost"));
    let line = line.unwrap_or_else(|| panic!("nothing of losses in: {}", verified.text()));
    line.split(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}
