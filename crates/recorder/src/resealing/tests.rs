//! Bodies that are sealed once more by other rules: whatever was taken out before and now, and however it
//! overlaps, the body comes back as it was transferred.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use wayside_exchange::filter::Filter;
use wayside_exchange::{
    BodyEnd, Connection, Event, ExchangeId, ExchangeIds, Half, HttpVersion, Micros, Outcome,
    Record, Timestamp, Timing,
};
use wayside_identity::Rules;
use wayside_store::seal::SealingKey;
use wayside_store::{Cleared, Selection, Store};

use super::Resealer;
use crate::{Options, Overload, Recorder};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
const HEAD: &[u8] = b"POST /in HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\n\r\n";

fn rules(patterns: &[&str]) -> Rules {
    let mut rules = Rules::default();
    for pattern in patterns {
        rules.pattern(pattern).unwrap();
    }
    rules
}

/// Records one request with this body by these rules.
fn record(dir: &std::path::Path, body: &[u8], rules: Rules) -> ExchangeId {
    let (store, writer, recovery) = Store::open(dir, wayside_store::Options::default()).unwrap();
    let key = SealingKey::open_or_create(&dir.join("keys")).unwrap();
    let options = Options {
        queue_bytes: 64 << 20,
        on_overload: Overload::Wait,
        strict: false,
        body_limit: None,
        session_idle: Micros(1_800_000_000),
        rules,
        routes: Vec::new(),
        standards: wayside_analytics::Standards::default(),
        clock: || NOW,
    };
    let (_recorder, tapes, desking) =
        Recorder::start(&store, writer, &recovery, key, options).unwrap();
    let tape = tapes.tape();
    // Without a runtime nothing can be handed over by the clock.
    tape.last();
    let id = ExchangeIds::new(0, ExchangeId(0)).next(NOW);
    let connection = Arc::new(Connection {
        id: 1,
        client_addr: ([192, 0, 2, 7], 4711).into(),
        tls: None,
        resumed: None,
    });
    let (version, half, end) = (HttpVersion::Http11, Half::Request, BodyEnd::Complete);
    tape.record(Event::Started { id, at: NOW, connection: &connection, version, head: HEAD });
    for run in body.chunks(10_000) {
        let data = &Bytes::copy_from_slice(run);
        tape.record(Event::Passed { id, half, at: Some(NOW), data });
    }
    tape.record(Event::BodyEnded { id, half, end, trailers: &[] });
    let timing = Timing { total: Micros(1500), ..Timing::default() };
    tape.record(Event::Ended { id, outcome: Outcome::Complete, failure: None, timing });
    tape.last();
    drop((tape, tapes));
    desking.finish().unwrap();
    id
}

/// Seals it once more, while somebody ticks the writer.
fn reseal(dir: &std::path::Path, rules: &Rules) -> Cleared {
    let (store, mut writer, _) = Store::open(dir, wayside_store::Options::default()).unwrap();
    let key = SealingKey::open_or_create(&dir.join("keys")).unwrap();
    let resealer = Box::new(Resealer::new(key, rules));
    let cleared = std::thread::scope(|scope| {
        let (done, answered) = channel::<()>();
        let resealing = scope.spawn(move || {
            let _done = done;
            store.reseal(Selection::matching(Filter::all()), resealer)
        });
        let mut now = NOW;
        while answered.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            now = now.plus(Micros(1_000_000));
            writer.tick(now).unwrap();
        }
        resealing.join().unwrap().unwrap()
    });
    writer.close().unwrap();
    cleared
}

/// What is stored of the body, and what comes back of it.
fn bodies(dir: &std::path::Path, id: ExchangeId) -> (Vec<u8>, Vec<u8>) {
    let store = Store::read_only(dir).unwrap();
    let key = SealingKey::open_or_create(&dir.join("keys")).unwrap();
    let (mut stored, mut revealed) = (Vec::new(), Vec::new());
    store.body(id, Half::Request).unwrap().unwrap().read_to_end(&mut stored).unwrap();
    let body = store.revealed(id, Half::Request, &key).unwrap();
    body.unwrap().read_to_end(&mut revealed).unwrap();
    (stored, revealed)
}

#[test]
fn a_body_that_is_sealed_twice_comes_back_as_it_was_whatever_overlaps() {
    let line = "password=hunter-1 then Ann-17, token=abcdef-1 and Ann-18; password=hunter-2\n";
    // Within tokens, across their borders, around them, beside them; one that finds nothing.
    for patterns in [
        &["Ann-[0-9]+"][..],
        &["sealed-[0-9a-f]{4}"],
        &["word=wayside-sealed-[0-9a-f]{5}", "[0-9a-f]{3} then"],
        &["password=[^ ]* then Ann-[0-9]+"],
        &["Ann-[0-9]+", "then", "token=[^ ]* and", "\\n"],
        &["nowhere"],
    ] {
        for times in [1, 3000] {
            let dir = tempfile::tempdir().unwrap();
            let body = line.repeat(times).into_bytes();
            let id = record(dir.path(), &body, rules(&[]));
            let (before, revealed) = bodies(dir.path(), id);
            assert!(revealed == body && before != body, "{patterns:?}");
            let cleared = reseal(dir.path(), &rules(patterns));
            assert_eq!((cleared.unreadable, cleared.damaged.len()), (0, 0), "{patterns:?}");
            let (after, revealed) = bodies(dir.path(), id);
            assert!(revealed == body, "{patterns:?}, {times} times");
            let wants = |text: &str| after.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!wants("hunter") && !wants("abcdef"), "{patterns:?}");
            let is_meant = patterns.iter().any(|pattern| pattern.contains("Ann"));
            assert!(!is_meant || !wants("Ann-17"), "{patterns:?}");
            assert!(patterns != ["nowhere"] || after == before);
        }
    }
}
