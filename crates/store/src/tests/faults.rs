//! Disks that fill up and fail: nothing corrupt remains, what can be kept is kept, and recording
//! goes on by itself.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use wayside_exchange::{ExchangeId, Half};

use super::support::*;
use crate::segment::number_of;
use crate::storage::Storage;
use crate::storage::faulty::{Faults, Faulty};
use crate::store::open::on_storage;
use crate::store::{Shared, Store};
use crate::{Options, StoreError, Writer};

fn begin(dir: &std::path::Path, disk: &Faulty) -> (Arc<Shared>, Store, Writer) {
    let (shared, writer, _) = on_storage(dir, Arc::new(disk.clone()), small()).unwrap();
    (shared.clone(), Store { shared }, writer)
}

#[test]
fn a_full_disk_stops_recording_only_and_only_while_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (_, store, mut writer) = begin(dir.path(), &disk);
    append_all(&mut writer, 0..20);
    let mut stored = 20;
    for room in [0, 1, 50, 300] {
        disk.set(Faults { room: Some(room), ..Faults::default() });
        for n in stored..stored + 20 {
            append(&mut writer, &row(n)).unwrap();
        }
        assert!(matches!(writer.flush(), Err(StoreError::Full { .. })));
        assert!(store.status().problems[0].contains("nothing can be recorded: no space left"));
        holds(&store, 0..stored);
        assert!(matches!(writer.tick(START), Err(StoreError::Full { .. })));
        disk.set(Faults::default());
        writer.tick(START).unwrap();
        assert!(store.status().problems.is_empty());
        stored += 20;
        holds(&store, 0..stored);
    }
    let files = disk.list().unwrap().into_iter().filter(|name| number_of(name).is_some());
    assert_eq!(files.count() as u64, store.status().segments);
}

#[test]
fn a_disk_that_takes_its_time_takes_none_of_recordings() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let options = Options::default();
    let (shared, mut writer, _) = on_storage(dir.path(), Arc::new(disk.clone()), options).unwrap();
    append_all(&mut writer, 0..20);
    let (held, is_held) = channel();
    let (go_on, asked) = channel::<()>();
    let busy = {
        let disk = disk.clone();
        thread::spawn(move || {
            let _hold = disk.hold();
            held.send(()).unwrap();
            asked.recv_timeout(Duration::from_secs(20)).is_ok()
        })
    };
    is_held.recv().unwrap();
    // More than is written at once, less than two of that.
    let piece = vec![b'x'; 120 << 10];
    for _ in 0..12 {
        writer.append_piece(id(500), Half::Request, &piece).unwrap();
    }
    append(&mut writer, &row(20)).unwrap();
    let _ = go_on.send(());
    assert!(busy.join().unwrap(), "recording waited for the disk");
    writer.flush().unwrap();
    holds(&Store { shared }, 0..21);
}

#[test]
fn records_are_refused_before_memory_grows() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (_, store, mut writer) = begin(dir.path(), &disk);
    append_all(&mut writer, 0..20);
    disk.set(Faults { room: Some(100), ..Faults::default() });
    let mut noise = vec![0; 60_000];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let mut taken = 0;
    let refused = (20..2000).find_map(|n| {
        let summary = row(n);
        let record = crate::NewRecord {
            summary: &summary,
            request: message(&noise, &[], &[], &[]),
            informed: &[],
            response: None,
            sealed: b"",
        };
        taken = n + 1;
        writer.append(&record).err()
    });
    assert!(matches!(refused, Some(StoreError::Full { .. })));
    assert!(taken < 400, "a few megabytes wait, no more");
    disk.set(Faults::default());
    writer.tick(START).unwrap();
    assert_eq!(rows(&store).len() as u64, taken - 1, "all that was taken is there");
}

#[test]
fn after_a_failed_write_a_new_segment_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (_, store, mut writer) = begin(dir.path(), &disk);
    append_all(&mut writer, 0..20);
    let pieces = [writer.append_piece(id(20), Half::Request, b"ahead").unwrap()];
    append(&mut writer, &row(21)).unwrap();
    disk.set(Faults { write_fails: true, ..Faults::default() });
    assert!(writer.flush().is_err(), "the new segment cannot be written either");
    holds(&store, 0..20);
    disk.set(Faults::default());
    writer.flush().unwrap();
    let summary = row(20);
    let record = crate::NewRecord {
        summary: &summary,
        request: message(b"PUT / HTTP/1.1\r\n\r\n", &pieces, &[], &[]),
        informed: &[],
        response: None,
        sealed: b"",
    };
    writer.append(&record).unwrap();
    writer.sync().unwrap();
    assert_eq!(body(&store, id(20), Half::Request), b"ahead");
    let files = disk.list().unwrap().into_iter().filter(|name| number_of(name).is_some());
    assert_eq!(files.count() as u64, store.status().segments);
    drop(writer);
    let (shared, writer, recovery) =
        on_storage(dir.path(), Arc::new(disk.clone()), small()).unwrap();
    assert_eq!((recovery.stored, recovery.torn_bytes), (22, 0));
    assert_eq!(body(&Store { shared }, id(20), Half::Request), b"ahead");
    drop(writer);
}

