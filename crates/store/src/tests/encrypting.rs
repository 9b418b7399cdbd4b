//! A store that is encrypted: nothing of what was recorded is in its files, all of it is there with the key,
//! and nothing at all without.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wayside_exchange::{Half, Summary};

use super::support::*;
use crate::block::{BlockHeader, SEALED_HEADER};
use crate::keeper::Keeping;
use crate::seal::SealingKey;
use crate::segment::SegmentHeader;
use crate::settle::Settling;
use crate::storage::disk::Disk;
use crate::store::open::kept_by;
use crate::store::pins::Pin;
use crate::{Encryption, Location, NewRecord, Options, Store, StoreError, Writer, backup, verify};

fn encrypted() -> Options {
    Options { encryption: Encryption::On, ..small() }
}

/// Makes the key where stores look for it.
fn make_key(dir: &Path) {
    SealingKey::open_or_create(&dir.join("keys")).unwrap();
}

/// Every file below a folder, but for keys.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| !path.ends_with("keys"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// The files below a folder that hold any of what was recorded.
fn telling(dir: &Path) -> Vec<PathBuf> {
    let ids = [id(5).0.to_le_bytes(), id(5).0.to_be_bytes()];
    let mut needles: Vec<&[u8]> = vec![b"CANARY", b"canary", b"out of stock", b"shop.example"];
    needles.extend(ids.iter().map(<[u8; 8]>::as_slice));
    let client = crc32c::crc32c(b"key:CANARY-client").to_le_bytes();
    needles.push(&client);
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        needles.iter().any(|needle| memchr::memmem::find(&bytes, needle).is_some())
    };
    files(dir).into_iter().filter(holds).collect()
}

fn telling_row(n: u64) -> Summary {
    Summary {
        client: "key:CANARY-client".to_owned(),
        target: format!("/CANARY-target/{n}"),
        ..row(n)
    }
}

/// Appends exchanges that tell something wherever that can be, one with a long body.
fn append_telling(writer: &mut Writer) {
    for n in 0..60 {
        let summary = telling_row(n);
        let piece = b"CANARY-piece ".repeat(500);
        let pieces = [writer.append_piece(summary.id, Half::Response, &piece).unwrap()];
        let request = b"GET / HTTP/1.1\r\nX-Canary: CANARY-head\r\n\r\n";
        writer
            .append(&NewRecord {
                summary: &summary,
                request: message(request, &[], &[&b"CANARY-body"[..]], &[]),
                informed: &[],
                response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &pieces, &[], &[])),
                sealed: b"",
            })
            .unwrap();
        append(writer, &row(n + 1000)).unwrap();
    }
    writer.sync().unwrap();
}

/// Settles all that can be in a store that is open for writing.
fn settle(dir: &Path, options: Options) -> usize {
    let disk = Arc::new(Disk::existing(&dir.join("segments")));
    let (shared, writer, _) = kept_by(&dir.into(), disk, options, |_| Keeping::none()).unwrap();
    let mut settled = 0;
    while let Some(settling) = Settling::begin(&shared, &[]) {
        let mut settling = settling.unwrap();
        while settling.step().unwrap() {}
        settling.finish().unwrap();
        settled += 1;
    }
    writer.close().unwrap();
    settled
}

#[test]
fn nothing_of_what_was_recorded_is_in_any_file_and_all_of_it_comes_back_with_the_key() {
    let dir = tempfile::tempdir().unwrap();
    make_key(dir.path());
    let (store, mut writer, _) = Store::open(dir.path(), encrypted()).unwrap();
    append_telling(&mut writer);
    store.pin(Pin { filter: "client:key:CANARY-client".to_owned(), since: START }).unwrap();
    assert_eq!(telling(dir.path()), Vec::<PathBuf>::new(), "raw");
    writer.close().unwrap();
    drop(store);
    let check = |dir: &Path| {
        assert_eq!(telling(dir), Vec::<PathBuf>::new());
        let store = Store::read_only(dir).unwrap();
        let found = rows(&store);
        assert_eq!(found.len(), 120);
        assert_eq!(found[5], telling_row(5));
        assert_eq!(body(&store, id(5), Half::Request), b"CANARY-body");
        assert_eq!(body(&store, id(5), Half::Response), b"CANARY-piece ".repeat(500));
        assert_eq!(body(&store, id(1005), Half::Response), body_of(1005));
        assert_eq!(store.pins().unwrap().len(), 1);
        let found = verify(dir, &mut |_| {}).unwrap();
        assert_eq!((found.exchanges, found.damaged.len()), (120, 0));
        assert_eq!(found.encrypted, found.segments);
    };
    check(dir.path());
    assert!(settle(dir.path(), encrypted()) > 2);
    check(dir.path());
    // A search goes by the text filter.
    let store = Store::read_only(dir.path()).unwrap();
    let wanted = wayside_exchange::filter::Filter::parse("\"canary-head\"", START).unwrap();
    assert_eq!(store.find(wanted, crate::Order::OldestFirst).count(), 60);
    let copy = tempfile::tempdir().unwrap();
    backup(dir.path(), copy.path(), true, &mut |_| {}).unwrap();
    check(copy.path());
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    crate::rebuild(dir.path(), &mut |_| {}).unwrap();
    check(dir.path());
}

