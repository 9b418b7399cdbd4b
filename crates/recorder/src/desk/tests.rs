//! Faults of ours on the recorder's thread.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use tokio::sync::broadcast;
use wayside_exchange::{Connection, ExchangeId, HttpVersion, Micros, Timestamp};
use wayside_store::Store;
use wayside_store::seal::SealingKey;

use super::Desk;
use crate::batch::{Batch, Entry};
use crate::counts::Counts;
use crate::statistics::Statistics;
use crate::{Options, Overload, RecorderError, queue};

#[test]
fn after_a_fault_within_a_write_nothing_more_is_written_and_all_is_counted() {
    let folder = tempfile::TempDir::new().unwrap();
    let (store, writer, _) = Store::open(folder.path(), wayside_store::Options::default()).unwrap();
    let key = SealingKey::open_or_create(&folder.path().join("keys")).unwrap();
    let counts = Arc::new(Counts::default());
    let options = Options {
        queue_bytes: 1 << 20,
        on_overload: Overload::Shed,
        strict: false,
        body_limit: None,
        session_idle: Micros(1),
        rules: wayside_identity::Rules::default(),
        routes: Vec::new(),
        standards: wayside_analytics::Standards::default(),
        clock: || Timestamp(1_795_000_000_000_000),
    };
    let (feed, _) = broadcast::channel(1);
    let (statistics, _) = Statistics::start(&store, ExchangeId(0), &options).unwrap();
    let mut desk = Desk::new(&store, writer, key, options, Arc::clone(&counts), feed, statistics);
    desk.play(&begun(1));
    assert!(!desk.guarded(|desk| desk.with_writer(|_| panic!("as it should in this test"))));
    desk.play(&begun(2));
    desk.tick();
    let status = counts.view();
    assert_eq!(status.lost.get("fault"), Some(&2), "the running one and the next");
    assert!(status.problems.iter().any(|problem| problem.contains("until a restart")));

    let (sender, receiver, _) = queue::bounded(1 << 20, Overload::Shed);
    drop(sender);
    assert!(matches!(desk.run(&receiver), Err(RecorderError::InDoubt)));
    assert_eq!(Store::read_only(folder.path()).unwrap().status().stored, 0);
}

fn begun(number: u64) -> Batch {
    let mut batch = Batch::default();
    let connection = Arc::new(Connection {
        id: 1,
        client_addr: "192.0.2.7:1".parse().unwrap(),
        tls: None,
        resumed: None,
    });
    let head = batch.keep(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let (id, at) = (ExchangeId(number), Timestamp(1_795_000_000_000_000));
    batch.entries.push(Entry::Started { id, at, connection, version: HttpVersion::Http11, head });
    batch
}
