//! Power loss and kill: whatever the last write left, everything before it is there.

use std::fs;
use std::sync::Arc;

use super::support::*;
use crate::block::HEADER;
use crate::storage::faulty::Faulty;
use crate::store::open::on_storage;
use crate::{Store, verify};

/// A store with one group more than `keep`, and where that group begins in the last segment.
fn written() -> (tempfile::TempDir, u64) {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..25);
    append_all(&mut writer, 25..30);
    let before = segments(dir.path()).last().unwrap().metadata().unwrap().len();
    append_all(&mut writer, 30..33);
    drop(writer);
    (dir, before)
}

/// Every place within a block's header, and some of those behind it.
fn places(from: usize, to: usize) -> impl Iterator<Item = usize> {
    (from..to).filter(move |at| at - from < HEADER || to - at < 200 || at % 41 == 0)
}

#[test]
fn a_write_that_was_cut_anywhere_costs_only_itself() {
    let (dir, before) = written();
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for len in places(before as usize, whole.len()) {
        fs::write(&path, &whole[..len]).unwrap();
        holds(&Store::read_only(dir.path()).unwrap(), 0..30);
        let (store, mut writer, recovery) = open(dir.path());
        assert_eq!(recovery.torn_bytes, len as u64 - before);
        assert_eq!(recovery.stored, 30);
        append_all(&mut writer, [40]);
        holds(&store, (0..30).chain([40]));
        assert!(store.status().problems.is_empty(), "{:?}", store.status().problems);
        drop(writer);
    }
}

#[test]
fn a_write_of_which_any_byte_is_wrong_costs_only_itself() {
    let (dir, before) = written();
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for at in places(before as usize, whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        fs::write(&path, &changed).unwrap();
        let (store, writer, recovery) = open(dir.path());
        assert!(recovery.torn_bytes > 0);
        holds(&store, 0..30);
        drop(writer);
    }
}

#[test]
fn exchanges_that_a_crash_cost_are_counted_once_and_kept_in_mind() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..10);
    let tally = writer.tallies().next();
    tally.keep(10).unwrap();
    writer.close().unwrap();
    let (_, mut writer, recovery) = open(dir.path());
    assert_eq!(recovery.lost, 0);
    append(&mut writer, &open_row(10)).unwrap();
    append_all(&mut writer, 10..15);
    writer.tallies().next().keep(12).unwrap();
    assert_eq!(verify(dir.path(), &mut |_| {}).unwrap().lost, 0, "they may still come");
    copy(dir.path(), crashed.path());
    assert_eq!(verify(crashed.path(), &mut |_| {}).unwrap().lost, 7);
    let (_, writer, recovery) = open(crashed.path());
    assert_eq!(recovery.lost, 7);
    drop(writer);
    let (_, writer, recovery) = open(crashed.path());
    assert_eq!(recovery.lost, 0);
    writer.close().unwrap();
    assert_eq!(verify(crashed.path(), &mut |_| {}).unwrap().lost, 7);
}

#[test]
fn what_was_said_to_be_durable_survives_a_power_loss() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let mut durable = 0;
    for round in 0..8 {
        let (shared, mut writer, recovery) =
            on_storage(dir.path(), Arc::new(disk.clone()), small()).unwrap();
        assert_eq!(recovery.stored, durable);
        append_all(&mut writer, durable..durable + 70);
        writer.sync().unwrap();
        durable += 70;
        append_all(&mut writer, durable..durable + 10 * round);
        assert_eq!(shared.status().durable_through, Some(id(durable - 1)));
        disk.lose_power();
        std::mem::forget(writer);
        fs::remove_file(dir.path().join("lock")).unwrap();
        fs::remove_dir_all(dir.path().join("index")).unwrap();
    }
}
