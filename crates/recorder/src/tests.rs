//! From events to the store and back, without a proxy: one tape, one desk, a store in a folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::future::Future;
use std::io::Read as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tempfile::TempDir;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::StatusView;
use wayside_exchange::{
    BodyEnd, Connection, Event, ExchangeId, ExchangeIds, Failure, Half, HttpVersion, Mark, Micros,
    Outcome, Record, Side, Summary, Timestamp, Timing, Tls,
};
use wayside_store::seal::SealingKey;
use wayside_store::{Order, Store};

use crate::{Options, Overload, Recorder, Tape};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
const HEAD: &[u8] =
    b"POST /orders/17?x=1 HTTP/1.1\r\nHost: shop.test\r\nX-Api-Key: canary-7781\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n";

fn options() -> Options {
    Options {
        queue_bytes: 8 << 20,
        on_overload: Overload::Shed,
        strict: false,
        body_limit: None,
        session_idle: Micros(1_800_000_000),
        rules: wayside_identity::Rules::default(),
        routes: Vec::new(),
        standards: wayside_analytics::Standards::default(),
        clock: || NOW,
    }
}

/// What a finished recording left.
struct Recorded {
    folder: TempDir,
    status: StatusView,
}

impl Recorded {
    fn store(&self) -> Store {
        Store::read_only(self.folder.path()).unwrap()
    }

    fn rows(&self) -> Vec<Summary> {
        self.store().find(Filter::all(), Order::OldestFirst).map(Result::unwrap).collect()
    }

    fn body(&self, id: ExchangeId, half: Half) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.store().body(id, half).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// Runs `play` with a tape, then ends the recorder.
fn recorded<F: Future<Output = ()>>(
    options: Options,
    play: impl FnOnce(Rc<Tape>) -> F,
) -> Recorded {
    let folder = TempDir::new().unwrap();
    let (store, writer, recovery) =
        Store::open(folder.path(), wayside_store::Options::default()).unwrap();
    let key = SealingKey::open_or_create(&folder.path().join("keys")).unwrap();
    let (recorder, tapes, desking) =
        Recorder::start(&store, writer, &recovery, key, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let tape = tapes.tape();
        play(Rc::clone(&tape)).await;
        tape.last();
    });
    drop(local);
    drop(tapes);
    desking.finish().unwrap();
    Recorded { status: recorder.status(), folder }
}

fn connection() -> Arc<Connection> {
    let tls = Some(Tls { version: "TLSv1.3".to_owned(), ..Tls::default() });
    Arc::new(Connection {
        id: 5,
        client_addr: "192.0.2.7:4711".parse().unwrap(),
        tls,
        resumed: None,
    })
}

fn begin(tape: &Tape, id: ExchangeId) {
    let (connection, version) = (connection(), HttpVersion::Http11);
    tape.record(Event::Started { id, at: NOW, connection: &connection, version, head: HEAD });
}

fn pass(tape: &Tape, id: ExchangeId, half: Half, data: &[u8]) {
    tape.record(Event::Passed { id, half, at: None, data: &Bytes::copy_from_slice(data) });
}

fn end(tape: &Tape, id: ExchangeId) {
    tape.record(Event::Answered { id, head: ANSWER });
    pass(tape, id, Half::Response, b"ok");
    for half in [Half::Request, Half::Response] {
        tape.record(Event::BodyEnded { id, half, end: BodyEnd::Complete, trailers: &[] });
    }
    let timing = Timing { total: Micros(1500), wait: Micros(900), ..Timing::default() };
    tape.record(Event::Ended { id, outcome: Outcome::Complete, failure: None, timing });
}

fn ids(count: usize) -> Vec<ExchangeId> {
    let mut ids = ExchangeIds::new(0, ExchangeId(0));
    (0..count).map(|_| ids.next(NOW)).collect()
}

#[test]
fn what_happened_is_what_the_store_gives_back() {
    let id = ids(1)[0];
    let recorded = recorded(options(), |tape| async move {
        begin(&tape, id);
        pass(&tape, id, Half::Request, b"{\"a\":");
        pass(&tape, id, Half::Request, b"1}");
        end(&tape, id);
    });
    let rows = recorded.rows();
    let row = &rows[0];
    assert_eq!((row.method.as_str(), row.target.as_str()), ("POST", "/orders/17?x=1"));
    assert_eq!((row.host.as_str(), row.route.as_str()), ("shop.test", "POST /orders/{id}"));
    assert_eq!((row.status, row.outcome), (Some(201), Outcome::Complete));
    assert_eq!((row.request_bytes, row.response_bytes), (7, 2));
    assert!(row.client.starts_with("key:"), "{}", row.client);
    assert!(row.marks.is_empty());
    assert_eq!(recorded.body(id, Half::Request), b"{\"a\":1}");
    let status = &recorded.status;
    assert_eq!((status.forwarded, status.recorded, status.marked, status.open), (1, 1, 0, 0));
}

