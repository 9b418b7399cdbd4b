//! What was erased is nowhere any more, and everything else is as it was.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use wayside_exchange::filter::Filter;
use wayside_exchange::{Half, Mark, Summary, Timestamp};

use super::support::*;
use crate::store::pins::Pin;
use crate::{Erased, NewRecord, Order, Selection, Store, StoreError, Writer, verify};

/// Erases while the writer is ticked, as a recorder does.
fn erase(store: &Store, writer: &mut Writer, selection: Selection) -> Result<Erased, StoreError> {
    std::thread::scope(|scope| {
        let (done, answered) = channel::<()>();
        let erasing = scope.spawn(move || {
            let _done = done;
            store.erase(selection)
        });
        let mut now = START;
        while answered.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            now = Timestamp(now.0 + 1_000_000);
            writer.tick(now).unwrap();
        }
        erasing.join().unwrap()
    })
}

/// 300 exchanges of seven clients; that of 50 has a long body of which a piece went ahead.
fn written(writer: &mut Writer) {
    for n in 0..300 {
        if n == 50 {
            long(writer, &row(n));
        } else {
            append(writer, &row(n)).unwrap();
        }
    }
    writer.flush().unwrap();
}

fn long(writer: &mut Writer, row: &Summary) {
    let pieces =
        [writer.append_piece(row.id, Half::Response, &b"secret piece ".repeat(5000)).unwrap()];
    let response = Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &[], &[]));
    let request = message(b"GET /orders/50 HTTP/1.1\r\n\r\n", &[], &[], &[]);
    let informed: &[Bytes] = &[];
    writer.append(&NewRecord { summary: row, request, informed, response, sealed: b"" }).unwrap();
}

fn of_others() -> impl Iterator<Item = u64> {
    (0..300).filter(|n| n % 7 != 1)
}

/// Whether any file of the log holds these bytes, in any block.
fn log_holds(dir: &Path, wanted: &[u8]) -> bool {
    let store = Store::read_only(dir).unwrap();
    let catalogue = store.shared.catalogue();
    let mut found = segments(dir)
        .iter()
        .any(|path| memchr::memmem::find(&fs::read(path).unwrap(), wanted).is_some());
    for segment in &catalogue.segments {
        let log = &store.shared.log;
        let care = crate::catalogue::scan::Care::Payloads;
        let mut walk = crate::catalogue::scan::Scan::new(log, segment, segment.span().start, care);
        while let Some(met) = walk.step().unwrap() {
            let crate::catalogue::scan::Met::Good(header, payload) = met else { continue };
            let raw = crate::block::pack::unpack(&header, payload, segment.opener()).unwrap();
            found |= memchr::memmem::find(&raw, wanted).is_some();
        }
    }
    found
}

#[test]
fn a_client_that_is_erased_is_nowhere_and_the_others_are_as_they_were() {
    for settled in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (_, mut writer, _) = open(dir.path());
        written(&mut writer);
        writer.close().unwrap();
        if settled {
            settle_all(dir.path());
        }
        let (store, mut writer, _) = open(dir.path());
        let client = Selection::of_client("key:1");
        let plan = store.would_erase(&client).unwrap();
        assert_eq!((plan.exchanges, plan.running), (43, 0));
        assert!(log_holds(dir.path(), b"secret piece"));
        let mut before = store.find(Filter::all(), Order::OldestFirst);
        let first = before.next().unwrap().unwrap();
        let erased = erase(&store, &mut writer, client.clone()).unwrap();
        assert_eq!((erased.exchanges, erased.segments), (43, plan.segments));
        assert_eq!((erased.found, erased.mentions, erased.damaged.len()), (0, 0, 0));
        assert!(erased.freed > 0 && erased.searched > 10_000);
        holds(&store, of_others());
        assert_eq!(store.status().stored, 257);
        assert!(store.exchange(id(50)).unwrap().is_none());
        assert_eq!(store.would_erase(&client).unwrap(), Erased::default());
        // Who began before sees what was there.
        assert_eq!(first.id, id(0));
        assert_eq!(before.map(Result::unwrap).count(), 299);
        append_all(&mut writer, [500]);
        holds(&store, of_others().chain([500]));
        writer.close().unwrap();
        for gone in [b"key:1".as_slice(), b"secret piece", &id(8).0.to_le_bytes(), b"/orders/50 "] {
            assert!(!log_holds(dir.path(), gone), "{}", String::from_utf8_lossy(gone));
        }
        let found = verify(dir.path(), &mut |_| {}).unwrap();
        assert_eq!((found.exchanges, found.lost, found.damaged), (258, 0, vec![]));
        holds(&Store::read_only(dir.path()).unwrap(), of_others().chain([500]));
    }
}

