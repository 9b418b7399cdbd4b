//! Links that are written come back, whole or as far as they are.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::fs::OpenOptions;

use wayside_exchange::{ExchangeId, LinkKind};

use super::*;
use crate::seal::SealingKey;

fn vault(dir: &Path) -> Arc<Vault> {
    SealingKey::open_or_create(&dir.join("keys")).unwrap();
    Arc::new(Vault::of(&dir.into()))
}

fn link(name: &str, connection: Option<u64>) -> Link {
    Link {
        name: name.to_owned(),
        client: "key:000000000001".to_owned(),
        kind: LinkKind::Connection,
        confidence: 90,
        connection,
        from: ExchangeId(0),
        until: None,
        proof: ExchangeId(77),
    }
}

fn all(links: &Links) -> Vec<Link> {
    let mut all: Vec<Link> = links.iter().collect();
    all.sort_by(|a, b| (&a.name, a.connection).cmp(&(&b.name, b.connection)));
    all
}

#[test]
fn links_splits_and_labels_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (linking, problem) = Linking::open(dir.path(), &vault(dir.path()), true).unwrap();
    assert_eq!(problem, None);
    let found = [link("addr:a", Some(5)), link("bearer:b", None)];
    linking.add(&found);
    linking.write().unwrap();
    linking.set_apart("bearer:b", true).unwrap();
    let label =
        Label { name: "Acme".into(), matching: vec!["key:*".into()], star: true, group: None };
    linking.relabel(vec![label.clone()]).unwrap();
    for _ in 0..2 {
        let again = Linking::read_only(dir.path(), &vault(dir.path())).unwrap();
        let links = again.now();
        assert_eq!(all(&links), found);
        assert!(links.is_apart("bearer:b"));
        assert_eq!(links.labels(), std::slice::from_ref(&label));
        assert_eq!(links.client_of("addr:a", 5, ExchangeId(9)), "Acme");
        let written = fs::read(path_in(dir.path())).unwrap();
        assert!(!written.windows(6).any(|part| part == b"bearer"), "it is encrypted");
        linking.write_anew().unwrap();
    }
}

#[test]
fn a_reader_learns_of_links_that_another_process_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (linking, _) = Linking::open(dir.path(), &vault(dir.path()), true).unwrap();
    let reader = Linking::read_only(dir.path(), &vault(dir.path())).unwrap();
    linking.add(&[link("addr:a", Some(5))]);
    linking.write().unwrap();
    reader.learn(dir.path()).unwrap();
    assert_eq!(reader.now().iter().count(), 1);
    linking.forget("key:000000000001").unwrap();
    reader.learn(dir.path()).unwrap();
    assert_eq!(reader.now().iter().count(), 0);
    linking.add(&[link("addr:b", Some(5))]);
    linking.write().unwrap();
    reader.learn(dir.path()).unwrap();
    assert_eq!(reader.now().iter().count(), 1);
}

#[test]
fn what_a_crash_tore_is_cut_and_what_came_before_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (linking, _) = Linking::open(dir.path(), &vault(dir.path()), false).unwrap();
    linking.add(&[link("addr:a", Some(5)), link("addr:b", Some(6))]);
    linking.write().unwrap();
    drop(linking);
    let file = OpenOptions::new().write(true).open(path_in(dir.path())).unwrap();
    file.set_len(file.metadata().unwrap().len() - 3).unwrap();
    let (linking, problem) = Linking::open(dir.path(), &vault(dir.path()), false).unwrap();
    assert_eq!(problem, None);
    assert_eq!(all(&linking.now()), [link("addr:a", Some(5))]);
    linking.add(&[link("addr:c", Some(7))]);
    linking.write().unwrap();
    let again = Linking::read_only(dir.path(), &vault(dir.path())).unwrap();
    assert_eq!(all(&again.now()), [link("addr:a", Some(5)), link("addr:c", Some(7))]);
}

#[test]
fn kinds_keep_the_numbers_by_which_they_were_written() {
    let numbers = [1, 2, 3, 4, 5, 8, 6, 7];
    assert_eq!(LinkKind::ALL.map(|kind| kind as u8), numbers);
    let dir = tempfile::tempdir().unwrap();
    let (linking, _) = Linking::open(dir.path(), &vault(dir.path()), false).unwrap();
    let of_kind = |kind| Link { kind, ..link(&format!("addr:{}", kind as u8), None) };
    linking.add(&LinkKind::ALL.map(of_kind));
    linking.write().unwrap();
    let again = Linking::read_only(dir.path(), &vault(dir.path())).unwrap();
    let kinds: Vec<u8> = all(&again.now()).iter().map(|link| link.kind as u8).collect();
    assert_eq!(kinds, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!((LinkKind::of_number(0), LinkKind::of_number(9)), (None, None));
}
