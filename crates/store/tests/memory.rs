//! What a recorder keeps of a store: no memory for who sent what, and no descriptor for each segment.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use wayside_exchange::filter::Filter;
use wayside_exchange::{
    ExchangeId, HttpVersion, Marks, Outcome, Scheme, SessionId, Summary, Timestamp, Timing,
};
use wayside_store::{NewBody, NewMessage, NewRecord, Options, Order, Store, Writer};

/// Exchanges after which every buffer and table has the size that it keeps.
const FIRST: u64 = 50_000;
/// Exchanges that may not take more.
const MORE: u64 = 200_000;
/// What they may take all the same: the place of each block of the log, in a table that grows by an eighth.
const MOST: u64 = 1 << 20;
/// Descriptors that a recorder may have open on its data: files that it reads, writes and locks.
const FILES: usize = 40;

/// The n-th exchange: a client, a session and a route that nobody had before.
fn append(writer: &mut Writer, n: u64) {
    let id = ExchangeId(ExchangeId::floor(Timestamp(1_795_000_000_000_000)).0 + ((n * 10) << 10));
    let summary = Summary {
        id,
        started_at: Timestamp(1_795_000_000_000_000 + 10 * n as i64),
        client: format!("key:{n}"),
        session: SessionId(id),
        connection: n,
        client_addr: SocketAddr::from(([127, 0, 0, 1], 1)),
        tls: None,
        http_version: HttpVersion::Http11,
        scheme: Scheme::Https,
        method: "GET".to_owned(),
        host: "shop.example".to_owned(),
        target: format!("/{n}"),
        route: format!("GET /{n}"),
        status: Some(200),
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing::default(),
        request_bytes: 0,
        response_bytes: 0,
        marks: Marks::default(),
        evidence: Vec::new(),
    };
    let request =
        NewMessage { head: b"GET / HTTP/1.1\r\n\r\n", trailers: b"", body: NewBody::none() };
    let record =
        NewRecord { summary: &summary, request, informed: &[], response: None, sealed: b"" };
    writer.append(&record).unwrap();
}

/// Bytes of this process that are in no file.
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Descriptors of this process that are open on what lies in `folder`.
fn open_in(folder: &Path) -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| target.starts_with(folder)).count()
}

// One test: what it measures is this process's.
#[test]
fn neither_memory_nor_descriptors_grow_with_what_was_recorded() {
    let dir = tempfile::tempdir().unwrap();
    // sled's own cache fills up to its bound over millions of exchanges: here it is kept out.
    fs::create_dir(dir.path().join("index")).unwrap();
    let index = sled::open(dir.path().join("index")).unwrap();
    let options = Options { block_bytes: 16 << 10, segment_bytes: 128 << 10, ..Options::default() };
    let (store, mut writer, _) = Store::open(dir.path(), options).unwrap();
    let problems = store.status().problems;
    assert!(problems.iter().any(|problem| problem.contains("in use elsewhere")), "{problems:?}");
    (0..FIRST).for_each(|n| append(&mut writer, n));
    writer.sync().unwrap();
    let before = anonymous();
    (FIRST..FIRST + MORE).for_each(|n| append(&mut writer, n));
    writer.sync().unwrap();
    let cost = anonymous().saturating_sub(before);
    assert!(cost < MOST, "{MORE} exchanges took {} KiB", cost >> 10);

    // All of them are read, by the process that writes.
    let last = FIRST + MORE - 1;
    let filter = Filter::parse(&format!("path:/{last}"), Timestamp(0)).unwrap();
    let found: Vec<_> = store.find(filter, Order::OldestFirst).map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    let segments = store.status().segments;
    let open = open_in(dir.path());
    assert!(segments > 2 * FILES as u64, "{segments} segments");
    assert!(open < FILES, "{open} descriptors for {segments} segments");
    drop(index);
    writer.close().unwrap();
}