#[test]
fn after_a_failed_sync_the_bytes_are_written_anew_and_nothing_else_is_said_to_be_durable() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (shared, store, mut writer) = begin(dir.path(), &disk);
    append_all(&mut writer, 0..300);
    writer.sync().unwrap();
    assert_eq!(shared.status().durable_through, Some(id(299)));
    append_all(&mut writer, 300..900);
    disk.set(Faults { sync_fails: true, ..Faults::default() });
    assert!(writer.sync().is_err());
    assert_eq!(shared.status().durable_through, Some(id(299)));
    holds(&store, 0..900);
    disk.set(Faults::default());
    writer.tick(START).unwrap();
    writer.sync().unwrap();
    assert_eq!(shared.status().durable_through, Some(id(899)));
    holds(&store, 0..900);
    append_all(&mut writer, 900..910);
    drop(writer);
    disk.lose_power();
    let (shared, writer, recovery) =
        on_storage(dir.path(), Arc::new(disk.clone()), small()).unwrap();
    assert_eq!(recovery.newest, id(899));
    holds(&Store { shared: shared.clone() }, 0..900);
    assert!(shared.recorded() > ExchangeId(0));
    drop(writer);
}

#[test]
fn what_cannot_be_read_is_an_error_that_is_told_and_recording_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (_, store, mut writer) = begin(dir.path(), &disk);
    append_all(&mut writer, 0..200);
    writer.sync().unwrap();
    disk.set(Faults { read_fails: true, ..Faults::default() });
    let filter = wayside_exchange::filter::Filter::all();
    let mut listing = store.find(filter, crate::Order::OldestFirst);
    assert!(matches!(listing.next(), Some(Err(StoreError::Io { .. }))), "never a short list");
    assert!(listing.next().is_none());
    assert!(store.exchange(id(7)).is_err());
    append_all(&mut writer, 200..230);
    writer.sync().unwrap();
    let problems = store.status().problems;
    assert!(problems.iter().any(|problem| problem.contains("could not read")), "{problems:?}");
    assert!(on_storage_fails(dir.path(), &disk, writer));
    disk.set(Faults::default());
    let (_, store, _writer) = begin(dir.path(), &disk);
    holds(&store, 0..230);
}

/// Whether the store cannot be opened now.
fn on_storage_fails(dir: &std::path::Path, disk: &Faulty, writer: Writer) -> bool {
    drop(writer);
    matches!(on_storage(dir, Arc::new(disk.clone()), small()), Err(StoreError::Io { .. }))
}

#[test]
fn pins_and_books_that_cannot_be_written_are_told_and_stay_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let pin = |filter: &str| crate::Pin { filter: filter.to_owned(), since: START };
    store.pin(pin("client:key:1")).unwrap();
    append_all(&mut writer, 0..50);
    // Where another file is to be made there is a folder.
    let in_the_way = dir.path().join("pins.new");
    std::fs::create_dir(&in_the_way).unwrap();
    assert!(matches!(store.pin(pin("client:key:2")), Err(StoreError::Io { .. })));
    assert!(store.unpin(|_| true).is_err());
    assert_eq!(store.pins().unwrap(), [pin("client:key:1")]);
    std::fs::remove_dir(&in_the_way).unwrap();
    store.pin(pin("client:key:2")).unwrap();
    drop((store, writer));
    let in_the_way = dir.path().join("forwarded.tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    let refused = Store::open(dir.path(), small()).err().unwrap();
    assert!(refused.to_string().contains("forwarded.tmp"), "{refused}");
    std::fs::remove_dir(&in_the_way).unwrap();
    let (store, _writer, recovery) = open(dir.path());
    assert_eq!((recovery.stored, store.pins().unwrap().len()), (50, 2));
}

#[test]
fn an_index_that_goes_away_while_it_is_used_costs_nothing_but_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    append_all(&mut writer, 0..100);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    append_all(&mut writer, 100..200);
    holds(&store, 0..200);
    writer.close().unwrap();
    drop(store);
    let (store, _writer, recovery) = open(dir.path());
    assert_eq!(recovery.stored, 200);
    holds(&store, 0..200);
}
