//! A store whose files were tampered with, raw and settled: it opens or says why not, what it serves is what was
//! recorded, and who opens it for writing can go on.
#![no_main]

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use wayside_exchange::filter::Filter;
use wayside_exchange::stored::Exchange;
use wayside_exchange::{ExchangeId, Half};
use wayside_fuzz::{START, append, row};
use wayside_store::{Options, Order, Store, verify};

const EXCHANGES: u64 = 80;

/// Whole stores, and what is in them.
struct Bases {
    /// Segment files by name: as recorded, and settled.
    stores: [Vec<(PathBuf, Vec<u8>)>; 2],
    known: HashMap<ExchangeId, (Exchange, [Vec<u8>; 2])>,
}

fuzz_target!(|input: (bool, bool, Option<u16>, Vec<(u32, u8)>)| {
    let (settled, write, cut, edits) = input;
    let bases = bases();
    let store = &bases.stores[usize::from(settled)];
    let folder = folder();
    fs::create_dir_all(folder.path().join("segments")).expect("a folder");
    let total: usize = store.iter().map(|(_, bytes)| bytes.len()).sum();
    for (place, (name, bytes)) in store.iter().enumerate() {
        let before: usize = store.iter().take(place).map(|(_, bytes)| bytes.len()).sum();
        let mut bytes = bytes.clone();
        for &(at, value) in &edits {
            let at = (at as usize % total).wrapping_sub(before);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= value;
            }
        }
        if let Some(cut) = cut.filter(|_| place + 1 == store.len()) {
            bytes.truncate(bytes.len().saturating_sub(usize::from(cut)));
        }
        fs::write(folder.path().join("segments").join(name), bytes).expect("it is written");
    }
    check(folder.path(), bases);
    let _ = verify(folder.path(), &mut |_| {});
    if write && let Ok((store, mut writer, _)) = Store::open(folder.path(), options()) {
        let before = store.status().stored;
        append(&mut writer, EXCHANGES).expect("a store that opened takes more");
        writer.flush().expect("it is written");
        assert_eq!(store.status().stored, before + 1);
    }
});

/// Whatever is served is what was recorded.
fn check(folder: &Path, bases: &Bases) {
    let Ok(store) = Store::read_only(folder) else { return };
    for row in store.find(Filter::all(), Order::OldestFirst) {
        let Ok(row) = row else { continue };
        let (exchange, bodies) = bases.known.get(&row.id).expect("a known exchange");
        assert_eq!(row, exchange.summary);
        if let Ok(Some(served)) = store.exchange(row.id) {
            assert_eq!(&served, exchange);
        }
        for (half, whole) in [Half::Request, Half::Response].into_iter().zip(bodies) {
            let Ok(Some(mut body)) = store.body(row.id, half) else { continue };
            let mut bytes = Vec::new();
            if body.read_to_end(&mut bytes).is_ok() {
                assert!(bytes == *whole, "a body differs");
            }
        }
    }
}

fn options() -> Options {
    Options { block_bytes: 8 << 10, segment_bytes: 64 << 10, ..Options::default() }
}

fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temporary folder")
}

fn bases() -> &'static Bases {
    static BASES: OnceLock<Bases> = OnceLock::new();
    BASES.get_or_init(|| {
        let folder = folder();
        let (store, mut writer, _) = Store::open(folder.path(), options()).expect("a store");
        for n in 0..EXCHANGES {
            append(&mut writer, n).expect("it is taken");
        }
        writer.sync().expect("it is written");
        let raw = segments(folder.path());
        let known = (0..EXCHANGES).map(|n| row(n).id).map(|id| (id, read(&store, id))).collect();
        // Settling is the keeper's, in its own time.
        let began = Instant::now();
        while segments(folder.path()) == raw && began.elapsed() < Duration::from_secs(60) {
            writer.tick(START).expect("a tick");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_secs(2));
        let settled = segments(folder.path());
        assert_ne!(settled, raw, "nothing was settled within a minute");
        drop(writer);
        Bases { stores: [raw, settled], known }
    })
}

fn segments(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder.join("segments")).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a segment");
        (path.file_name().expect("a name").into(), bytes)
    };
    paths.into_iter().map(read).collect()
}

fn read(store: &Store, id: ExchangeId) -> (Exchange, [Vec<u8>; 2]) {
    let exchange = store.exchange(id).expect("it is read").expect("it is there");
    let bodies = [Half::Request, Half::Response].map(|half| {
        let mut bytes = Vec::new();
        if let Some(mut body) = store.body(id, half).expect("it is read") {
            body.read_to_end(&mut bytes).expect("it is read");
        }
        bytes
    });
    (exchange, bodies)
}
