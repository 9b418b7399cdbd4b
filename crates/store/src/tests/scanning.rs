//! Scans: every match once, whatever the core that meets it, and no more read than is wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wayside_exchange::filter::Filter;
use wayside_exchange::{ExchangeId, Half};

use super::support::*;
use crate::record::NewRecord;
use crate::{Order, Store};

/// The ids that a scan gives, each with how often it came.
fn scanned(store: &Store, text: &str) -> Vec<ExchangeId> {
    let filter = Filter::parse(text, START).unwrap();
    let scan = store.scan(filter, Order::NewestFirst);
    let mut ids: Vec<ExchangeId> =
        scan.total(|ids: &mut Vec<_>, row| ids.push(row.id), Vec::extend).unwrap();
    ids.sort_unstable();
    ids
}

fn found(store: &Store, text: &str) -> Vec<ExchangeId> {
    let filter = Filter::parse(text, START).unwrap();
    store.find(filter, Order::OldestFirst).map(|row| row.unwrap().id).collect()
}

#[test]
fn a_scan_gives_what_a_listing_gives() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    for n in (0..40).step_by(5) {
        append(&mut writer, &open_row(n)).unwrap();
    }
    append_all(&mut writer, 0..2000);
    let beside = Store::read_only(dir.path()).unwrap();
    for (text, count) in [
        ("", 2000),
        ("status:404 or status:300", 667),
        ("client:key:3 latency:<1s", 286),
        ("body:/order\":1[0-9]{3},/", 1000),
        ("/HOST: shop.example/i status:200", 667),
        ("status:none", 0),
        ("body:/nothing like it/", 0),
    ] {
        let wanted = found(&store, text);
        assert_eq!(wanted.len(), count, "{text}");
        assert!(scanned(&store, text) == wanted && scanned(&beside, text) == wanted, "{text}");
    }
}

#[test]
fn bodies_in_pieces_are_searched_across_their_borders() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let mut summary = row(1);
    let piece = writer.append_piece(summary.id, Half::Response, b"the needle begins he").unwrap();
    summary.response_bytes = 30;
    writer
        .append(&NewRecord {
            summary: &summary,
            request: message(b"GET / HTTP/1.1\r\n\r\n", &[], &[], &[]),
            informed: &[],
            response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &[piece], &[b"re and ends"], &[])),
            sealed: b"",
        })
        .unwrap();
    append_all(&mut writer, 2..40);
    assert_eq!(scanned(&store, "body:/begins here .*ends$/"), [summary.id]);
    assert_eq!(found(&store, "response-body:\"begins here\""), [summary.id]);
    assert!(scanned(&store, "request-body:/begins/").is_empty());
}

#[test]
fn the_horizon_says_which_ids_may_still_come() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..1000);
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut scan = store.scan(Filter::all(), order);
        let mut parts: Vec<BTreeSet<ExchangeId>> = scan.parts();
        let (mut before, mut runs, mut all) = (scan.horizon(), 0, 0);
        while scan.fold(&mut parts, |ids, row| assert!(ids.insert(row.id))).unwrap() {
            let ids: BTreeSet<_> = parts.iter_mut().flat_map(std::mem::take).collect();
            let kept = |id: &&ExchangeId| match order {
                Order::OldestFirst => before.is_some_and(|before| **id >= before),
                Order::NewestFirst => before.is_some_and(|before| **id <= before),
            };
            assert_eq!(ids.iter().filter(kept).count(), ids.len());
            all += ids.len();
            runs += 1;
            before = scan.horizon();
        }
        assert_eq!((all, before), (1000, None));
        assert!(runs > 3, "runs begin small");
    }
}

#[test]
fn a_scan_that_nobody_wants_any_more_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..500);
    let abandoned = Arc::new(AtomicBool::new(false));
    let mut scan = store.scan(Filter::all(), Order::NewestFirst).until(abandoned.clone());
    let mut counts: Vec<u64> = scan.parts();
    assert!(scan.fold(&mut counts, |count, _| *count += 1).unwrap());
    abandoned.store(true, Ordering::Relaxed);
    assert!(!scan.fold(&mut counts, |count, _| *count += 1).unwrap());
    assert!(counts.iter().sum::<u64>() < 500);
}
