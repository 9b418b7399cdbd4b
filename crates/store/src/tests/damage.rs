//! Bits that flip at rest: the block that has them is left out and told of, the others are served.

use std::fs;

use wayside_exchange::Half;

use super::support::*;
use crate::block::{BlockHeader, HEADER, Kind};
use crate::segment;
use crate::{Order, Store, verify};

/// The offsets of the blocks in a segment's file, with their headers.
fn blocks(bytes: &[u8]) -> Vec<(usize, BlockHeader)> {
    let mut blocks = Vec::new();
    let base = segment::SegmentHeader::decode(bytes).unwrap().base;
    let mut at = segment::start_of(base) as usize;
    while let Some(header) = BlockHeader::decode(&bytes[at..]) {
        blocks.push((at, header));
        at += header.len() as usize;
    }
    blocks
}

#[test]
fn damage_stays_in_its_block() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open_in_one(dir.path());
    for start in [0, 10, 20] {
        append_all(&mut writer, start..start + 10);
    }
    drop(writer);
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let blocks = blocks(&whole);
    assert_eq!(blocks.len(), 6);
    for (at, header) in &blocks[2..4] {
        for at in [at + 9, at + HEADER + header.stored as usize / 2] {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, &changed).unwrap();
            let found = verify(dir.path(), &mut |_| {}).unwrap();
            assert!(!found.damaged.is_empty());
            assert_eq!(found.damaged[0].segment, path);
            let store = Store::read_only(dir.path()).unwrap();
            let listed = ids(&store, Order::OldestFirst);
            if header.kind == Kind::Summary {
                assert_eq!(listed, (0..10).chain(20..30).map(id).collect::<Vec<_>>());
            } else {
                assert_eq!(listed, (0..30).map(id).collect::<Vec<_>>());
                assert!(store.exchange(id(15)).is_err(), "damaged heads are never served");
            }
            for n in [9, 20] {
                assert_eq!(body(&store, id(n), Half::Response), body_of(n));
            }
            let problems = store.status().problems;
            assert!(problems[0].contains("is damaged"), "{problems:?}");
        }
    }
}

#[test]
fn a_damaged_piece_is_an_error_and_never_wrong_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open_in_one(dir.path());
    let piece = b"a piece of a long body".repeat(50);
    let extents = [writer.append_piece(id(1), Half::Response, &piece).unwrap()];
    let summary = row(1);
    let record = crate::NewRecord {
        summary: &summary,
        request: message(b"GET / HTTP/1.1\r\n\r\n", &[], &[], &[]),
        informed: &[],
        response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", &extents, &[], &[])),
        sealed: b"",
    };
    writer.append(&record).unwrap();
    drop(writer);
    let path = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[segment::start_of(0) as usize + HEADER + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = Store::read_only(dir.path()).unwrap();
    let mut reader = store.body(id(1), Half::Response).unwrap().unwrap();
    assert!(std::io::Read::read_to_end(&mut reader, &mut Vec::new()).is_err());
    assert_eq!(verify(dir.path(), &mut |_| {}).unwrap().damaged.len(), 1);
}

#[test]
fn a_later_format_is_said_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer, _) = open_in_one(dir.path());
    append_all(&mut writer, [1]);
    drop(writer);
    let path = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let header = segment::SegmentHeader::decode(&bytes).unwrap();
    let header = segment::SegmentHeader { version: segment::VERSION + 1, ..header }.encode();
    bytes[..header.len()].copy_from_slice(&header);
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(dir.path(), small()).err().unwrap();
    assert!(error.to_string().contains("has format version 5, and this program reads up to 4"));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