#[test]
fn no_secret_rests_in_clear() {
    let id = ids(1)[0];
    let recorded = recorded(options(), |tape| async move {
        begin(&tape, id);
        end(&tape, id);
    });
    let exchange = recorded.store().exchange(id).unwrap().unwrap();
    let head = String::from_utf8_lossy(&exchange.request.head.0).into_owned();
    assert!(!head.contains("canary-7781") && head.contains("X-Api-Key: wayside-sealed-"), "{head}");
    let key = SealingKey::open_or_create(&recorded.folder.path().join("keys")).unwrap();
    let plain = key.unseal(id, &exchange.sealed).unwrap();
    let secrets = wayside_identity::decode_secrets(&plain).unwrap();
    assert_eq!(wayside_identity::restore(&exchange.request.head.0, &secrets), HEAD);
}

#[test]
fn secrets_in_a_long_body_are_sealed_wherever_they_are_cut_and_come_back() {
    use std::fmt::Write as _;
    const HEAD: &[u8] = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\r\n";
    let id = ids(1)[0];
    let mut body = String::from("{\"rows\":[");
    while body.len() < 2_000_000 {
        let n = body.len();
        let _ = write!(
            body,
            "{{\"n\":{n},\"password\":\"canary-{n}\",\"x\":\"{}\"}},",
            "y".repeat(n % 701)
        );
    }
    body.push_str("0]}");
    let sent = body.clone().into_bytes();
    let recorded = recorded(options(), |tape| async move {
        let (connection, version) = (connection(), HttpVersion::Http11);
        tape.record(Event::Started { id, at: NOW, connection: &connection, version, head: HEAD });
        for (n, piece) in sent.chunks(9_973).enumerate() {
            let at = Some(Timestamp(NOW.0 + n as i64));
            let data = &Bytes::copy_from_slice(piece);
            tape.record(Event::Passed { id, half: Half::Request, at, data });
            tokio::task::yield_now().await;
        }
        end(&tape, id);
    });
    let store = recorded.store();
    let kept = store.exchange(id).unwrap().unwrap().request.body;
    assert_eq!((kept.bytes, kept.kept), (body.len() as u64, body.len() as u64));
    assert!(kept.redacted && kept.stored > kept.kept);
    let stored = recorded.body(id, Half::Request);
    assert_eq!(stored.len() as u64, kept.stored);
    assert!(!String::from_utf8(stored).unwrap().contains("canary"));
    let key = SealingKey::open_or_create(&recorded.folder.path().join("keys")).unwrap();
    let mut back = Vec::new();
    store.revealed(id, Half::Request, &key).unwrap().unwrap().read_to_end(&mut back).unwrap();
    assert!(back == body.as_bytes());
    // A secret that was cut in two arrived when it began.
    let arrivals = store.revealed_arrivals(id, Half::Request, &key).unwrap();
    assert!(!arrivals.is_empty());
    for arrival in arrivals {
        let came = (arrival.at.0 - NOW.0) as u64 * 9_973;
        assert!((came..came + 9_973).contains(&(arrival.offset + 20)), "{arrival:?} of {came}");
    }
    for (_, bytes) in files(recorded.folder.path()) {
        assert!(!bytes.windows(7).any(|window| window == b"canary-"));
    }
}

fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
    all
}

#[test]
fn what_of_a_body_came_so_far_is_seen_without_its_secrets() {
    const HEAD: &[u8] = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n\r\n";
    let id = ids(1)[0];
    let recorded = recorded(options(), |tape| async move {
        let (connection, version) = (connection(), HttpVersion::Http11);
        tape.record(Event::Started { id, at: NOW, connection: &connection, version, head: HEAD });
        pass(&tape, id, Half::Request, b"so far: password=canary-unfin");
    });
    let stored = String::from_utf8(recorded.body(id, Half::Request)).unwrap();
    assert!(stored.starts_with("so far: password=wayside-sealed-"), "{stored}");
    let key = SealingKey::open_or_create(&recorded.folder.path().join("keys")).unwrap();
    let mut back = Vec::new();
    let revealed = recorded.store().revealed(id, Half::Request, &key);
    revealed.unwrap().unwrap().read_to_end(&mut back).unwrap();
    assert_eq!(back, b"so far: password=canary-unfin");
}

#[test]
fn a_long_body_is_whole_over_many_batches() {
    let id = ids(1)[0];
    let body: Vec<u8> =
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sent = body.clone();
    let recorded = recorded(options(), |tape| async move {
        begin(&tape, id);
        for piece in sent.chunks(70_000) {
            pass(&tape, id, Half::Request, piece);
            // The desk keeps up only if it is let.
            tokio::task::yield_now().await;
        }
        end(&tape, id);
    });
    assert!(recorded.body(id, Half::Request) == body);
    assert_eq!(recorded.rows()[0].request_bytes, 3_000_000);
}

