//! Appending and finding again: every field, every size of body, in order, each exchange once.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use wayside_exchange::filter::Filter;
use wayside_exchange::stored::{Arrival, Body};
use wayside_exchange::{BodyEnd, Exchange, Half, Head, Mark, Message, SessionId, Timestamp};

use super::support::*;
use crate::record::{NewBody, NewMessage, NewRecord};
use crate::{Named, Order, Store, StoreError};

#[test]
fn a_whole_exchange_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let summary = row(3);
    let piece = writer.append_piece(summary.id, Half::Request, b"first ").unwrap();
    let arrivals = [0, 6].map(|offset| Arrival { offset, at: Timestamp(START.0 + offset as i64) });
    let record = NewRecord {
        summary: &summary,
        request: NewMessage {
            head: b"POST / HTTP/1.1\r\n\r\n",
            trailers: b"",
            body: NewBody {
                bytes: 99,
                end: BodyEnd::Cut,
                arrivals: &arrivals,
                pieces: &[piece],
                rest: &[b"then ", b"the rest"],
                veil: None,
            },
        },
        informed: &[Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n")],
        response: Some(NewMessage {
            head: b":status: 200\r\n\r\n",
            trailers: b"grpc-status: 0\r\n",
            body: NewBody::none(),
        }),
        sealed: b"secret",
    };
    writer.append(&record).unwrap();
    writer.flush().unwrap();
    let head = |bytes: &'static [u8]| Head(Bytes::from_static(bytes));
    let wanted = Exchange {
        summary,
        request: Message {
            head: head(b"POST / HTTP/1.1\r\n\r\n"),
            trailers: Vec::new(),
            body: Body {
                bytes: 99,
                kept: 19,
                stored: 19,
                redacted: false,
                end: BodyEnd::Cut,
                arrivals: arrivals.to_vec(),
            },
        },
        informed: vec![head(b"HTTP/1.1 100 Continue\r\n\r\n")],
        response: Some(Message {
            head: head(b":status: 200\r\n\r\n"),
            trailers: b"grpc-status: 0\r\n".to_vec(),
            body: Body { end: BodyEnd::Complete, ..Body::default() },
        }),
        sealed: b"secret".to_vec(),
    };
    assert_eq!(store.exchange(id(3)).unwrap().unwrap(), wanted);
    assert_eq!(body(&store, id(3), Half::Request), b"first then the rest");
    assert_eq!(body(&store, id(3), Half::Response), b"");
    assert!(store.exchange(id(4)).unwrap().is_none());
    assert!(store.body(id(4), Half::Request).unwrap().is_none());
}

#[test]
fn large_bodies_are_streamed_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let mut noise = vec![0; 700_001];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let text = b"all work and no play makes a dull body\n".repeat(9_000);
    let pieces: Vec<_> = noise
        .chunks(8 << 10)
        .map(|piece| writer.append_piece(id(1), Half::Response, piece).unwrap())
        .collect();
    let summary = row(1);
    let (first, second) = text.split_at(100_000);
    writer
        .append(&NewRecord {
            summary: &summary,
            request: message(b"PUT / HTTP/1.1\r\n\r\n", &[], &[first, b"", second], &[]),
            informed: &[],
            response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &[b"tail"], &[])),
            sealed: b"",
        })
        .unwrap();
    writer.flush().unwrap();
    noise.extend_from_slice(b"tail");
    assert!(body(&store, id(1), Half::Request) == text);
    assert!(body(&store, id(1), Half::Response) == noise);
    let exchange = store.exchange(id(1)).unwrap().unwrap();
    assert_eq!(exchange.request.body.kept, text.len() as u64);
    assert_eq!(store.body(id(1), Half::Response).unwrap().unwrap().stored(), noise.len() as u64);
    assert_eq!(rows(&store).len(), 1);
}

#[test]
fn a_listing_is_in_the_order_of_ids_whatever_the_order_of_endings() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    // A few run very long, the others overtake their neighbours.
    let mut numbers: Vec<u64> = (0..3000).collect();
    numbers.sort_by_key(|&n| if n % 97 == 0 { n + 2000 } else { n + (n * 7919) % 60 });
    for &n in &numbers {
        append(&mut writer, &row(n)).unwrap();
    }
    writer.flush().unwrap();
    let ascending: Vec<_> = (0..3000).map(id).collect();
    assert_eq!(ids(&store, Order::OldestFirst), ascending);
    let descending: Vec<_> = ascending.iter().rev().copied().collect();
    assert_eq!(ids(&store, Order::NewestFirst), descending);
    assert!(store.status().blocks > 20 && store.status().segments > 1);
    assert_eq!(store.status().stored, 3000);
}

