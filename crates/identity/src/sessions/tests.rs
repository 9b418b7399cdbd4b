//! Which exchanges are one session.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000_000;

fn place(sessions: &mut Sessions, client: &str, minute: u64) -> u64 {
    let at = Timestamp((minute * MINUTE) as i64);
    sessions.place(client, ExchangeId(minute), at).0.0
}

#[test]
fn a_client_that_becomes_known_goes_on_in_the_session_that_it_began() {
    let mut sessions = Sessions::new(Micros(100));
    let first = sessions.place("addr:a", ExchangeId(1), Timestamp(0));
    sessions.adopt("addr:a", "key:x");
    assert_eq!(sessions.place("key:x", ExchangeId(2), Timestamp(50)), first);
    sessions.adopt("addr:b", "key:y");
    assert_eq!(sessions.place("key:y", ExchangeId(3), Timestamp(50)).0, ExchangeId(3));
    let other = sessions.place("key:z", ExchangeId(4), Timestamp(50));
    sessions.adopt("addr:a", "key:z");
    assert_eq!(sessions.place("key:z", ExchangeId(5), Timestamp(60)), other);
}

#[test]
fn a_gap_beyond_the_idle_limit_begins_a_new_session() {
    let mut sessions = Sessions::new(Sessions::IDLE);
    let placed: Vec<_> =
        [0, 29, 59, 90, 91].iter().map(|&at| place(&mut sessions, "a", at)).collect();
    assert_eq!(placed, [0, 0, 0, 90, 90]);
    assert_eq!(place(&mut sessions, "b", 91), 91);
}

#[test]
fn what_arrives_late_joins_the_session_it_belongs_to() {
    let mut sessions = Sessions::new(Sessions::IDLE);
    for (minute, session) in [(100, 100), (95, 100), (200, 200), (110, 100), (190, 200), (20, 20)] {
        assert_eq!(place(&mut sessions, "a", minute), session);
    }
    assert_eq!(place(&mut sessions, "a", 201), 200);
}

#[test]
fn an_exchange_that_goes_on_keeps_its_session_awake() {
    let mut sessions = Sessions::new(Sessions::IDLE);
    place(&mut sessions, "a", 0);
    sessions.touch("a", SessionId(ExchangeId(0)), Timestamp((60 * MINUTE) as i64));
    assert_eq!(place(&mut sessions, "a", 80), 0);
}

#[test]
fn sessions_go_on_after_a_restart() {
    for order in [[10, 20], [20, 10]] {
        let mut sessions = Sessions::new(Sessions::IDLE);
        for at in order {
            sessions.seed("a", SessionId(ExchangeId(10)), Timestamp((at * MINUTE) as i64));
        }
        assert_eq!(place(&mut sessions, "a", 45), 10);
        assert_eq!(place(&mut sessions, "a", 80), 80);
    }
}

#[test]
fn the_clients_idle_for_longest_are_forgotten() {
    let mut sessions = Sessions::with_limit(Sessions::IDLE, 100);
    for n in 0..1000 {
        place(&mut sessions, &n.to_string(), n);
        assert!(sessions.clients() <= 100);
    }
    assert_eq!(place(&mut sessions, "999", 1000), 999);
}

proptest! {
    #[test]
    fn in_order_a_session_ends_exactly_at_gaps(gaps in proptest::collection::vec(0_u64..60, 1..50)) {
        let mut sessions = Sessions::new(Sessions::IDLE);
        let (mut minute, mut expected) = (1_000, 1_000);
        place(&mut sessions, "a", minute);
        for gap in gaps {
            minute += gap;
            if gap > 30 {
                expected = minute;
            }
            prop_assert_eq!(place(&mut sessions, "a", minute), expected);
        }
    }
}
