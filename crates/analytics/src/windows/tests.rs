//! What is said of clients while time passes.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use wayside_exchange::Label;

use super::*;
use crate::Stars;
use crate::client::tests::answered;

/// A steady world: ten clients, and one that is `slow` when it is asked to be.
struct World {
    windows: Windows,
    second: u64,
}

impl World {
    fn new() -> Self {
        Self { windows: Windows::new(Thresholds::default()), second: 0 }
    }

    fn now(&self) -> Timestamp {
        answered("", self.second, "", 200, 0).started_at
    }

    /// Lets `seconds` pass in steps of five, and gives the last judgement.
    fn pass(&mut self, seconds: u64, slow: u64) -> Vec<OutlierView> {
        let mut found = Vec::new();
        for _ in 0..seconds / 5 {
            let mut pouch = Pouch::default();
            for n in 0..220 {
                let ms = 20 + n * 7919 % 10;
                let client = n % 11;
                let ms = if client == 10 { ms * slow } else { ms };
                pouch.add(&answered(&format!("c{client}"), self.second, "GET /", 200, ms).glance());
            }
            self.second += 5;
            self.windows.take(pouch, self.now());
            found = self.windows.judge(self.now());
        }
        found
    }
}

#[test]
fn an_outlier_appears_within_ten_seconds_of_its_hundredth_slow_request() {
    let mut world = World::new();
    assert_eq!(world.pass(300, 1), []);
    let found = world.pass(30, 3);
    assert_eq!(found.len(), 1);
    let OutlierView { client, verdict, .. } = &found[0];
    assert_eq!((client.as_str(), verdict.kind.as_str()), ("c10", "latency"));
    assert!(verdict.since >= answered("", 200, "", 200, 0).started_at);
}

#[test]
fn who_was_an_outlier_stays_one_until_it_is_clearly_none() {
    let mut world = World::new();
    world.pass(60, 1);
    let first = world.pass(120, 3);
    let later = world.pass(60, 3);
    assert_eq!((first.len(), later.len()), (1, 1));
    assert_eq!(first[0].verdict.since, later[0].verdict.since, "since does not move");
    assert_eq!(world.pass(20, 1).len(), 1, "20 seconds are not enough");
    world.second += 25 * 3600;
    assert_eq!(world.pass(5, 1), [], "a day later nothing is left");
}

#[test]
fn a_window_made_again_from_rows_says_the_same() {
    let mut live = Windows::new(Thresholds::default());
    let mut again = Windows::new(Thresholds::default());
    let mut now = Timestamp::default();
    for second in 0..600 {
        let mut pouch = Pouch::default();
        for n in 0..11 {
            let ms = if n == 10 { 90 } else { 30 };
            let row =
                answered(&format!("c{n}"), second, "GET /", if n == 3 { 404 } else { 200 }, ms);
            pouch.add(&row.glance());
            again.add(&row.glance());
            now = row.ended_at();
        }
        live.take(pouch, now);
    }
    let (live, again) = (live.judge(now), again.judge(now));
    assert!(live.len() >= 2, "{live:?}");
    assert_eq!(live, again);
}

#[test]
fn of_a_crowd_the_busiest_stay_and_the_rest_is_counted() {
    let mut windows = Windows::new(Thresholds::default());
    let mut pouch = Pouch::default();
    for n in 0..30_000 {
        pouch.add(&answered(&format!("once{n}"), 0, "GET /", 200, 5).glance());
        pouch.add(&answered(&format!("c{}", n % 20), 0, "GET /", 200, 5).glance());
    }
    windows.take(pouch, answered("", 0, "", 200, 0).started_at);
    let cells: usize = windows.rings.iter().map(|ring| ring.seen().observations.len()).sum();
    assert!(cells <= 3 * 10_000, "{cells}");
    assert!(windows.folded() > 0);
    let kept = windows.rings[0].seen();
    assert_eq!(kept.clients.iter().filter(|name| name.starts_with('c')).count(), 20);
}

/// What is said of a quiet client that waits four times as long as its peers, among 20,000 others of whom each makes more
/// requests than it.
fn quiet_one_in_a_flood(label: Label) -> (Windows, Vec<OutlierView>) {
    let stars = Stars::of(&[label]);
    let mut windows = Windows::new(Thresholds::default());
    windows.star(&stars);
    let mut pouch = Pouch::default();
    pouch.star(stars);
    let answer = |client: &str, ms: u64| answered(client, 1, "GET /", 200, ms);
    for n in 0..30 {
        for client in 0..5_u64 {
            // These are busy enough to stay.
            for _ in 0..10 {
                pouch.add(&answer(&format!("busy{client}"), 20 + n % 7).glance());
            }
        }
        pouch.add(&answer("quiet", 80 + n % 7).glance());
    }
    let now = answered("", 15, "", 200, 0).started_at;
    windows.take(pouch.empty(), now);
    for client in 0..20_000_u64 {
        let one = answer(&format!("flood{client}"), 20 + client % 7);
        (0..40).for_each(|_| pouch.add(&one.glance()));
    }
    windows.take(pouch, now);
    let found = windows.judge(now);
    (windows, found)
}

#[test]
fn who_has_a_star_is_compared_and_told_however_many_others_there_are() {
    let label = |star| Label { name: "quiet".to_owned(), star, ..Label::default() };
    let (windows, found) = quiet_one_in_a_flood(label(true));
    assert!(windows.folded() > 500_000, "the flood is left out: {}", windows.folded());
    let told: Vec<_> = found.iter().filter(|one| one.client == "quiet").collect();
    assert!(told.iter().any(|one| one.verdict.kind == "latency"), "{found:?}");
    assert!(windows.crowd(&["quiet"], 20).worst.iter().any(|(client, _)| &**client == "quiet"));
    let (_, found) = quiet_one_in_a_flood(label(false));
    assert!(found.iter().all(|one| one.client != "quiet"), "without one it goes: {found:?}");
}

