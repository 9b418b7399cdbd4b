//! What each level of durability asks of the kernel, traced with strace.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wayside_tests::{Backend, Message, Wayside, curl, eventually};

const CANARY: &str = "durable-canary";
const SOON: Duration = Duration::from_secs(30);

/// A recorder of this level under strace, in front of a backend that answers with the canary.
struct Traced {
    wayside: Wayside,
    trace: PathBuf,
    _backend: Backend,
    _folder: TempDir,
}

impl Traced {
    fn start(level: &str) -> Self {
        let backend = Backend::scripted(|peer| {
            while Message::request(peer).is_some() {
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{CANARY}",
                    CANARY.len()
                ));
            }
        });
        let folder = TempDir::new().expect("a folder");
        let trace = folder.path().join("trace");
        let wayside = Wayside::start_traced(&backend.url(), &["--durability", level], &trace);
        Self { wayside, trace, _backend: backend, _folder: folder }
    }

    fn ask(&self) {
        assert_eq!(self.wayside.curl("/", &[]).ok().text(), CANARY);
    }

    fn lines(&self) -> Vec<String> {
        read(&self.trace)
    }
}

fn read(trace: &Path) -> Vec<String> {
    let bytes = std::fs::read(trace).expect("a trace");
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// Whether a segment was made durable here.
fn is_sync(line: &str) -> bool {
    line.contains("fdatasync(") && line.contains(".seg>")
}

#[test]
fn under_strict_durability_the_record_is_written_and_synced_before_the_answer_leaves() {
    let traced = Traced::start("strict");
    let plain = format!("http://{}/", traced.wayside.http());
    assert_eq!(curl([&plain]).ok().text(), CANARY);
    let sent = |line: &String| line.contains(CANARY) && line.contains("socket:");
    eventually("the answer is in the trace", SOON, || traced.lines().iter().any(sent));
    let lines = traced.lines();
    let position = |found: &dyn Fn(&String) -> bool, what: &str| {
        lines.iter().position(found).unwrap_or_else(|| panic!("no {what} in {lines:#?}"))
    };
    let written = position(&|line| line.contains(CANARY) && line.contains(".seg>"), "record");
    let answered = position(&sent, "answer");
    let between = lines.get(written..answered).unwrap_or_default();
    assert!(between.iter().any(|line| is_sync(line)), "{lines:#?}");
}

#[test]
fn under_power_durability_segments_are_synced_and_under_process_durability_never() {
    let traced = Traced::start("power");
    traced.ask();
    eventually("a segment is synced", SOON, || traced.lines().iter().any(|line| is_sync(line)));

    let traced = Traced::start("process");
    let start = Instant::now();
    // Thrice as long as the other level lets pass.
    while start.elapsed() < Duration::from_secs(3) {
        traced.ask();
    }
    let is_write = |line: &String| line.contains(CANARY) && line.contains(".seg>");
    eventually("records are written", SOON, || traced.lines().iter().any(is_write));
    assert!(!traced.lines().iter().any(|line| is_sync(line)), "{:#?}", traced.lines());
}
