//! Kills, power losses and failing calls at any moment of recording, settling, retention and erasing:
//! what was said to be durable is there, what is served is right, and what was erased stays so.
//!
//! `FAULTS` says how many times as long as usual these go on; each prints what it tried as a figure.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use wayside_exchange::{Exchange, ExchangeId, Half, Message, Micros, Timestamp};

use super::support::*;
use crate::keeper::Keeping;
use crate::keeper::erasing::Erasing;
use crate::keeper::resealing::Clearing;
use crate::keeper::retaining::Retaining;
use crate::seal::SealingKey;
use crate::settle::Settling;
use crate::storage::faulty::Faulty;
use crate::store::Shared;
use crate::store::erase::Erasure;
use crate::store::open::kept_by;
use crate::store::reseal::Clearance;
use crate::{
    Bodies, Encryption, Options, Resealed, ResealedBody, ResealedMessage, Resealing, Retention,
    Selection, Store, StoreError, Writer,
};

/// How long these go on, against the usual.
fn times() -> u32 {
    std::env::var("FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Append(u64),
    Sync,
    Settle,
    Retain,
    Erase(u64),
    /// Every exchange is sealed anew, its body in pieces of its own.
    Reseal,
    /// The call after so many others fails, for want of room or because the disk does.
    Fault(u64, bool),
    /// The read after so many others fails.
    Unreadable(u64),
    Kill,
    /// What was not synced survives in part, as the bits of the seed say.
    PowerLoss(u64),
}

/// A store and what must be in it.
struct World<'a> {
    dir: &'a Path,
    encryption: Encryption,
    disk: Faulty,
    open: Option<(Arc<Shared>, Writer)>,
    retaining: Retaining,
    now: Timestamp,
    /// Exchanges that were appended, by number.
    next: u64,
    /// Those of them that must be there.
    durable: BTreeSet<u64>,
    /// Those that must not be there.
    gone: BTreeSet<u64>,
}

impl<'a> World<'a> {
    fn new(dir: &'a Path, encrypted: bool) -> Self {
        if encrypted {
            SealingKey::open_or_create(&dir.join("keys")).unwrap();
        }
        let mut world = Self {
            dir,
            encryption: if encrypted { Encryption::On } else { Encryption::Off },
            disk: Faulty::default(),
            open: None,
            retaining: Retaining::default(),
            now: START,
            next: 0,
            durable: BTreeSet::new(),
            gone: BTreeSet::new(),
        };
        world.reopen();
        world
    }

    fn reopen(&mut self) {
        self.disk.kill();
        self.open = None;
        self.disk.revive();
        self.start();
    }

    fn start(&mut self) {
        let retention = Retention { keep_for: Some(Micros(400_000)), ..Retention::default() };
        let options = Options { retention, encryption: self.encryption, ..small() };
        let storage = Arc::new(self.disk.clone());
        let (shared, writer, _) =
            kept_by(&self.dir.into(), storage, options, |_| Keeping::none()).unwrap();
        self.retaining = Retaining::default();
        self.open = Some((shared, writer));
        self.check();
    }

    fn happens(&mut self, happening: Happening) {
        let Some((shared, mut writer)) = self.open.take() else { return };
        self.now = Timestamp(self.now.0 + 10_000);
        match happening {
            Happening::Append(count) => {
                for n in self.next..self.next + count {
                    // What is refused is lost, and may not appear.
                    if append(&mut writer, &row(n)).is_err() {
                        self.gone.insert(n);
                    }
                }
                self.next += count;
                let _ = writer.tick(self.now);
            }
            Happening::Sync => {
                if writer.sync().is_ok() {
                    self.durable = (0..self.next).filter(|n| !self.gone.contains(n)).collect();
                    self.durable.retain(|&n| {
                        Store { shared: shared.clone() }
                            .exchange(id(n))
                            .is_ok_and(|found| found.is_some())
                    });
                }
            }
            Happening::Settle => {
                if let Some(Ok(mut settling)) = Settling::begin(&shared, &[]) {
                    loop {
                        match settling.step() {
                            Ok(true) => {}
                            Ok(false) => break drop(settling.finish()),
                            Err(_) => break settling.discard(),
                        }
                    }
                }
            }
            Happening::Retain => self.retain(&shared, &mut writer),
            Happening::Erase(client) => self.erase(&shared, &mut writer, client),
            Happening::Reseal => self.reseal(&shared, &mut writer),
            Happening::Fault(calls, full) => self.disk.fail_after(calls, full),
            Happening::Unreadable(reads) => self.disk.fail_reading_after(reads),
            Happening::Kill | Happening::PowerLoss(_) => {}
        }
        self.open = Some((shared, writer));
        match happening {
            Happening::Kill => self.reopen(),
            Happening::PowerLoss(seed) => {
                self.disk.kill();
                self.open = None;
                self.disk.revive();
                let mut bits = seed | 1;
                self.disk.tear(&mut || {
                    // xorshift64 (Marsaglia, 2003).
                    bits ^= bits << 13;
                    bits ^= bits >> 7;
                    bits ^= bits << 17;
                    bits & 1 == 1
                });
                self.start();
            }
            _ => self.check(),
        }
    }

