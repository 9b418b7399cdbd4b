//! Whose an exchange is, scene by scene.

use wayside_exchange::{Evidence, ExchangeId};

use super::*;

/// Sees exchanges one after the other.
#[derive(Default)]
struct Scene {
    stitcher: Stitcher,
    links: Links,
    seen: Vec<(String, u64, u64)>,
    /// With whose session the next connection goes on.
    resumed: Option<u64>,
}

const A: &str = "aaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbb";
const C: &str = "cccccccccccc";

impl Scene {
    /// `words`: `KIND:TOKEN` of each piece of evidence; the address is `addr:HOST/x`.
    fn see(&mut self, id: u64, connection: u64, words: &[&str], status: u16) -> &mut Self {
        let evidence: Vec<Evidence> = words
            .iter()
            .filter_map(|word| {
                let (kind, token) = word.split_once(':')?;
                let kind = EvidenceKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
                Some(Evidence { kind, token: token.to_owned() })
            })
            .collect();
        let name = evidence.first().map(ToString::to_string).unwrap_or_default();
        let seen = Sighting {
            id: ExchangeId(id),
            at: Timestamp(id as i64 * 1_000_000),
            connection,
            resumed: self.resumed.take(),
            name: &name,
            evidence: &evidence,
            agent: 1,
            status: Some(status),
            relayed: false,
        };
        for link in self.stitcher.see(&seen, &self.links) {
            self.links.add(&link);
        }
        self.seen.push((name, connection, id));
        self
    }

    /// The next exchange comes on a connection that goes on with the session of `connection`.
    fn resuming(&mut self, connection: u64) -> &mut Self {
        self.resumed = Some(connection);
        self
    }

    /// The client of the exchange with this id.
    fn client(&self, id: u64) -> String {
        let found = self.seen.iter().find(|(_, _, seen)| *seen == id);
        let Some((name, connection, _)) = found else { return String::new() };
        self.links.client_of(name, *connection, ExchangeId(id)).to_owned()
    }

    fn clients(&self, ids: impl IntoIterator<Item = u64>) -> Vec<String> {
        ids.into_iter().map(|id| self.client(id)).collect()
    }
}

fn key(token: &str) -> String {
    format!("key:{token}")
}

fn bearer(token: &str) -> String {
    format!("bearer:{token}")
}

#[test]
fn a_key_that_took_anothers_place_is_known_though_its_next_exchange_was_seen_first() {
    let mut scene = Scene::default();
    scene.see(1, 7, &[&key(A)], 200);
    scene.see(2, 7, &[&key(A)], 401);
    scene.see(4, 8, &[&key(B)], 200);
    scene.see(3, 7, &[&key(B)], 200);
    assert_eq!(scene.clients([1, 2, 3, 4]), [key(A), key(A), key(A), key(A)]);
}

#[test]
fn what_comes_on_a_clients_connection_without_a_good_credential_is_its_own() {
    let mut scene = Scene::default();
    scene.see(1, 7, &["addr:h/x"], 401);
    scene.see(2, 7, &[&key(A), "addr:h/x"], 200);
    scene.see(3, 7, &[&key(B), "addr:h/x"], 401);
    scene.see(4, 7, &["addr:h/x"], 200);
    scene.see(5, 8, &["addr:other/x"], 401);
    assert_eq!(scene.clients(1..=4), vec![key(A); 4]);
    assert_eq!(scene.client(5), "addr:other/x");
}

#[test]
fn several_firm_credentials_on_one_connection_make_it_a_proxys() {
    let mut scene = Scene::default();
    scene.see(1, 7, &["addr:h/x"], 200);
    scene.see(2, 7, &[&key(A), "addr:h/x"], 200);
    assert_eq!(scene.client(1), key(A));
    scene.see(3, 7, &[&key(B), "addr:h/x"], 200);
    scene.see(4, 7, &["addr:h/x"], 401);
    scene.see(5, 8, &["addr:h/x"], 401);
    assert_eq!(scene.clients([1, 4, 5]), vec!["addr:h/x"; 3]);
    assert_eq!(scene.clients([2, 3]), [key(A), key(B)]);
}

#[test]
fn a_credential_that_takes_the_place_of_a_refused_one_is_the_same_clients() {
    let mut scene = Scene::default();
    scene.see(1, 7, &[&key(A), "addr:h/x"], 200);
    scene.see(2, 7, &[&key(A), "addr:h/x"], 401);
    scene.see(3, 7, &[&key(B), "addr:h/x"], 200);
    scene.see(4, 9, &[&key(B), "addr:elsewhere/x"], 200);
    assert_eq!(scene.clients([3, 4]), vec![key(A); 2]);
    // Much later the old one is good again: they were two.
    scene.see(500, 9, &[&key(A), "addr:h/x"], 200);
    assert_eq!(scene.clients([3, 4]), vec![key(B); 2]);
}