#[test]
fn a_pouch_that_is_full_has_room_for_who_has_a_star() {
    let mut pouch = Pouch::default();
    let label = Label { name: "quiet".to_owned(), star: true, ..Label::default() };
    pouch.star(Stars::of(&[label]));
    for n in 0..60_000 {
        pouch.add(&answered(&format!("c{n}"), 1, "GET /", 200, 1).glance());
    }
    assert_eq!(pouch.folded(), 10_000);
    // Whatever it does, it cannot make the pouch grow without bounds.
    for n in 0..10_000 {
        pouch.add(&answered("quiet", 1, &format!("GET /{n}"), 200, 1).glance());
    }
    assert_eq!(pouch.folded(), 15_000);
    drop(pouch.empty());
    assert!(pouch.contents().0.next().is_none());
}

/// Ten requests each five seconds, `slow` of which take 400 ms.
fn promised(windows: &mut Windows, seconds: std::ops::Range<u64>, slow: u64) -> Vec<OutlierView> {
    let mut found = Vec::new();
    for second in seconds.step_by(5) {
        let mut pouch = Pouch::default();
        pouch.hold_against(&promise());
        for n in 0..10 {
            let ms = if n < slow { 400 } else { 100 };
            pouch.add(&answered("Acme", second, "GET /x", 200, ms).glance());
            pouch.add(&answered("other", second, "GET /x", 200, ms).glance());
        }
        let now = answered("", second + 5, "", 200, 0).started_at;
        windows.take(pouch, now);
        found = windows.judge(now);
    }
    found
}

fn promise() -> Thresholds {
    let p90 = crate::Objective {
        written: "p90<300ms".to_owned(),
        misses: crate::Misses::Slower(300.0),
        allowed: 0.1,
    };
    let rule = crate::Rule {
        clients: vec!["acme".to_owned()],
        objectives: vec![p90].into(),
        ..crate::Rule::default()
    };
    Thresholds { rules: vec![rule].into(), ..Thresholds::default() }
}

#[test]
fn a_promise_is_missed_from_clear_proof_on_until_it_has_been_kept_for_a_while() {
    let mut windows = Windows::new(promise());
    assert_eq!(promised(&mut windows, 0..300, 1), [], "just as many as may");
    let found = promised(&mut windows, 300..400, 5);
    assert_eq!(found.len(), 1, "{found:#?}");
    let OutlierView { client, verdict, exchanges, .. } = &found[0];
    assert_eq!((client.as_str(), verdict.rule.as_deref()), ("Acme", Some("p90<300ms")));
    assert!(exchanges.contains("latency:>300ms since:"), "{exchanges}");
    // Of 15 minutes more and more are well: a little over it stays, though that may be chance.
    let mut stood = 0;
    for begin in (400..3000).step_by(100) {
        let found = promised(&mut windows, begin..begin + 100, 1);
        if found.is_empty() {
            break;
        }
        assert_eq!(found[0].verdict.since, verdict.since, "since does not move");
        stood = begin;
    }
    assert!((900..1600).contains(&stood), "{stood}");
}

#[test]
fn promises_to_a_crowd_are_bounded_and_of_clients_joined_counted_together() {
    let everybody = Thresholds {
        rules: vec![crate::Rule { clients: Vec::new(), ..promise().rules[0].clone() }].into(),
        ..Thresholds::default()
    };
    let mut windows = Windows::new(everybody.clone());
    let now = answered("", 5, "", 200, 0).started_at;
    for round in 0..4 {
        let mut pouch = Pouch::default();
        pouch.hold_against(&everybody);
        for n in 0..20_000 {
            pouch.add(&answered(&format!("once{round}-{n}"), 0, "GET /", 200, 5).glance());
        }
        for _ in 0..12 {
            pouch.add(&answered("key:a", 0, "GET /", 200, 400).glance());
            pouch.add(&answered("key:b", 0, "GET /", 200, 400).glance());
        }
        windows.take(pouch, now);
    }
    assert!(windows.folded() > 0);
    assert!(windows.promises.folded() > 50_000, "{}", windows.promises.folded());
    let told = windows.judge(now);
    let missed = |client: &str| {
        let of = |one: &&OutlierView| one.client == client && one.verdict.rule.is_some();
        told.iter().find(of).map(|one| one.verdict.sample)
    };
    assert_eq!((missed("key:a"), missed("key:b")), (Some(48), Some(48)), "the busiest are kept");
    windows.rename(&|name| name.starts_with("key:").then(|| "Acme".into()));
    let told = windows.judge(now);
    let acme = told.iter().find(|one| one.client == "Acme").map(|one| one.verdict.sample);
    assert_eq!(acme, Some(96));
    assert!(told.iter().all(|one| !one.client.starts_with("key:")), "{told:#?}");
}

#[test]
fn a_slot_that_is_over_keeps_its_cells_and_each_name_once() {
    let mut slot = super::ring::Slot::default();
    for n in 0..20_u64 {
        let row = answered(&format!("c{}", n / 2), n, &format!("GET /{}", n % 2), 200, n);
        let names = (row.client.as_str().into(), row.route.as_str().into());
        slot.insert(names, Cell::of(&row.glance()));
    }
    let before = slot.clone();
    super::ring::pack(&mut slot);
    assert_eq!(slot, before);
    let mut names: Vec<_> =
        slot.keys().flat_map(|(client, route)| [client.as_ptr(), route.as_ptr()]).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 10 + 2);
}
