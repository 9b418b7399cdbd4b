//! Recording an exchange: from the events on a worker into the store, and the store's part of it alone.
#![allow(clippy::unwrap_used, reason = "a bench may panic")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use wayside_benches::History;
use wayside_exchange::{
    BodyEnd, Connection, Event, ExchangeId, ExchangeIds, Half, HttpVersion, Micros, Outcome,
    Record, Timestamp, Timing,
};
use wayside_recorder::{Options, Overload, Recorder};
use wayside_store::seal::SealingKey;
use wayside_store::{Durability, Encryption, Store};

const REQUEST: &[u8] =
    b"GET /orders/4711?page=2 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: acme/4.2\r\n\
Accept: */*\r\nAuthorization: Bearer f00f-c0de\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: shop\r\nContent-Type: application/json\r\n\r\n";
/// Bytes of one body frame, as they come from the socket.
const FRAME: usize = 64 << 10;
/// Bytes that may wait before the bench lets the recorder catch up.
const AHEAD: u64 = 4 << 20;

fn main() {
    divan::main();
}

/// Events on a worker, the tape, the recorder's thread and the store, until nothing waits: what
/// recording costs on both threads together where they share a processor.
#[divan::bench(args = [2_000, 20_000, 1_000_000])]
fn tape_to_store(bencher: Bencher<'_, '_>, body: usize) {
    let dir = tempfile::tempdir().unwrap();
    let (store, writer, recovery) = Store::open(dir.path(), process()).unwrap();
    let options = Options {
        queue_bytes: 1 << 30,
        on_overload: Overload::Wait,
        strict: false,
        body_limit: None,
        session_idle: Micros(1_800_000_000),
        rules: wayside_identity::Rules::default(),
        routes: Vec::new(),
        standards: wayside_analytics::Standards::default(),
        clock: || Timestamp(1_795_000_000_000_000),
    };
    let key = SealingKey::open_or_create(&dir.path().join("keys")).unwrap();
    let (recorder, maker, desking) =
        Recorder::start(&store, writer, &recovery, key, options).unwrap();
    let tape = maker.tape();
    drop(maker);
    // Without a runtime nothing can be handed over by the clock.
    tape.last();
    let data = Bytes::from(vec![b'a'; body]);
    let connection = Arc::new(connection());
    let mut ids = ExchangeIds::new(0, ExchangeId(0));
    let mut at = Timestamp(1_795_000_000_000_000);
    bencher.counter(BytesCount::new(body)).bench_local(|| {
        at = at.plus(Micros(20));
        exchange(&*tape, ids.next(at), at, &connection, &data);
        while recorder.status().queue_bytes > AHEAD {
            std::thread::yield_now();
        }
    });
    drop(tape);
    desking.finish().unwrap();
}

/// The store's part: the record and its row laid out in blocks, and the blocks written; in clear, and
/// encrypted.
#[divan::bench(args = [Encryption::Off, Encryption::On])]
fn append(bencher: Bencher<'_, '_>, encryption: Encryption) {
    let dir = tempfile::tempdir().unwrap();
    SealingKey::open_or_create(&dir.path().join("keys")).unwrap();
    let options = wayside_store::Options { encryption, ..process() };
    let (_, mut writer, _) = Store::open(dir.path(), options).unwrap();
    let mut history = History::new(0);
    bencher.bench_local(|| {
        let made = history.advance().unwrap();
        made.with_record(|record| writer.append(record)).unwrap();
    });
}

fn exchange(
    tape: &dyn Record,
    id: ExchangeId,
    at: Timestamp,
    connection: &Arc<Connection>,
    body: &Bytes,
) {
    let version = HttpVersion::Http11;
    tape.record(Event::Started { id, at, connection, version, head: REQUEST });
    tape.record(Event::Answered { id, head: RESPONSE });
    for start in (0..body.len()).step_by(FRAME) {
        let data = &body.slice(start..body.len().min(start + FRAME));
        tape.record(Event::Passed { id, half: Half::Response, at: None, data });
    }
    let (half, end) = (Half::Response, BodyEnd::Complete);
    tape.record(Event::BodyEnded { id, half, end, trailers: &[] });
    let (outcome, timing) = (Outcome::Complete, Timing::default());
    tape.record(Event::Ended { id, outcome, failure: None, timing });
}

fn process() -> wayside_store::Options {
    wayside_store::Options { durability: Durability::Process, ..Default::default() }
}

fn connection() -> Connection {
    Connection { id: 1, client_addr: ([127, 0, 0, 1], 4711).into(), tls: None, resumed: None }
}
