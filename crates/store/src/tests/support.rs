//! Builders for records, and a store in a folder of its own.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use wayside_exchange::filter::Filter;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{BodyEnd, ExchangeId, Half, Mark, SessionId, Summary, Timestamp};

use crate::record::{NewBody, NewMessage, NewRecord};
use crate::row::tests::bare;
use crate::settle::Settling;
use crate::{Extent, Options, Order, Recovery, Store, StoreError, Writer};

/// Where ids of tests begin.
pub(super) const START: Timestamp = Timestamp(1_795_000_000_000_000);

/// The id of the n-th millisecond.
pub(super) fn id(n: u64) -> ExchangeId {
    ExchangeId(ExchangeId::floor(START).0 + ((n * 1000) << 10))
}

/// The number that an id was made of.
pub(super) fn number_of(made: ExchangeId) -> u64 {
    ((made.0 - id(0).0) >> 10) / 1000
}

/// A plain row.
pub(super) fn row(n: u64) -> Summary {
    Summary {
        id: id(n),
        started_at: Timestamp(START.0 + 1000 * n as i64),
        client: format!("key:{}", n % 7),
        session: SessionId(id(n / 10 * 10)),
        connection: n / 3,
        method: "GET".to_owned(),
        host: "shop.example".to_owned(),
        target: format!("/orders/{n}"),
        route: "GET /orders/{id}".to_owned(),
        status: Some(200 + (n % 3) as u16 * 100),
        response_bytes: body_of(n).len() as u64,
        ..bare()
    }
}

/// A row of an exchange that still runs.
pub(super) fn open_row(n: u64) -> Summary {
    let mut row = row(n);
    row.marks.insert(Mark::Open);
    row.status = None;
    row
}

/// What the bodies of the n-th exchange hold.
pub(super) fn body_of(n: u64) -> Vec<u8> {
    format!("{{\"order\":{n},\"state\":\"out of stock\"}}").repeat(20).into_bytes()
}

/// A message with a body that is partly written ahead.
pub(super) fn message<'a>(
    head: &'a [u8],
    pieces: &'a [Extent],
    rest: &'a [&'a [u8]],
    arrivals: &'a [Arrival],
) -> NewMessage<'a> {
    let bytes = pieces.iter().map(Extent::bytes).sum::<u64>()
        + rest.iter().map(|slice| slice.len() as u64).sum::<u64>();
    let body = NewBody { bytes, end: BodyEnd::Complete, arrivals, pieces, rest, veil: None };
    NewMessage { head, trailers: b"", body }
}

/// Appends an exchange without a body.
pub(super) fn append_row(writer: &mut Writer, row: &Summary) {
    let request = message(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", &[], &[], &[]);
    let record =
        NewRecord { summary: row, request, informed: &[], response: None, sealed: b"sealed" };
    writer.append(&record).unwrap();
}

/// Appends a plain exchange with this row.
pub(super) fn append(writer: &mut Writer, row: &Summary) -> Result<(), StoreError> {
    let request = format!("GET {} HTTP/1.1\r\nHost: shop.example\r\n\r\n", row.target);
    let body = body_of(number_of(row.id));
    let rest = [body.as_slice()];
    writer.append(&NewRecord {
        summary: row,
        request: message(request.as_bytes(), &[], &[], &[]),
        informed: &[Bytes::from_static(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
        response: Some(message(b"HTTP/1.1 200 OK\r\nServer: s\r\n\r\n", &[], &rest, &[])),
        sealed: b"sealed",
    })
}

/// Appends the exchanges of these numbers and flushes.
pub(super) fn append_all(writer: &mut Writer, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        append(writer, &row(n)).unwrap();
    }
    writer.flush().unwrap();
}

/// Opens with small blocks, so that little data makes many.
pub(super) fn open(dir: &Path) -> (Store, Writer, Recovery) {
    Store::open(dir, small()).unwrap()
}

/// Options that make little data go into many blocks and segments.
pub(super) fn small() -> Options {
    Options { block_bytes: 8 << 10, segment_bytes: 12 << 10, ..Options::default() }
}

/// Settles all segments of a store that nobody writes to, as the recorder does when it is quiet.
pub(super) fn settle_all(dir: &Path) {
    let store = Store::read_only(dir).unwrap();
    store.shared.sealing.closed(u64::MAX);
    while let Some(settling) = Settling::begin(&store.shared, &[]) {
        let mut settling = settling.unwrap();
        while settling.step().unwrap_or_else(|_| panic!("it is damaged")) {}
        settling.finish().unwrap();
    }
}

/// Opens with one segment for everything.
pub(super) fn open_in_one(dir: &Path) -> (Store, Writer, Recovery) {
    Store::open(dir, Options { block_bytes: 8 << 10, ..Options::default() }).unwrap()
}

/// All ids in the store, in an order.
pub(super) fn ids(store: &Store, order: Order) -> Vec<ExchangeId> {
    store.find(Filter::all(), order).map(|row| row.unwrap().id).collect()
}

/// All rows in the store, oldest first.
pub(super) fn rows(store: &Store) -> Vec<Summary> {
    store.find(Filter::all(), Order::OldestFirst).map(Result::unwrap).collect()
}

/// Checks that exactly the exchanges of these numbers are in the store, whole.
pub(super) fn holds(store: &Store, numbers: impl IntoIterator<Item = u64>) {
    let wanted: Vec<Summary> = numbers.into_iter().map(row).collect();
    assert_eq!(rows(store), wanted);
    for row in wanted {
        let n = number_of(row.id);
        assert_eq!(store.exchange(row.id).unwrap().unwrap().summary, row);
        assert_eq!(body(store, row.id, Half::Response), body_of(n));
    }
}

/// The whole body.
pub(super) fn body(store: &Store, id: ExchangeId, half: Half) -> Vec<u8> {
    let mut all = Vec::new();
    store.body(id, half).unwrap().unwrap().read_to_end(&mut all).unwrap();
    all
}

/// Copies a store as it lies on the disk, as a crash would leave it.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files of the segments, in order.
pub(super) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir.join("segments")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