#[test]
fn over_the_limit_the_beginning_is_kept_and_the_rest_is_marked() {
    let id = ids(1)[0];
    let options = Options { body_limit: Some(4), ..options() };
    let recorded = recorded(options, |tape| async move {
        begin(&tape, id);
        pass(&tape, id, Half::Request, b"abc");
        pass(&tape, id, Half::Request, b"defg");
        end(&tape, id);
    });
    let row = &recorded.rows()[0];
    assert!(row.marks.contains(Mark::OverLimit));
    assert_eq!(row.request_bytes, 7);
    assert_eq!(recorded.body(id, Half::Request), b"abcd");
    assert_eq!((recorded.status.recorded, recorded.status.marked), (0, 1));
}

#[test]
fn under_overload_everything_is_recorded_marked_or_counted_as_lost() {
    let ids = ids(400);
    let count = ids.len() as u64;
    // A queue that a few exchanges fill: most of what comes at once cannot be kept.
    let options = Options { queue_bytes: 600 << 10, ..options() };
    let recorded = recorded(options, |tape| async move {
        let body = vec![7; 20_000];
        for id in ids {
            begin(&tape, id);
            pass(&tape, id, Half::Request, &body);
            end(&tape, id);
        }
    });
    let status = &recorded.status;
    let lost: u64 = status.lost.values().sum();
    assert_eq!(status.forwarded, count);
    assert_eq!(status.recorded + status.marked + lost, count, "{status:?}");
    for row in recorded.rows() {
        assert_eq!(row.request_bytes, 20_000, "the true length is known whatever was kept");
        let kept = recorded.body(row.id, Half::Request).len();
        let answer = recorded.body(row.id, Half::Response).len();
        assert_eq!(kept < 20_000 || answer < 2, row.marks.contains(Mark::CaptureShed));
    }
    assert_eq!(recorded.rows().len() as u64, status.recorded + status.marked);
}

#[test]
fn when_told_to_wait_nothing_is_shed() {
    let ids = ids(200);
    let options = Options { queue_bytes: 300 << 10, on_overload: Overload::Wait, ..options() };
    let recorded = recorded(options, |tape| async move {
        let body = vec![7; 20_000];
        for id in ids {
            std::future::poll_fn(|context| tape.poll_room(context)).await;
            begin(&tape, id);
            pass(&tape, id, Half::Request, &body);
            end(&tape, id);
        }
    });
    assert_eq!((recorded.status.recorded, recorded.status.lost.len()), (200, 0));
}

#[test]
fn a_recorder_that_sheds_never_holds_the_traffic() {
    let recorded = recorded(options(), |tape| async move {
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(tape.poll_room(&mut context), Poll::Ready(()));
    });
    assert_eq!(recorded.status.forwarded, 0);
}

#[test]
fn an_exchange_that_still_runs_at_the_end_is_kept_and_says_so() {
    let id = ids(1)[0];
    let recorded = recorded(options(), |tape| async move {
        begin(&tape, id);
        pass(&tape, id, Half::Request, b"so far");
    });
    let row = &recorded.rows()[0];
    assert!(row.marks.contains(Mark::Open));
    assert_eq!(recorded.body(id, Half::Request), b"so far");
}

#[test]
fn a_failed_handshake_is_an_exchange_without_a_request() {
    let id = ids(1)[0];
    let recorded = recorded(options(), |tape| async move {
        let failure = Failure { side: Side::Downstream, reason: "no trust".to_owned() };
        let connection = connection();
        let (connection, failure) = (&connection, &failure);
        tape.record(Event::HandshakeFailed { id, at: NOW, connection, failure });
    });
    let row = &recorded.rows()[0];
    assert_eq!((row.outcome, row.method.as_str(), row.status), (Outcome::Refused, "", None));
    assert_eq!(row.failure.as_ref().unwrap().reason, "no trust");
    assert_eq!((recorded.status.forwarded, recorded.status.handshakes_failed), (0, 1));
}

/// A clock that breaks for as long as it is told to.
static BROKEN: AtomicBool = AtomicBool::new(false);

#[test]
fn a_fault_of_ours_costs_the_exchange_that_it_happened_in_and_is_counted() {
    let ids = ids(2);
    let clock = || {
        assert!(!BROKEN.load(SeqCst), "as it should in this test");
        NOW
    };
    let recorded = recorded(Options { strict: true, clock, ..options() }, |tape| async move {
        begin(&tape, ids[0]);
        BROKEN.store(true, SeqCst);
        std::future::poll_fn(|context| tape.poll_kept(ids[0], context)).await;
        BROKEN.store(false, SeqCst);
        end(&tape, ids[0]);
        begin(&tape, ids[1]);
        end(&tape, ids[1]);
    });
    let status = &recorded.status;
    assert_eq!((status.forwarded, status.recorded, status.marked), (2, 1, 0));
    assert_eq!(status.lost.get("fault"), Some(&1));
    assert_eq!(recorded.rows().len(), 1);
}

#[test]
fn only_a_strict_recorder_holds_the_end_of_an_answer() {
    let id = ids(1)[0];
    recorded(options(), |tape| async move {
        begin(&tape, id);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(tape.poll_kept(id, &mut context), Poll::Ready(()));
        end(&tape, id);
    });
}
