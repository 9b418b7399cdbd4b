//! Closing, opening again, beside others, and without an index.

use std::fs;

use wayside_exchange::ExchangeId;
use wayside_exchange::Micros;

use super::support::*;
use crate::{Store, StoreError, rebuild, verify};

#[test]
fn a_store_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (store, writer, recovery) = open(dir.path());
    assert_eq!((recovery.newest, recovery.lost, recovery.torn_bytes), (ExchangeId(0), 0, 0));
    assert_eq!(store.status().recorded_through, None);
    drop(writer);
    for round in 0..5 {
        let (store, mut writer, recovery) = open(dir.path());
        assert_eq!(recovery.stored, round * 100);
        append_all(&mut writer, round * 100..(round + 1) * 100);
        if round % 2 == 0 {
            writer.close().unwrap();
        }
        holds(&store, 0..(round + 1) * 100);
    }
    let (_, _writer, recovery) = open(dir.path());
    assert_eq!((recovery.newest, recovery.last_connection), (id(499), 499 / 3));
}

#[test]
fn a_second_writer_is_told_who_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, writer, _) = open(dir.path());
    let error = Store::open(dir.path(), small()).err().unwrap();
    let StoreError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(*holder, Some(std::process::id()));
    assert!(error.to_string().contains(&format!("by process {}", std::process::id())));
    drop(writer);
    assert!(Store::open(dir.path(), small()).is_ok());
}

#[test]
fn a_reader_beside_the_writer_sees_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Store::read_only(dir.path().join("none")).is_err());
    let (_store, mut writer, _) = open(dir.path());
    let reader = Store::read_only(dir.path()).unwrap();
    let another = Store::read_only(dir.path()).unwrap();
    for round in 0..6 {
        append_all(&mut writer, round * 100..(round + 1) * 100);
        holds(&reader, 0..(round + 1) * 100);
    }
    holds(&another, 0..600);
    assert_eq!(another.status().recorded_through, Some(id(599)));
    assert!(another.status().segments > 1);
}

#[test]
fn what_waits_is_written_by_the_ticks_and_synced_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let at = |ms: u64| START.plus(Micros(ms * 1000));
    writer.tick(at(0)).unwrap();
    append(&mut writer, &row(1)).unwrap();
    assert_eq!(store.status().recorded_through, None);
    writer.tick(at(100)).unwrap();
    assert_eq!(store.status().recorded_through, Some(id(1)));
    append(&mut writer, &row(2)).unwrap();
    for ms in (200..=1100).step_by(100) {
        writer.tick(at(ms)).unwrap();
    }
    assert_eq!(store.status().recorded_through, Some(id(2)));
    writer.sync().unwrap();
    assert_eq!(store.status().durable_through, Some(id(2)));
    holds(&store, [1, 2]);
}

#[test]
fn an_index_that_is_gone_damaged_or_of_another_store_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, recovery) = open(dir.path());
    assert!(!recovery.rebuilt);
    append_all(&mut writer, 0..300);
    writer.close().unwrap();
    let index = dir.path().join("index");
    let check = |rebuilt| {
        let (store, writer, recovery) = open(dir.path());
        assert_eq!(recovery.rebuilt, rebuilt);
        holds(&store, 0..300);
        drop(store);
        drop(writer);
    };
    check(false);
    fs::remove_dir_all(&index).unwrap();
    check(true);
    for file in ["conf", "db"] {
        fs::write(index.join(file), b"garbage, and a good deal of it".repeat(100)).unwrap();
        check(true);
    }
    fs::remove_dir_all(&index).unwrap();
    fs::write(&index, b"a file").unwrap();
    check(true);
    let mut calls = 0;
    rebuild(dir.path(), &mut |_| calls += 1).unwrap();
    assert!(calls > 1);
    check(false);
    let other = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(other.path());
    append_all(&mut writer, 500..800);
    writer.close().unwrap();
    fs::remove_dir_all(&index).unwrap();
    copy(&other.path().join("index"), &index);
    check(true);
}

#[test]
fn verify_counts_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append(&mut writer, &open_row(7)).unwrap();
    append(&mut writer, &open_row(8)).unwrap();
    append_all(&mut writer, 0..8);
    writer.append_piece(id(9), wayside_exchange::Half::Request, b"piece").unwrap();
    writer.flush().unwrap();
    let mut last = None;
    let found = verify(dir.path(), &mut |progress| last = Some(progress)).unwrap();
    assert_eq!((found.exchanges, found.open, found.pieces), (9, 1, 1));
    assert_eq!((found.damaged.len(), found.lost, found.torn_bytes), (0, 0, 0));
    assert!(last.is_some_and(|progress| progress.done == progress.total));
}