    fn retain(&mut self, shared: &Arc<Shared>, writer: &mut Writer) {
        let _ = writer.tick(self.now);
        while let Ok(Some(segment)) = self.retaining.next(shared) {
            let from = shared.catalogue().groups_of(&segment).0;
            let groups = shared.catalogue().groups.clone();
            let in_it = groups.iter().skip(from).take_while(|group| group.position < segment.end);
            let last = in_it.map(|group| group.latest).max();
            let limit = self.now.minus(Micros(400_000));
            assert!(last.is_none_or(|last| Timestamp(last) < limit), "it is inside the limit");
            let ids: Vec<u64> = (0..self.next)
                .filter(|&n| row(n).started_at.0 <= last.unwrap_or(i64::MIN))
                .collect();
            self.durable.retain(|n| !ids.contains(n));
            if self.retaining.remove(shared, &segment).is_err() {
                break;
            }
        }
    }

    fn erase(&mut self, shared: &Arc<Shared>, writer: &mut Writer, client: u64) {
        let theirs: Vec<u64> = (0..self.next).filter(|n| n % 7 == client).collect();
        let (reply, answer) = sync_channel(1);
        let selection = Selection::of_client(&format!("key:{client}"));
        let mut erasing = Some(Erasing::begin(shared, Erasure { selection, reply }));
        while let Some(step) = erasing {
            self.now = Timestamp(self.now.0 + 1_000);
            let _ = writer.tick(self.now);
            let _ = writer.sync();
            erasing = step.step(shared);
        }
        // Even when it fails half way, some are gone.
        self.durable.retain(|n| !theirs.contains(n));
        if let Ok(Ok(erased)) = answer.recv() {
            assert_eq!(erased.found, 0, "{erased:?}");
            if erased.damaged.is_empty() {
                self.gone.extend(theirs);
            }
        }
    }

    fn reseal(&mut self, shared: &Arc<Shared>, writer: &mut Writer) {
        let (reply, _answer) = sync_channel(1);
        let selection = Selection::matching(wayside_exchange::filter::Filter::all());
        let clearance = Clearance { selection, resealing: Box::new(Moving), reply };
        let mut clearing = Some(Clearing::begin(shared, clearance));
        while let Some(step) = clearing {
            self.now = Timestamp(self.now.0 + 1_000);
            let _ = writer.tick(self.now);
            let _ = writer.sync();
            clearing = step.step(shared);
        }
    }

    /// What is there is right, and what must be there is.
    fn check(&self) {
        let Some((shared, _)) = &self.open else { return };
        self.disk.hush(true);
        let store = Store { shared: shared.clone() };
        let there: BTreeSet<u64> = rows(&store)
            .into_iter()
            .map(|found| {
                let n = number_of(found.id);
                assert!(n < self.next, "{n} was never appended");
                assert_eq!(found, row(n));
                match readable(&store, found.id) {
                    Some(body) => assert_eq!(body, body_of(n)),
                    // A power loss may have torn a block of a segment before the last: that is said, as any
                    // damage is, and its rows stay.
                    None => assert!(!self.durable.contains(&n), "durable, and damaged: {n}"),
                }
                n
            })
            .collect();
        assert_eq!(there.len() as u64, store.status().stored);
        let missing: Vec<_> = self.durable.difference(&there).collect();
        assert!(missing.is_empty(), "durable, and missing: {missing:?}");
        let back: Vec<_> = self.gone.intersection(&there).collect();
        assert!(back.is_empty(), "erased or refused, and there: {back:?}");
        self.disk.hush(false);
    }
}

/// Seals nothing, but puts every response's body elsewhere.
struct Moving;

impl Resealing for Moving {
    fn reseal(
        &mut self,
        exchange: &Exchange,
        bodies: &mut Bodies<'_>,
    ) -> Result<Option<Resealed>, StoreError> {
        let mut bytes = Vec::new();
        let Some(mut body) = bodies.body(Half::Response) else { return Ok(None) };
        let unread = |_| StoreError::Stopped;
        body.read_to_end(&mut bytes).map_err(unread)?;
        let body = ResealedBody {
            arrivals: Vec::new(),
            pieces: bytes
                .chunks(400)
                .map(|part| bodies.append_piece(Half::Response, part))
                .collect::<Result<_, _>>()?,
            rest: Vec::new(),
            chunks: Vec::new(),
            sealed: Vec::new(),
        };
        let message = |message: &Message, body| ResealedMessage {
            head: message.head.0.to_vec(),
            trailers: Vec::new(),
            body,
        };
        Ok(Some(Resealed {
            summary: exchange.summary.clone(),
            request: message(&exchange.request, None),
            informed: exchange.informed.iter().map(|head| head.0.clone()).collect(),
            response: exchange.response.as_ref().map(|one| message(one, Some(body))),
            sealed: exchange.sealed.clone(),
            secrets: 1,
        }))
    }