#[test]
fn without_its_key_or_with_another_an_encrypted_store_is_not_opened_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    make_key(dir.path());
    let (_, mut writer, _) = Store::open(dir.path(), encrypted()).unwrap();
    append_telling(&mut writer);
    writer.close().unwrap();
    let own = Location::from(dir.path()).key();
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = elsewhere.path().join("kept.key");
    fs::rename(&own, &kept).unwrap();
    for settled in [false, true] {
        let missing = Store::read_only(dir.path()).err().unwrap();
        assert!(matches!(&missing, StoreError::Encrypted { key, .. } if *key == own), "{missing}");
        let missing = Store::open(dir.path(), small()).err().unwrap();
        assert!(matches!(missing, StoreError::Encrypted { .. }), "{missing}");
        SealingKey::open_or_create_file(&own).unwrap();
        for error in [
            Store::read_only(dir.path()).err(),
            Store::open(dir.path(), small()).err(),
            verify(dir.path(), &mut |_| {}).err(),
            backup(dir.path(), &dir.path().join("copy"), false, &mut |_| {}).err(),
        ] {
            assert!(matches!(error, Some(StoreError::OtherKey { .. })), "{error:?}");
        }
        fs::remove_file(&own).unwrap();
        let location = Location { dir: dir.path().to_owned(), key_file: Some(kept.clone()) };
        assert_eq!(rows(&Store::read_only(&location).unwrap()).len(), 120);
        if !settled {
            fs::copy(&kept, &own).unwrap();
            settle(dir.path(), encrypted());
            fs::remove_file(&own).unwrap();
        }
    }
}

#[test]
fn it_stays_encrypted_unless_that_is_turned_off_and_what_was_in_clear_follows_when_it_is_turned_on()
{
    let dir = tempfile::tempdir().unwrap();
    make_key(dir.path());
    let (_, mut writer, _) = Store::open(dir.path(), small()).unwrap();
    append_telling(&mut writer);
    writer.close().unwrap();
    settle(dir.path(), small());
    assert!(!telling(dir.path()).is_empty());
    // The index is encrypted at once; segments follow.
    assert!(settle(dir.path(), encrypted()) > 2);
    assert_eq!(telling(dir.path()), Vec::<PathBuf>::new());
    let (store, mut writer, _) = Store::open(dir.path(), small()).unwrap();
    append_all(&mut writer, 2000..2010);
    assert_eq!(rows(&store).len(), 130);
    writer.close().unwrap();
    drop(store);
    assert_eq!(telling(dir.path()), Vec::<PathBuf>::new(), "as before");
    let off = Options { encryption: Encryption::Off, ..small() };
    let (store, mut writer, _) = Store::open(dir.path(), off).unwrap();
    append_all(&mut writer, 3000..3010);
    assert_eq!(rows(&store).len(), 140);
    writer.close().unwrap();
    settle(dir.path(), off);
    assert_eq!(telling(dir.path()).len(), 1, "only what was recorded since");
    assert_eq!(rows(&Store::read_only(dir.path()).unwrap()).len(), 140);
}

#[test]
fn any_changed_byte_of_an_encrypted_segment_costs_its_block_and_is_named() {
    for settled in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        make_key(dir.path());
        let (_, mut writer, _) = Store::open(dir.path(), encrypted()).unwrap();
        append_all(&mut writer, 0..60);
        writer.close().unwrap();
        if settled {
            settle(dir.path(), encrypted());
        }
        let path = segments(dir.path()).remove(0);
        let whole = fs::read(&path).unwrap();
        for n in (4096..whole.len()).step_by(41) {
            let mut changed = whole.clone();
            changed[n] ^= 0x10;
            fs::write(&path, &changed).unwrap();
            let store = Store::read_only(dir.path()).unwrap();
            for found in rows(&store) {
                assert_eq!(found, row(number_of(found.id)));
            }
            assert!(!verify(dir.path(), &mut |_| {}).unwrap().damaged.is_empty(), "byte {n}");
        }
    }
}

#[test]
fn no_nonce_is_used_twice_whatever_crashes_or_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    make_key(dir.path());
    // By salt and nonce, the header that was encrypted with them.
    let mut seen: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut look = |dir: &Path| {
        for path in segments(dir) {
            let bytes = fs::read(&path).unwrap();
            let header = SegmentHeader::decode(&bytes).unwrap();
            let salt = header.envelope.unwrap().salt;
            for at in memchr::memmem::find_iter(&bytes, &crate::block::MAGIC) {
                let Some(block) = bytes.get(at..at + SEALED_HEADER) else { continue };
                let key = [&salt, &block[4..16]].concat();
                let known = seen.entry(key).or_insert_with(|| block.to_vec());
                assert_eq!(known, block, "one nonce, two headers");
            }
        }
        seen.len()
    };
    let mut looked = 0;
    for round in 0..5 {
        let (_, mut writer, _) = Store::open(dir.path(), encrypted()).unwrap();
        append_all(&mut writer, round * 100..round * 100 + 60);
        look(dir.path());
        // As a crash leaves it: the end of the last block is missing, and others follow it.
        drop(writer);
        let last = segments(dir.path()).pop().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&last).unwrap();
        file.set_len(file.metadata().unwrap().len() - 7).unwrap();
        if round % 2 == 1 {
            settle(dir.path(), encrypted());
        }
        looked = look(dir.path());
    }
    assert!(looked > 50, "{looked}");
    assert!(BlockHeader::read(&[0; SEALED_HEADER], None).is_none());
}
