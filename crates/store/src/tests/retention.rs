//! What is older or more than what is kept goes, whole segments of it, the oldest first; nothing else does.

use std::sync::Arc;

use wayside_exchange::filter::Filter;
use wayside_exchange::{BodyEnd, ExchangeId, Half, Mark, Micros, Timestamp};

use super::support::*;
use crate::keeper::Keeping;
use crate::keeper::retaining::Retaining;
use crate::storage::Storage;
use crate::storage::disk::Disk;
use crate::storage::faulty::{Faults, Faulty};
use crate::store::Shared;
use crate::store::open::kept_by;
use crate::store::pins::Pin;
use crate::{Options, Order, Retention, Store, Writer, verify};

const HOUR: u64 = 3_600_000_000;
const BUDGET: u64 = 400 << 10;

struct Kept {
    shared: Arc<Shared>,
    store: Store,
    writer: Writer,
    retaining: Retaining,
}

impl Kept {
    fn open(dir: &std::path::Path, storage: Arc<dyn Storage>, retention: Retention) -> Self {
        let options = Options { retention, ..small() };
        let (shared, writer, _) =
            kept_by(&dir.into(), storage, options, |_| Keeping::none()).unwrap();
        let store = Store { shared: shared.clone() };
        Self { shared, store, writer, retaining: Retaining::default() }
    }

    fn on_disk(dir: &std::path::Path, retention: Retention) -> Self {
        Self::open(dir, Arc::new(Disk::create(&dir.join("segments")).unwrap()), retention)
    }

    /// Appends exchanges that are durable afterwards.
    fn append(&mut self, numbers: std::ops::Range<u64>) {
        append_all(&mut self.writer, numbers);
        self.writer.sync().unwrap();
    }

    fn close(self) {
        self.writer.close().unwrap();
    }

    /// What the keeper does when it looks.
    fn retain(&mut self) {
        while let Some(segment) = self.retaining.next(&self.shared).unwrap() {
            self.retaining.remove(&self.shared, &segment).unwrap();
        }
    }
}

fn bytes(keep_bytes: u64) -> Retention {
    Retention { keep_bytes: Some(keep_bytes), ..Retention::default() }
}

fn hours(keep_for: u64) -> Retention {
    Retention { keep_for: Some(Micros(keep_for * HOUR)), ..Retention::default() }
}

#[test]
fn a_store_with_a_budget_stays_within_it_and_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let budget = 3 * BUDGET;
    let mut kept = Kept::on_disk(dir.path(), bytes(budget));
    let mut removed = 0;
    for round in 0..60 {
        kept.append(round * 40..round * 40 + 40);
        let before = kept.store.status().used;
        kept.retain();
        let status = kept.store.status();
        assert_eq!(status.budget, Some(budget));
        assert!(status.used <= budget, "{} of {}", status.used, budget);
        if status.removed.exchanges > removed {
            assert!(before > budget / 8 * 7, "it went at {before} bytes");
        }
        removed = status.removed.exchanges;
        holds(&kept.store, removed..round * 40 + 40);
        assert_eq!(status.stored, round * 40 + 40 - removed);
    }
    assert!(removed > 100, "{removed} removed");
    assert!(kept.store.status().removed.bytes > 0);
    kept.writer.close().unwrap();
    let found = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!((found.exchanges, found.lost, found.damaged), (2400 - removed, 0, vec![]));
    assert_eq!(Store::read_only(dir.path()).unwrap().status().removed.exchanges, removed);
}

#[test]
fn what_is_older_than_the_time_that_is_kept_goes_and_nothing_younger() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(16));
    // Exchange n starts n milliseconds after the first; one in two seconds is much quicker than the clock.
    let at = |hour: u64| Timestamp(START.0 + (hour * HOUR) as i64);
    let mut row = row(0);
    for hour in 0..40 {
        for n in 0..5 {
            let started_at = at(hour).plus(Micros(n * 1000));
            (row.id, row.started_at) = (ExchangeId::floor(started_at), started_at);
            append_row(&mut kept.writer, &row);
        }
        kept.writer.tick(at(hour)).unwrap();
        kept.writer.sync().unwrap();
        kept.retain();
        // What the keeper asked for is done by the next tick.
        kept.writer.tick(at(hour)).unwrap();
        kept.writer.sync().unwrap();
        kept.retain();
        let oldest = rows(&kept.store).first().unwrap().started_at;
        let age = (at(hour).0 - oldest.0) as u64 / HOUR;
        assert!(age <= 17, "an exchange of {age} hours is there at hour {hour}");
        let there = kept.store.find(Filter::all(), Order::OldestFirst).count() as u64;
        assert!(there >= 5 * (hour + 1).min(16), "{there} are there at hour {hour}");
        assert_eq!(there, kept.store.status().stored);
    }
    assert!(kept.store.status().removed.exchanges > 100);
}

