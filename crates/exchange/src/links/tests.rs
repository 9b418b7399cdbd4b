//! Whose an exchange is by its links: for good, on one connection, split off, and labelled.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
use super::*;

fn link(name: &str, client: &str) -> Link {
    Link {
        name: name.to_owned(),
        client: client.to_owned(),
        kind: LinkKind::Token,
        confidence: 97,
        connection: None,
        from: ExchangeId(0),
        until: None,
        proof: ExchangeId(1),
    }
}

fn on(connection: u64, from: u64, until: Option<u64>, link: Link) -> Link {
    let until = until.map(ExchangeId);
    Link { connection: Some(connection).filter(|&c| c > 0), from: ExchangeId(from), until, ..link }
}

#[test]
fn names_lead_on_to_the_client_that_they_belong_to_for_good() {
    let mut links = Links::default();
    assert_eq!(links.client_of("bearer:3", 1, ExchangeId(1)), "bearer:3");
    links.add(&link("bearer:2", "bearer:1"));
    links.add(&link("bearer:3", "bearer:2"));
    assert_eq!(links.client_of("bearer:3", 1, ExchangeId(1)), "bearer:1");
    let mut names = links.names_of("bearer:1").unwrap();
    names.sort_unstable();
    assert_eq!(names, ["bearer:1", "bearer:2", "bearer:3"]);
    assert_eq!(links.renamed("3").as_deref(), Some("bearer:1"));
    assert!(!links.add(&link("bearer:1", "bearer:3")));
    assert_eq!(links.client_of("bearer:3", 1, ExchangeId(1)), "bearer:1");
}

#[test]
fn a_link_holds_on_its_connection_and_while_it_says() {
    let mut links = Links::default();
    links.add(&on(7, 0, None, link("addr:a", "key:x")));
    links.add(&on(8, 50, Some(60), link("addr:a", "key:y")));
    let of = |connection, id| links.client_of("addr:a", connection, ExchangeId(id)).to_owned();
    assert_eq!(of(7, 1), "key:x");
    assert_eq!(of(8, 49), "addr:a");
    assert_eq!(of(8, 50), "key:y");
    assert_eq!(of(8, 60), "addr:a");
    assert_eq!(of(9, 55), "addr:a");
    links.add(&on(7, 0, None, link("addr:a", "addr:a")));
    assert_eq!(links.client_of("addr:a", 7, ExchangeId(1)), "addr:a");
    assert_eq!(links.names_of("key:x").unwrap_or_default(), ["key:x"]);
}

#[test]
fn a_name_that_is_split_off_is_itself_until_it_is_joined_again() {
    let mut links = Links::default();
    links.add(&link("bearer:2", "bearer:1"));
    links.add(&link("bearer:3", "bearer:2"));
    assert!(links.split("bearer:2") && !links.split("bearer:2"));
    assert_eq!(links.client_of("bearer:3", 1, ExchangeId(1)), "bearer:2");
    assert!(links.rejoin("bearer:2"));
    assert_eq!(links.client_of("bearer:3", 1, ExchangeId(1)), "bearer:1");
}

#[test]
fn a_label_stands_for_all_names_of_its_clients() {
    let mut links = Links::default();
    links.add(&link("key:new", "key:old"));
    let label = |name: &str, matching: &[&str]| Label {
        name: name.to_owned(),
        matching: matching.iter().map(|&text| text.to_owned()).collect(),
        ..Label::default()
    };
    links.relabel(vec![label("Acme", &["key:old"]), label("Users", &["bearer:u-*-x"])]);
    assert_eq!(links.client_of("key:new", 1, ExchangeId(1)), "Acme");
    assert_eq!(links.meaning("key:new"), "Acme");
    assert_eq!(links.client_of("bearer:u-17-x", 1, ExchangeId(1)), "Users");
    assert_eq!(links.client_of("bearer:u-x", 1, ExchangeId(1)), "bearer:u-x");
    let mut names = links.names_of("Acme").unwrap();
    names.sort_unstable();
    assert_eq!(names, ["key:new", "key:old"]);
    assert_eq!(links.names_of("Users"), None);
}

#[test]
fn what_holds_for_a_while_is_bounded() {
    let mut links = Links::default();
    for n in 1..=MOST_SCOPED as u64 + 10 {
        links.add(&on(n, 0, None, link("addr:a", "key:x")));
    }
    assert_eq!(links.folded(), 10);
    assert_eq!(links.client_of("addr:a", 10, ExchangeId(1)), "addr:a");
    assert_eq!(links.client_of("addr:a", 11, ExchangeId(1)), "key:x");
}

#[test]
fn a_name_that_is_forgotten_leaves_nothing() {
    let mut links = Links::default();
    links.add(&link("bearer:2", "bearer:1"));
    links.add(&on(7, 0, None, link("addr:a", "bearer:1")));
    assert!(links.forget("bearer:1"));
    assert_eq!(links.iter().count(), 0);
    assert_eq!(links.client_of("addr:a", 7, ExchangeId(1)), "addr:a");
}
