//! Reading a store: rows and bodies against filters, all blocks of it.
#![allow(clippy::unwrap_used, reason = "a bench may panic")]

use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use wayside_benches::History;
use wayside_exchange::Timestamp;
use wayside_exchange::filter::Filter;
use wayside_store::{Durability, Options, Order, Store};

const EXCHANGES: u64 = 50_000;

/// What was recorded, how many bytes its bodies have, and the folder that it lies in.
static RECORDED: LazyLock<(Store, u64, tempfile::TempDir)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Process, ..Options::default() };
    let (_, mut writer, _) = Store::open(dir.path(), options).unwrap();
    let (mut history, mut bytes) = (History::new(EXCHANGES / 3), 0);
    for _ in 0..EXCHANGES {
        let made = history.advance().unwrap();
        bytes += made.body.len() as u64;
        made.with_record(|record| writer.append(record)).unwrap();
    }
    writer.close().unwrap();
    (Store::read_only(dir.path()).unwrap(), bytes, dir)
});

fn main() {
    LazyLock::force(&RECORDED);
    divan::main();
}

/// Rows alone answer these; the last one is answered by the headers of most blocks.
#[divan::bench(args = ["", "status:404 latency:>3ms", "client:client-0900", "latency:>2s"])]
fn rows(bencher: Bencher<'_, '_>, filter: &str) {
    let filter = Filter::parse(filter, Timestamp(0)).unwrap();
    bencher.counter(ItemsCount::new(EXCHANGES)).bench(|| matches(&filter));
}

/// These need every body.
#[divan::bench(args = [
    "body:\"no such text\"",
    "body:/out of (stock|order)/",
    "body:/out of (stock|order)/i",
    r"body:/sku\W+[0-9A-F]{7}Z/",
])]
fn bodies(bencher: Bencher<'_, '_>, filter: &str) {
    let filter = Filter::parse(filter, Timestamp(0)).unwrap();
    bencher.counter(BytesCount::new(RECORDED.1)).bench(|| matches(&filter));
}

fn matches(filter: &Filter) -> u64 {
    let scan = RECORDED.0.scan(filter.clone(), Order::OldestFirst);
    scan.total(|count: &mut u64, _| *count += 1, |total, count| *total += count).unwrap()
}

/// In order, each row kept.
#[divan::bench]
fn listing(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(EXCHANGES))
        .bench(|| RECORDED.0.find(Filter::all(), Order::NewestFirst).map(Result::unwrap).count());
}