#[test]
fn a_recording_that_ended_long_ago_is_emptied_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    kept.append(0..100);
    let end = kept.shared.catalogue().end();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    kept.retain();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    kept.retain();
    assert_eq!(rows(&kept.store), []);
    assert_eq!(kept.store.status().segments, 1, "the last one says where the log goes on");
    assert_eq!(kept.shared.catalogue().end(), end);
    kept.append(100..130);
    holds(&kept.store, 100..130);
    kept.writer.close().unwrap();
    let (store, writer, recovery) = open(dir.path());
    assert_eq!((recovery.stored, recovery.lost, recovery.torn_bytes), (30, 0, 0));
    holds(&store, 100..130);
    writer.close().unwrap();
}

#[test]
fn a_listing_that_has_begun_goes_on_while_segments_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), Retention::default());
    kept.append(0..200);
    kept.close();
    settle_all(dir.path());
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    let mut listing = kept.store.find(Filter::all(), Order::OldestFirst);
    let mut found = vec![listing.next().unwrap().unwrap().id];
    let reader = Store::read_only(dir.path()).unwrap();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    kept.retain();
    assert_eq!(rows(&kept.store), []);
    found.extend(listing.map(|row| row.unwrap().id));
    assert_eq!(found, (0..200).map(id).collect::<Vec<_>>());
    holds(&reader, 0..200);
    assert!(kept.store.status().problems.is_empty());
}

#[test]
fn nothing_that_was_removed_counts_as_lost_in_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    append(&mut kept.writer, &open_row(3)).unwrap();
    kept.append(0..200);
    append(&mut kept.writer, &open_row(200)).unwrap();
    kept.append(201..202);
    kept.writer.tallies().next().keep(209).unwrap();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    kept.retain();
    assert!(kept.store.status().removed.exchanges >= 150);
    kept.append(202..205);
    // 0 to 204 are, or were, in the store: four are lost.
    let crashed = tempfile::tempdir().unwrap();
    copy(dir.path(), crashed.path());
    assert_eq!(verify(crashed.path(), &mut |_| {}).unwrap().lost, 4);
    let (_, writer, recovery) = open(crashed.path());
    assert_eq!(recovery.lost, 4);
    writer.close().unwrap();
}

#[test]
fn what_a_crash_kept_from_going_goes_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let mut kept = Kept::open(dir.path(), Arc::new(disk.clone()), hours(1));
    kept.append(0..100);
    kept.writer.tallies().next().keep(100).unwrap();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    let segment = kept.retaining.next(&kept.shared).unwrap().unwrap();
    disk.set(Faults { remove_fails: true, ..Faults::default() });
    assert!(kept.retaining.remove(&kept.shared, &segment).is_err());
    holds(&kept.store, 0..100);
    let gone = kept.store.status().removed.exchanges;
    assert!(gone > 0, "the books say that it goes");
    disk.lose_power();
    std::mem::forget(kept);
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let mut kept = Kept::open(dir.path(), Arc::new(disk), Retention::default());
    kept.retain();
    holds(&kept.store, gone..100);
    assert_eq!(kept.store.status().removed.exchanges, gone);
}

