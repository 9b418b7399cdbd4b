//! Settled segments: the same exchanges in less room, whatever happens on the way.

use std::fs;
use std::sync::Arc;

use wayside_exchange::filter::Filter;
use wayside_exchange::{Half, Mark};

use super::support::*;
use crate::settle::Settling;
use crate::storage::faulty::Faulty;
use crate::store::open::on_storage;
use crate::{NewRecord, Order, Store, Writer, verify};

/// Appends an exchange whose body is partly written ahead.
fn append_long(writer: &mut Writer, n: u64) -> Vec<u8> {
    let runs = [vec![b'a'; 9000], body_of(n), vec![b'z'; 300]];
    let summary = row(n);
    let pieces: Vec<_> = runs
        .iter()
        .take(2)
        .map(|run| writer.append_piece(summary.id, Half::Response, run).unwrap())
        .collect();
    let rest = [runs[2].as_slice()];
    let record = NewRecord {
        summary: &summary,
        request: message(b"GET / HTTP/1.1\r\n\r\n", &[], &[], &[]),
        informed: &[],
        response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &rest, &[])),
        sealed: b"",
    };
    writer.append(&record).unwrap();
    runs.concat()
}

/// A stored store with one exchange that was written twice and one that still runs.
fn written(dir: &std::path::Path) -> Vec<u8> {
    let (_, mut writer, _) = open(dir);
    append_all(&mut writer, 0..200);
    append(&mut writer, &open_row(200)).unwrap();
    append(&mut writer, &open_row(201)).unwrap();
    append_all(&mut writer, 202..300);
    append_all(&mut writer, [200]);
    let long = append_long(&mut writer, 301);
    append_all(&mut writer, 302..400);
    writer.close().unwrap();
    long
}

fn counts(store: &Store) -> Vec<usize> {
    let count = |text: &str| {
        let filter = Filter::parse(text, START).unwrap();
        store.find(filter, Order::NewestFirst).map(Result::unwrap).count()
    };
    let texts =
        ["", "status:>=400", "client:key:3", r#"body:"order\":123,""#, "body:zebra", "mark:open"];
    texts.map(count).to_vec()
}

fn size(dir: &std::path::Path) -> u64 {
    segments(dir).iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn a_settled_store_holds_the_same_in_less_room() {
    let dir = tempfile::tempdir().unwrap();
    let long = written(dir.path());
    let before = Store::read_only(dir.path()).unwrap();
    let (was, counted, bytes) = (rows(&before), counts(&before), size(dir.path()));
    settle_all(dir.path());
    let after = Store::read_only(dir.path()).unwrap();
    assert_eq!(rows(&after), was);
    assert_eq!(counts(&after), counted);
    assert_eq!(body(&after, id(301), Half::Response), long);
    assert_eq!(body(&after, id(77), Half::Response), body_of(77));
    assert!(after.exchange(id(201)).unwrap().unwrap().summary.marks.contains(Mark::Open));
    assert!(after.exchange(id(200)).unwrap().unwrap().summary.marks.is_empty());
    assert_eq!(after.exchange(id(399)).unwrap().unwrap().sealed, b"sealed");
    assert!(size(dir.path()) * 2 < bytes, "{} of {bytes} bytes", size(dir.path()));
    let found = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!((found.exchanges, found.open, found.damaged), (was.len() as u64, 1, vec![]));
    // And who had it open before sees what was there.
    assert_eq!(rows(&before), was);
    assert_eq!(body(&before, id(301), Half::Response), long);
}

#[test]
fn recording_goes_on_behind_settled_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..100);
    writer.close().unwrap();
    settle_all(dir.path());
    let (store, mut writer, recovery) = open(dir.path());
    assert_eq!((recovery.stored, recovery.lost, recovery.torn_bytes), (100, 0, 0));
    append_all(&mut writer, 100..150);
    holds(&store, 0..150);
    writer.close().unwrap();
    settle_all(dir.path());
    holds(&Store::read_only(dir.path()).unwrap(), 0..150);
}

#[test]
fn a_listing_that_has_begun_goes_on_while_segments_are_settled() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let store = Store::read_only(dir.path()).unwrap();
    let wanted = ids(&store, Order::OldestFirst);
    store.shared.sealing.closed(u64::MAX);
    let mut listing = store.find(Filter::all(), Order::OldestFirst);
    let mut found = vec![listing.next().unwrap().unwrap().id];
    while let Some(settling) = Settling::begin(&store.shared, &[]) {
        let mut settling = settling.unwrap();
        while settling.step().unwrap_or(false) {}
        settling.finish().unwrap();
        found.extend(listing.next().map(|row| row.unwrap().id));
    }
    found.extend(listing.map(|row| row.unwrap().id));
    assert_eq!(found, wanted);
    assert!(store.status().problems.is_empty(), "{:?}", store.status().problems);
}