#[test]
fn a_chain_of_renewed_tokens_is_one_client_in_whatever_order_its_links_are_seen() {
    let calls: [(u64, u64, Vec<String>); 5] = [
        (1, 1, vec!["addr:h/x".into(), format!("given:{A}"), "given:111111111111".into()]),
        (2, 2, vec![bearer(A), "addr:h/x".into()]),
        (
            3,
            3,
            vec![
                "addr:i/x".into(),
                "carried:111111111111".into(),
                format!("given:{B}"),
                "given:222222222222".into(),
            ],
        ),
        (4, 4, vec![bearer(B), "addr:j/x".into()]),
        (5, 5, vec!["addr:k/x".into(), "carried:222222222222".into(), format!("given:{C}")]),
    ];
    for order in [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [0, 1, 3, 2, 4]] {
        let mut scene = Scene::default();
        for n in order {
            if let Some((id, connection, words)) = calls.get(n) {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                scene.see(*id, *connection, &words, 200);
            }
        }
        assert_eq!(scene.clients(1..=5), vec![bearer(A); 5], "{order:?}");
    }
}

#[test]
fn a_token_that_was_made_for_somebody_elsewhere_is_not_the_makers() {
    let mut scene = Scene::default();
    scene.see(1, 1, &[&key(A), "addr:office/x", &format!("given:{B}")], 200);
    scene.see(2, 2, &[&bearer(B), "addr:home/x"], 200);
    scene.see(3, 3, &[&key(A), "addr:office/x", &format!("given:{C}")], 200);
    scene.see(4, 4, &[&bearer(C), "addr:office/x"], 200);
    assert_eq!(scene.clients([2, 4]), [bearer(B), key(A)]);
}

#[test]
fn a_cookie_leads_from_the_first_visit_to_the_login_and_two_who_send_it_stay_apart() {
    let mut scene = Scene::default();
    scene.see(1, 1, &["addr:h/x", &format!("given:{C}")], 200);
    scene.see(2, 2, &[&format!("cookie:{C}"), "addr:i/x"], 200);
    assert_eq!(scene.clients([1, 2]), vec![format!("cookie:{C}"); 2]);
    scene.see(3, 3, &["bearer:ann", &format!("cookie:{C}"), "addr:i/x"], 200);
    assert_eq!(scene.clients(1..=3), vec!["bearer:ann"; 3]);
    scene.see(4, 4, &["bearer:bob", &format!("cookie:{C}"), "addr:i/x"], 200);
    assert_eq!(scene.clients([2, 3, 4]), [&format!("cookie:{C}"), "bearer:ann", "bearer:bob"]);
}

#[test]
fn a_device_joins_what_shows_no_credential_unless_two_people_use_it() {
    let mut scene = Scene::default();
    scene.see(1, 1, &["bearer:ann", "addr:h/x", "device:d"], 200);
    scene.see(2, 2, &["addr:i/x", "device:d"], 401);
    assert_eq!(scene.client(2), "bearer:ann");
    scene.see(3, 3, &["bearer:bob", "addr:h/x", "device:d"], 200);
    scene.see(4, 4, &["addr:j/x", "device:d"], 401);
    assert_eq!(scene.clients([3, 4]), ["bearer:bob", "addr:j/x"]);
}

#[test]
fn an_address_serves_for_refused_requests_while_one_client_is_there() {
    let mut scene = Scene::default();
    scene.see(1, 1, &[&key(A), "addr:h/x"], 200);
    scene.see(2, 2, &["addr:h/x"], 401);
    scene.see(3, 3, &["addr:h/x"], 200);
    assert_eq!(scene.clients([2, 3]), [key(A).as_str(), "addr:h/x"]);
    scene.see(4, 4, &[&key(B), "addr:h/x"], 200);
    scene.see(5, 5, &["addr:h/x"], 401);
    assert_eq!(scene.client(5), "addr:h/x");
}

#[test]
fn a_connection_that_resumes_a_session_is_of_the_client_whose_it_was() {
    let mut scene = Scene::default();
    scene.see(1, 1, &["addr:h/x"], 401);
    scene.resuming(1).see(2, 2, &["addr:i/x"], 401);
    scene.resuming(2).see(3, 3, &[&key(A), "addr:j/x"], 200);
    // From any of them, over any network.
    scene.resuming(1).see(4, 4, &["addr:k/x"], 200);
    scene.resuming(3).see(5, 5, &[&key(B), "addr:l/x"], 401);
    scene.see(6, 6, &["addr:k/x"], 401);
    assert_eq!(scene.clients(1..=5), vec![key(A); 5]);
    assert_eq!(scene.client(6), "addr:k/x");
}

