//! A copy made beside a recorder opens by itself, and the next one takes up what is new.

use std::fs;

use super::support::*;
use crate::store::pins::Pin;
use crate::{Store, StoreError, backup, verify};

#[test]
fn a_copy_made_beside_a_writer_holds_what_was_written_and_opens_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..100);
    writer.close().unwrap();
    settle_all(dir.path());
    fs::create_dir(dir.path().join("keys")).unwrap();
    fs::write(dir.path().join("keys/sealing.key"), [7; 32]).unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 100..150);
    store.pin(Pin { filter: "client:key:3".to_owned(), since: START }).unwrap();
    writer.tallies().next().keep(60).unwrap();
    let made = backup(dir.path(), target.path(), false, &mut |_| {}).unwrap();
    assert_eq!((made.exchanges, made.unchanged, made.dropped), (150, 0, 0));
    assert!(made.linked > 3 && made.copied >= 1, "{made:?}");
    append_all(&mut writer, 150..160);

    let copied = Store::read_only(target.path()).unwrap();
    holds(&copied, 0..150);
    assert_eq!(copied.pins().unwrap().len(), 1);
    let found = verify(target.path(), &mut |_| {}).unwrap();
    assert_eq!((found.exchanges, found.lost, found.damaged), (150, 0, vec![]));
    assert!(!target.path().join("keys").exists());
    let (store, other, recovery) = open(target.path());
    assert_eq!((recovery.stored, recovery.lost, recovery.torn_bytes), (150, 0, 0));
    holds(&store, 0..150);
    let refused = backup(dir.path(), target.path(), false, &mut |_| {});
    assert!(matches!(refused, Err(StoreError::Locked { .. })), "somebody records into it");
    other.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn a_later_copy_takes_up_what_is_new_and_drops_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..100);
    writer.close().unwrap();
    settle_all(dir.path());
    let first = backup(dir.path(), target.path(), true, &mut |_| {}).unwrap();
    assert_eq!(first.linked, first.segments);
    assert!(!target.path().join("keys").join("sealing.key").exists(), "there are none");
    let (_, mut writer, _) = open(dir.path());
    append_all(&mut writer, 100..150);
    writer.close().unwrap();
    let second = backup(dir.path(), target.path(), false, &mut |_| {}).unwrap();
    assert_eq!((second.exchanges, second.unchanged), (150, first.segments));
    let oldest = segments(dir.path()).remove(0);
    fs::remove_file(&oldest).unwrap();
    let third = backup(dir.path(), target.path(), false, &mut |_| {}).unwrap();
    assert_eq!((third.segments, third.dropped), (second.segments - 1, 1));
    let gone = 150 - third.exchanges;
    holds(&Store::read_only(target.path()).unwrap(), gone..150);
    let itself = backup(dir.path(), dir.path(), false, &mut |_| {});
    assert!(matches!(itself, Err(StoreError::IntoItself { .. })));
}
