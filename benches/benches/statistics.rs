//! What one exchange costs the statistics: its latency in a sketch, its row in the folds.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use wayside_analytics::{Clients, Latencies, SessionList};
use wayside_benches::History;
use wayside_exchange::{Micros, Summary};

const EXCHANGES: u64 = 20_000;

fn main() {
    divan::main();
}

#[divan::bench]
fn latency_in_a_sketch(bencher: Bencher<'_, '_>) {
    let mut latencies = Latencies::default();
    (0..1000).for_each(|n| latencies.add(Micros(n * 997)));
    let mut micros = 0_u64;
    bencher.counter(ItemsCount::new(1_u64)).bench_local(|| {
        micros = (micros * 31 + 977) % 10_000_000;
        latencies.add(black_box(Micros(micros)));
    });
}

#[divan::bench]
fn rows_in_clients(bencher: Bencher<'_, '_>) {
    let rows = rows();
    bencher.counter(ItemsCount::new(EXCHANGES)).bench_local(|| {
        let mut clients = Clients::default();
        for row in &rows {
            clients.add(&row.glance());
        }
        clients
    });
}

#[divan::bench]
fn rows_in_sessions(bencher: Bencher<'_, '_>) {
    let rows = rows();
    bencher.counter(ItemsCount::new(EXCHANGES)).bench_local(|| {
        let mut sessions = SessionList::default();
        for row in &rows {
            sessions.add(&row.glance());
        }
        sessions
    });
}

fn rows() -> Vec<Summary> {
    let mut history = History::new(0);
    (0..EXCHANGES).filter_map(|_| history.advance().map(|made| made.summary.clone())).collect()
}