#[test]
fn the_latest_record_of_an_exchange_wins_and_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    for n in [1, 2, 3] {
        append(&mut writer, &open_row(n)).unwrap();
    }
    writer.flush().unwrap();
    assert!(rows(&store).iter().all(|row| row.marks.contains(Mark::Open)));
    let running = store.find(Filter::all(), Order::OldestFirst);
    append(&mut writer, &open_row(2)).unwrap();
    append_all(&mut writer, [2, 1, 5]);
    let seen: Vec<_> = running.map(|row| row.unwrap().id).collect();
    assert_eq!(seen, [id(1), id(2), id(3)], "a listing keeps to what there was when it began");
    let check = |store: &Store| {
        assert_eq!(rows(store), [row(1), row(2), open_row(3), row(5)]);
        assert_eq!(store.exchange(id(2)).unwrap().unwrap().summary, row(2));
        assert_eq!(store.status().stored, 4);
    };
    check(&store);
    check(&Store::read_only(dir.path()).unwrap());
    drop((store, writer));
    let (store, _writer, recovery) = open(dir.path());
    assert_eq!((recovery.open, recovery.stored), (1, 4));
    check(&store);
}

#[test]
fn a_listing_that_nobody_wants_any_more_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..50);
    let abandoned = Arc::new(AtomicBool::new(false));
    let mut found = store.find(Filter::all(), Order::OldestFirst).until(abandoned.clone());
    assert_eq!(found.next().unwrap().unwrap().id, id(0));
    abandoned.store(true, Ordering::Relaxed);
    assert!(found.next().is_none());
    let nowhere = Filter::parse("client:nobody or \"no such text\"", START).unwrap();
    let mut found = store.find(nowhere, Order::NewestFirst).until(abandoned);
    assert!(found.next().is_none());
}

#[test]
fn filters_give_the_same_with_an_index_without_and_beside_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..500);
    let counts = |store: &Store| {
        let count = |text: &str| {
            let filter = Filter::parse(text, START).unwrap();
            store.find(filter, Order::NewestFirst).map(Result::unwrap).count()
        };
        let texts = [
            "",
            "status:>=400",
            "client:key:3",
            "client:nobody",
            "url:orders/49",
            r#"body:"order\":123,""#,
            "body:OCK",
            "body:zebra",
            "header:server=s status:200",
            "zebra or shop.example",
            "route:\"GET /orders/{id}\" latency:>1s",
        ];
        texts.map(count)
    };
    let wanted = [500, 166, 71, 0, 11, 1, 500, 0, 167, 500, 0];
    assert_eq!(counts(&store), wanted);
    assert_eq!(counts(&Store::read_only(dir.path()).unwrap()), wanted);
    writer.close().unwrap();
    drop(store);
    crate::rebuild(dir.path(), &mut |_| {}).unwrap();
    let (store, _writer, recovery) = open(dir.path());
    assert!(!recovery.rebuilt);
    assert_eq!(counts(&store), wanted);
}

#[test]
fn unique_prefixes_name_exchanges_and_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..40);
    let whole = id(25).to_string();
    assert_eq!(store.resolve(&whole).unwrap(), Named::Exchange(id(25)));
    assert_eq!(store.resolve(&whole.to_uppercase()).unwrap(), Named::Exchange(id(25)));
    let shortest =
        (1..=12).find(|&n| store.resolve(&whole[..n]).unwrap() == Named::Exchange(id(25)));
    assert!(shortest.is_some_and(|n| n < 12));
    let Named::Ambiguous(several) = store.resolve(&whole[..3]).unwrap() else { panic!() };
    assert!(several.len() > 1 && several.len() <= 10);
    let session = SessionId(id(30));
    assert_eq!(store.resolve(&session.to_string()).unwrap(), Named::Session(session));
    assert_eq!(store.resolve("zzzz").unwrap(), Named::Nothing);
    assert_eq!(store.resolve("").unwrap(), Named::Nothing);
    assert_eq!(store.resolve("not an id").unwrap(), Named::Nothing);
}

#[test]
fn what_no_block_can_hold_is_refused_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, [1]);
    let head = vec![b'x'; 17 << 20];
    let summary = row(2);
    let record = NewRecord {
        summary: &summary,
        request: message(&head, &[], &[], &[]),
        informed: &[],
        response: None,
        sealed: b"",
    };
    assert!(matches!(writer.append(&record), Err(StoreError::TooLarge { .. })));
    append_all(&mut writer, [3]);
    holds(&store, [1, 3]);
}

#[test]
fn only_the_owner_can_read_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    let (_store, mut writer, _) = open(&root);
    append_all(&mut writer, [1]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&root), mode(&root.join("segments"))), (0o700, 0o700));
    for file in segments(&root).iter().chain([&root.join("lock"), &root.join("forwarded")]) {
        assert_eq!(mode(file), 0o600);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_rows_come_back(rows in proptest::collection::vec(crate::row::tests::summary(), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut writer, _) = open(dir.path());
        let mut wanted = std::collections::BTreeMap::new();
        for mut row in rows {
            row.marks.remove(Mark::Open);
            if wanted.contains_key(&row.id) {
                continue;
            }
            let record = NewRecord {
                summary: &row,
                request: message(b"", &[], &[], &[]),
                informed: &[],
                response: None,
                sealed: b"",
            };
            writer.append(&record).unwrap();
            wanted.insert(row.id, row);
        }
        writer.flush().unwrap();
        let found: Vec<_> = super::support::rows(&store);
        prop_assert_eq!(found, wanted.into_values().collect::<Vec<_>>());
    }
}