#[test]
fn a_body_of_which_a_piece_went_is_marked_as_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), bytes(BUDGET));
    let mut noise = vec![0; 20_000];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let pieces = [kept.writer.append_piece(id(500), Half::Response, &noise).unwrap()];
    kept.writer.flush().unwrap();
    let mut n = 0;
    while kept.shared.catalogue().segment_at(0).is_some() {
        kept.append(n..n + 20);
        n += 20;
        kept.retain();
    }
    let summary = row(500);
    let record = crate::NewRecord {
        summary: &summary,
        request: message(b"GET / HTTP/1.1\r\n\r\n", &[], &[], &[]),
        informed: &[],
        response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &[], &[])),
        sealed: b"",
    };
    kept.writer.append(&record).unwrap();
    kept.writer.flush().unwrap();
    let found = kept.store.exchange(id(500)).unwrap().unwrap();
    let body = &found.response.unwrap().body;
    assert_eq!((body.bytes, body.kept, body.end), (20_000, 0, BodyEnd::Cut));
    assert!(found.summary.marks.contains(Mark::ResponseBodyCut));
    assert_eq!(super::support::body(&kept.store, id(500), Half::Response), b"");
    assert!(kept.store.status().problems.is_empty(), "it is no damage");
}

#[test]
fn what_is_pinned_stays_whole_and_goes_once_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    let pieces = [kept.writer.append_piece(id(25), Half::Response, &[7; 9_000]).unwrap()];
    kept.append(0..25);
    let summary = row(25);
    let request = message(b"GET / HTTP/1.1\r\n\r\n", &[], &[], &[]);
    let response = Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &[], &[]));
    let record =
        crate::NewRecord { summary: &summary, request, informed: &[], response, sealed: b"" };
    kept.writer.append(&record).unwrap();
    kept.append(26..200);
    let pin = |filter: String| Pin { filter, since: START };
    kept.store.pin(pin(format!("session:s{}", id(20)))).unwrap();
    kept.store.pin(pin("path:/orders/111".to_owned())).unwrap();
    let retain = |kept: &mut Kept| {
        for _ in 0..2 {
            kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
            kept.retain();
        }
    };
    retain(&mut kept);
    let there = |kept: &Kept| rows(&kept.store).iter().map(|row| row.id).collect::<Vec<_>>();
    let pinned: Vec<_> = (20..30).chain([111]).map(id).collect();
    assert_eq!(there(&kept), pinned);
    assert_eq!(kept.store.status().stored, 11);
    assert_eq!(body(&kept.store, id(25), Half::Response), [7; 9_000]);
    assert_eq!(body(&kept.store, id(22), Half::Response), body_of(22));
    assert_eq!(kept.store.status().removed.exchanges, 189);
    kept.close();
    let found = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!((found.exchanges, found.lost, found.damaged), (11, 0, vec![]));
    // Pins outlive the index, and the process.
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    retain(&mut kept);
    assert_eq!(there(&kept), pinned);
    assert_eq!(kept.store.unpin(|pin| pin.filter.starts_with("session:")).unwrap(), 1);
    retain(&mut kept);
    assert_eq!(there(&kept), [id(111)]);
}

#[test]
fn nothing_goes_while_the_pins_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), hours(1));
    kept.append(0..100);
    std::fs::write(dir.path().join("pins"), b"WAYPIN1\n damaged").unwrap();
    kept.writer.tick(Timestamp(START.0 + 5 * HOUR as i64)).unwrap();
    let segment = kept.retaining.next(&kept.shared).unwrap().unwrap();
    assert!(kept.retaining.remove(&kept.shared, &segment).is_err());
    holds(&kept.store, 0..100);
}

#[test]
fn pins_that_alone_take_more_than_may_be_kept_are_told_until_they_are_fewer() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::on_disk(dir.path(), bytes(BUDGET));
    kept.append(0..800);
    kept.store.pin(Pin { filter: "client:key:*".to_owned(), since: START }).unwrap();
    kept.store.pin(Pin { filter: "method:GET".to_owned(), since: START }).unwrap();
    kept.append(800..4000);
    kept.retain();
    let told = |kept: &Kept| {
        kept.store.status().problems.iter().any(|one| one.contains("what is pinned takes"))
    };
    assert!(told(&kept), "{:?}", kept.store.status());
    kept.store.unpin(|_| true).unwrap();
    kept.retain();
    assert!(!told(&kept), "{:?}", kept.store.status().problems);
    assert!(kept.store.status().used <= BUDGET);
    kept.close();
}