#[test]
fn what_was_just_recorded_is_erased_too_and_what_still_runs_is_left_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open_in_one(dir.path());
    written(&mut writer);
    append(&mut writer, &open_row(301)).unwrap();
    append(&mut writer, &row(302)).unwrap();
    // Of client 1 too, and it runs.
    append(&mut writer, &open_row(309)).unwrap();
    let erased = erase(&store, &mut writer, Selection::of_client("key:1")).unwrap();
    assert_eq!((erased.exchanges, erased.running, erased.found), (44, 1, 0));
    let running = store.exchange(id(309)).unwrap().unwrap();
    assert!(running.summary.marks.contains(Mark::Open));
    append_all(&mut writer, [309]);
    assert!(store.exchange(id(309)).unwrap().unwrap().summary.marks.is_empty());
    let erased = erase(&store, &mut writer, Selection::of_client("key:1")).unwrap();
    assert_eq!((erased.exchanges, erased.running, erased.found), (1, 0, 0));
    assert!(store.exchange(id(309)).unwrap().is_none());
    assert_eq!(store.status().stored, 258);
    writer.tallies().next().keep(303).unwrap();
    let crashed = tempfile::tempdir().unwrap();
    copy(dir.path(), crashed.path());
    let lost = open(crashed.path()).2.lost;
    assert_eq!(lost, 0, "what was erased is not lost");
    writer.close().unwrap();
}

#[test]
fn a_filter_says_what_is_erased_and_pins_that_meant_only_that_go() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    written(&mut writer);
    let pin = |filter: String| Pin { filter, since: START };
    store.pin(pin(format!("session:s{}", id(10)))).unwrap();
    store.pin(pin("client:key:2".to_owned())).unwrap();
    let filter = Filter::parse(&format!("session:s{}", id(10)), START).unwrap();
    let erased = erase(&store, &mut writer, Selection::matching(filter)).unwrap();
    assert_eq!((erased.exchanges, erased.pins, erased.found), (10, 1, 0));
    assert_eq!(store.status().stored, 290);
    let left: Vec<String> = store.pins().unwrap().into_iter().map(|pin| pin.filter).collect();
    assert_eq!(left, ["client:key:2"]);
    writer.close().unwrap();
}

#[test]
fn a_damaged_segment_is_named_and_the_rest_is_erased() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    written(&mut writer);
    writer.close().unwrap();
    let path = segments(dir.path()).remove(1);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 4 * 3;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (store, mut writer, _) = open(dir.path());
    let erased = erase(&store, &mut writer, Selection::of_client("key:1")).unwrap();
    assert_eq!(erased.damaged, std::slice::from_ref(&path));
    assert!(erased.exchanges > 30 && erased.found == 0);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    writer.close().unwrap();
}

#[test]
fn a_store_that_is_only_read_erases_and_pins_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    written(&mut writer);
    writer.close().unwrap();
    let store = Store::read_only(dir.path()).unwrap();
    let erased = store.erase(Selection::of_client("key:1"));
    assert!(matches!(erased, Err(StoreError::ReadOnly)));
    let pinned = store.pin(Pin { filter: "client:x".to_owned(), since: START });
    assert!(matches!(pinned, Err(StoreError::ReadOnly)));
    assert_eq!(rows(&store).len(), 300);
}