#[test]
fn a_search_for_what_is_nowhere_rules_all_settled_groups_out() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    settle_all(dir.path());
    let store = Store::read_only(dir.path()).unwrap();
    let (catalogue, hints) = (store.shared.catalogue(), crate::text::hints::TextHints::default());
    let may_have = |text: &str| {
        let groups = catalogue.groups.iter();
        groups.filter(|group| hints.of(&store.shared.log, &catalogue, group).may_have(text)).count()
    };
    assert_eq!((may_have("STOCK"), may_have("zebra")), (catalogue.groups.len(), 0));
}

#[test]
fn a_damaged_segment_is_not_settled_so_that_its_damage_stays_known() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..100);
    writer.close().unwrap();
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[6000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = Store::read_only(dir.path()).unwrap();
    store.shared.sealing.closed(u64::MAX);
    let mut settling = Settling::begin(&store.shared, &[]).unwrap().unwrap();
    let mut stuck = false;
    while !stuck {
        stuck = settling.step().is_err();
    }
    settling.discard();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!path.with_extension("tmp").exists());
}

#[test]
fn any_flipped_bit_of_a_settled_segment_is_named_and_never_served() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    settle_all(dir.path());
    let path = segments(dir.path()).remove(1);
    let whole = fs::read(&path).unwrap();
    let was = rows(&Store::read_only(dir.path()).unwrap());
    for at in (0..whole.len()).step_by(97) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let Ok(found) = verify(dir.path(), &mut |_| {}) else { continue };
        assert!(!found.damaged.is_empty(), "byte {at} of {}", whole.len());
        let store = Store::read_only(dir.path()).unwrap();
        for row in rows(&store) {
            assert!(was.contains(&row), "byte {at}");
        }
    }
    fs::write(&path, &whole).unwrap();
    // Without its directory, too, the segment is read.
    fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let store = Store::read_only(dir.path()).unwrap();
    assert_eq!(rows(&store), was);
    assert_eq!(store.status().problems.len(), 1);
}

#[test]
fn power_lost_at_any_moment_of_settling_costs_nothing() {
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let disk = Faulty::default();
        let (shared, mut writer, _) =
            on_storage(dir.path(), Arc::new(disk.clone()), small()).unwrap();
        append_all(&mut writer, 0..60);
        writer.close().unwrap();
        drop(shared);
        let shared =
            crate::store::open::reading_from(&dir.path().into(), Arc::new(disk.clone())).unwrap();
        shared.sealing.closed(u64::MAX);
        let mut left = steps;
        while left > 0
            && let Some(settling) = Settling::begin(&shared, &[])
        {
            let mut settling = settling.unwrap();
            while left > 0 && settling.step().unwrap_or(false) {
                left -= 1;
            }
            if left > 0 {
                left -= 1;
                settling.finish().unwrap();
            }
        }
        drop(shared);
        disk.lose_power();
        let (shared, writer, recovery) =
            on_storage(dir.path(), Arc::new(disk.clone()), small()).unwrap();
        assert_eq!((recovery.stored, recovery.lost), (60, 0), "{steps} steps");
        holds(&Store { shared }, 0..60);
        drop(writer);
        if left > 0 {
            assert!(steps > 5);
            break;
        }
    }
}

#[test]
fn once_settled_an_exchange_that_was_written_twice_takes_no_more_memory_than_others() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    for n in 0..100 {
        append(&mut writer, &open_row(n)).unwrap();
    }
    append_all(&mut writer, 100..200);
    append_all(&mut writer, (0..100).filter(|n| n % 10 > 0));
    let was = rows(&store);
    assert_eq!((was.len(), store.shared.catalogue().tracked()), (200, 100));
    writer.close().unwrap();
    drop(store);
    for known in [100, 10] {
        let store = Store::read_only(dir.path()).unwrap();
        let catalogue = store.shared.catalogue();
        // Those of which nothing more came are still marked as open.
        assert_eq!((catalogue.tracked(), catalogue.open_ids().count()), (known, 10));
        assert_eq!((rows(&store), catalogue.stored), (was.clone(), 200));
        settle_all(dir.path());
    }
    let (store, writer, recovery) = open(dir.path());
    assert_eq!((recovery.stored, recovery.open, recovery.lost), (200, 10, 0));
    assert_eq!((rows(&store), store.shared.catalogue().tracked()), (was, 10));
    writer.close().unwrap();
}
