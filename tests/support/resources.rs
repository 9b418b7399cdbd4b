//! What a running process uses, as the kernel counts it.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::Wayside;

impl Wayside {
    /// The most bytes of memory that were ever resident.
    #[track_caller]
    pub fn peak_memory(&self) -> u64 {
        let status = read(&format!("/proc/{}/status", self.process()));
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a VmHWM line");
        let kibibytes = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
        kibibytes.expect("a number") * 1024
    }

    /// How many connections it holds on its listener `address`, also those that the client has closed.
    #[track_caller]
    pub fn connections(&self, address: SocketAddr) -> usize {
        let port = format!(":{:04X}", address.port());
        let (established, close_wait) = ("01", "08");
        read(&format!("/proc/{}/net/tcp", self.process()))
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields.get(1).is_some_and(|local| local.ends_with(&port)))
            .filter(|fields| [established, close_wait].contains(fields.get(3).unwrap_or(&"")))
            .count()
    }

    /// Clock ticks of processor time that each thread whose name begins with `name` has used, by name.
    #[track_caller]
    pub fn processor_time(&self, name: &str) -> Vec<(String, u64)> {
        let folder = format!("/proc/{}/task", self.process());
        let threads = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut times: Vec<_> = threads
            .filter_map(|thread| {
                let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
                // `ID (NAME) STATE ...`: the name may hold anything, so count from its end.
                let (before, after) = stat.rsplit_once(") ")?;
                let this = before.split_once('(')?.1.to_owned();
                let fields: Vec<&str> = after.split(' ').collect();
                let ticks =
                    fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
                this.starts_with(name).then_some((this, ticks))
            })
            .collect();
        times.sort();
        times
    }
}

/// Waits until `holds`, for `limit` at most, and says what was waited for if it never does.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}