    fn stands_in(&mut self, _bytes: &[u8]) -> bool {
        false
    }
}

/// The response's body; none where it is damaged.
fn readable(store: &Store, id: ExchangeId) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    store.body(id, Half::Response).ok()??.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1_u64..40).prop_map(Happening::Append),
        4 => Just(Happening::Sync),
        4 => Just(Happening::Settle),
        2 => Just(Happening::Retain),
        1 => (0_u64..7).prop_map(Happening::Erase),
        1 => Just(Happening::Reseal),
        3 => (0_u64..12, any::<bool>()).prop_map(|(calls, full)| Happening::Fault(calls, full)),
        2 => (0_u64..40).prop_map(Happening::Unreadable),
        2 => Just(Happening::Kill),
        2 => any::<u64>().prop_map(Happening::PowerLoss),
    ]
}

#[test]
fn whatever_happens_in_any_order_what_is_durable_is_there_and_right() {
    let (kills, losses, faults) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let unreadable = AtomicU64::new(0);
    let config = Config { cases: 12 * times(), failure_persistence: None, ..Config::default() };
    // The same orders in every run of the tests; `tests/faults` goes on to others.
    let mut runner = if times() > 1 {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    let orders = (prop::collection::vec(happening(), 5..40), any::<bool>());
    let run = runner.run(&orders, |(all, encrypted)| {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(dir.path(), encrypted);
        for happening in all {
            match happening {
                Happening::Kill => kills.fetch_add(1, Relaxed),
                Happening::PowerLoss(_) => losses.fetch_add(1, Relaxed),
                Happening::Fault(..) => faults.fetch_add(1, Relaxed),
                Happening::Unreadable(_) => unreadable.fetch_add(1, Relaxed),
                _ => 0,
            };
            world.happens(happening);
        }
        world.happens(Happening::Kill);
        Ok(())
    });
    run.unwrap();
    println!("figure: kills survived, in random orders: {}", kills.into_inner());
    println!("figure: power losses survived, torn at sectors: {}", losses.into_inner());
    println!("figure: failing calls survived, in random orders: {}", faults.into_inner());
    println!("figure: failing reads survived, in random orders: {}", unreadable.into_inner());
}

#[test]
fn every_single_call_may_fail_and_the_power_may_go_after_it() {
    let mut tried = 0;
    for full in [false, true] {
        for at in (0..).step_by(if times() > 1 { 1 } else { 5 }) {
            let dir = tempfile::tempdir().unwrap();
            let mut world = World::new(dir.path(), full);
            world.disk.fail_after(at, full);
            let fails_at = world.disk.calls() + at + 1;
            for happening in [
                Happening::Append(35),
                Happening::Sync,
                Happening::Append(20),
                Happening::Settle,
                Happening::Settle,
                Happening::Sync,
                Happening::Erase(3),
                Happening::Reseal,
                Happening::Append(10),
                Happening::Sync,
                Happening::Settle,
                Happening::Retain,
            ] {
                world.happens(happening);
            }
            let reached = world.disk.calls() >= fails_at;
            world.happens(Happening::PowerLoss(at * 2 + 1));
            world.happens(Happening::Append(5));
            world.happens(Happening::Sync);
            world.happens(Happening::Kill);
            if !reached {
                break;
            }
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried} calls");
    println!("figure: calls that failed in turn: {tried}");
}

#[test]
fn a_segment_with_any_bytes_in_it_is_opened_and_nothing_wrong_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..60);
    writer.close().unwrap();
    let raw = std::fs::read(&segments(dir.path())[1]).unwrap();
    settle_all(dir.path());
    let path = segments(dir.path()).remove(1);
    let settled = std::fs::read(&path).unwrap();
    let inputs = AtomicU64::new(0);
    let config = Config { cases: 200 * times(), failure_persistence: None, ..Config::default() };
    let strategy = (
        any::<bool>(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        any::<Option<prop::sample::Index>>(),
    );
    let run = TestRunner::new(config).run(&strategy, |(form, changes, cut)| {
        let mut bytes = if form { raw.clone() } else { settled.clone() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        std::fs::write(&path, &bytes).unwrap();
        inputs.fetch_add(1, Relaxed);
        let Ok(store) = Store::read_only(dir.path()) else { return Ok(()) };
        for found in store.find(wayside_exchange::filter::Filter::all(), crate::Order::OldestFirst)
        {
            let found = found.unwrap();
            assert_eq!(found, row(number_of(found.id)));
        }
        Ok(())
    });
    run.unwrap();
    println!("figure: damaged segments opened: {}", inputs.into_inner());
}