#[test]
fn a_session_that_two_clients_use_joins_nobody() {
    let mut scene = Scene::default();
    scene.see(1, 1, &["addr:h/x"], 401);
    scene.resuming(1).see(2, 2, &[&key(A), "addr:h/x"], 200);
    scene.resuming(1).see(3, 3, &["addr:h/x"], 200);
    assert_eq!(scene.clients([1, 3]), vec![key(A); 2]);
    scene.resuming(2).see(4, 4, &[&key(B), "addr:h/x"], 200);
    scene.resuming(4).see(5, 5, &["addr:h/x"], 200);
    assert_eq!(scene.clients([1, 3, 5]), vec!["addr:h/x"; 3]);
    assert_eq!(scene.clients([2, 4]), [key(A), key(B)]);
}

#[test]
fn connections_of_a_session_are_joined_in_whatever_order_they_are_seen() {
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [3, 4, 1, 2], [2, 4, 1, 3], [4, 1, 3, 2]] {
        for firm in 1..=4 {
            let mut scene = Scene::default();
            for id in order {
                let credential = if id == firm { key(A) } else { format!("addr:{id}/x") };
                scene.resumed = (id > 1).then(|| id - 1);
                scene.see(id, id, &[&credential], 200);
            }
            assert_eq!(scene.clients(1..=4), vec![key(A); 4], "{order:?}, {firm}");
        }
    }
}

#[test]
fn a_session_is_known_to_be_shared_in_whatever_order_its_clients_are_seen() {
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [3, 4, 1, 2], [2, 4, 1, 3], [4, 1, 3, 2]] {
        let mut scene = Scene::default();
        for id in order {
            let credential = match id {
                1 => key(A),
                4 => key(B),
                _ => format!("addr:{id}/x"),
            };
            scene.resumed = (id > 1).then(|| id - 1);
            scene.see(id, id, &[&credential], 200);
        }
        let expected = [key(A), "addr:2/x".to_owned(), "addr:3/x".to_owned(), key(B)];
        assert_eq!(scene.clients(1..=4), expected, "{order:?}");
    }
}

#[test]
fn what_is_given_for_sessions_that_turn_out_to_be_one_is_bounded_too() {
    let mut scene = Scene::default();
    for id in 100..116 {
        scene.resuming(50).see(id, id, &[&format!("addr:{id}/x")], 200);
    }
    scene.resuming(50).see(116, 116, &[&key(A), "addr:h/x"], 200);
    for id in 2..18 {
        scene.resuming(1).see(id, id, &[&format!("addr:{id}/x")], 200);
    }
    scene.resuming(1).see(50, 50, &["addr:50/x"], 200);
    let given = scene.seen.iter().filter(|(_, _, id)| scene.client(*id) == key(A)).count();
    assert_eq!(given, 17);
}

#[test]
fn a_key_that_takes_the_place_of_a_refused_one_in_a_session_is_the_same_clients() {
    let mut scene = Scene::default();
    scene.see(1, 1, &[&key(A), "addr:h/x"], 200);
    scene.resuming(1).see(2, 2, &[&key(A), "addr:h/x"], 401);
    scene.resuming(2).see(3, 3, &[&key(B), "addr:h/x"], 200);
    assert_eq!(scene.client(3), key(A));
    // Tokens that say whose they are are never joined.
    scene.resuming(3).see(4, 4, &[&key(B), "addr:h/x"], 401);
    scene.resuming(4).see(5, 5, &["bearer:bob", "addr:h/x"], 200);
    assert_eq!(scene.client(5), "bearer:bob");
}

#[test]
fn what_is_given_for_a_session_is_bounded_until_its_client_is_seen_again() {
    let mut scene = Scene::default();
    scene.see(1, 1, &[&key(A), "addr:h/x"], 200);
    for id in 2..100 {
        scene.resuming(1).see(id, id, &["addr:h/x"], 200);
    }
    let given = (2..100).filter(|&id| scene.client(id) == key(A)).count();
    assert_eq!(given, 16);
    scene.resuming(1).see(100, 100, &[&key(A), "addr:h/x"], 200);
    scene.resuming(1).see(101, 101, &["addr:h/x"], 200);
    assert_eq!(scene.client(101), key(A));
}

#[test]
fn a_certificate_names_its_client_though_the_answer_is_a_refusal() {
    let mut scene = Scene::default();
    scene.see(1, 1, &[&format!("cert:{A}"), "addr:h/x"], 403);
    scene.see(2, 2, &[&format!("cert:{A}"), "addr:h/x"], 401);
    scene.see(3, 2, &[&format!("cert:{B}"), "addr:h/x"], 200);
    assert_eq!(
        scene.clients(1..=3),
        [format!("cert:{A}"), format!("cert:{A}"), format!("cert:{B}")]
    );
}
