//! When an alert opens, is told of again, and ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use wayside_exchange::view::Verdict;

use super::*;

fn outlier(client: &str, kind: &str, sentence: &str) -> OutlierView {
    let verdict = Verdict {
        kind: kind.to_owned(),
        rule: None,
        route: None,
        sentence: sentence.to_owned(),
        effect: 3.0,
        baseline: 0.1,
        window: "15m".to_owned(),
        sample: 100,
        confidence: None,
        since: Timestamp(0),
    };
    OutlierView {
        client: client.to_owned(),
        verdict,
        exchanges: format!("client:{client}"),
        why: None,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn events(news: &[News]) -> Vec<(Event, u64)> {
    news.iter().map(|one| (one.event, one.alert.id)).collect()
}

#[test]
fn a_verdict_is_told_of_once_when_it_comes_and_once_when_it_has_gone() {
    let mut book = Book::default();
    let slow = [outlier("acme", "latency", "waits 3 times as long")];
    assert_eq!(events(&book.look(&slow, at(0), None)), [(Event::Entered, 1)]);
    let worse = [outlier("acme", "latency", "waits 4 times as long")];
    assert_eq!(book.look(&worse, at(3), None), []);
    assert_eq!(book.alerts()[0].outlier.verdict.sentence, "waits 4 times as long");
    assert_eq!(book.look(&[], at(40), None), [], "it may come back");
    assert_eq!(book.look(&slow, at(50), None), []);
    assert_eq!(book.look(&[], at(109), None), []);
    assert_eq!(events(&book.look(&[], at(110), None)), [(Event::Ended, 1)]);
    assert_eq!(book.alerts()[0].ended_at, Some(at(110)));
    assert_eq!(events(&book.look(&slow, at(120), None)), [(Event::Entered, 2)], "another one");
}

#[test]
fn each_client_kind_and_class_of_errors_is_an_alert_of_its_own() {
    let mut book = Book::default();
    let of = |rule: &str, sentence: &str| {
        let mut one = outlier("acme", "threshold", sentence);
        one.verdict.rule = Some(rule.to_owned());
        one
    };
    let standing = [
        of("4xx", "4xx errors on 20 %"),
        of("5xx", "5xx errors on 20 %"),
        of("latency", "1.5 s on average"),
        of("p95<300ms on GET /x", "misses `p95<300ms` on `GET /x`: 20 % of 100 requests"),
        outlier("acme", "error_5xx", "5xx errors on 20 %"),
        outlier("globex", "error_5xx", "5xx errors on 20 %"),
    ];
    assert_eq!(book.look(&standing, at(0), None).len(), 6);
    assert_eq!(book.look(&standing, at(3), None), []);
}

#[test]
fn whoever_does_not_answer_is_reminded_and_whoever_does_is_not() {
    let mut book = Book::default();
    let standing = [outlier("acme", "latency", "a"), outlier("globex", "latency", "b")];
    let remind = Some(Micros(600_000_000));
    book.look(&standing, at(0), remind);
    assert_eq!(book.acknowledge(2, at(30)).unwrap().state, State::Acknowledged);
    assert_eq!(book.look(&standing, at(599), remind), []);
    assert_eq!(events(&book.look(&standing, at(600), remind)), [(Event::Reminder, 1)]);
    assert_eq!(book.look(&standing, at(603), remind), []);
    assert_eq!(events(&book.look(&standing, at(1200), remind)), [(Event::Reminder, 1)]);
    assert!(book.acknowledge(3, at(0)).is_none());
    let first = book.acknowledge(1, at(1300)).unwrap().acknowledged_at;
    assert_eq!(book.acknowledge(1, at(1400)).unwrap().acknowledged_at, first);
}

#[test]
fn after_a_restart_an_open_alert_goes_on_without_being_told_again() {
    let mut book = Book::default();
    let standing = [outlier("acme", "latency", "a")];
    book.look(&standing, at(0), None);
    let kept = serde_json::to_string(&book).unwrap();
    let mut book: Book = serde_json::from_str(&kept).unwrap();
    assert_eq!(book.look(&[], at(5000), None), [], "the windows may not be there yet");
    assert_eq!(book.look(&standing, at(5030), None), []);
    assert_eq!(book.look(&[], at(5080), None), []);
    assert_eq!(events(&book.look(&[], at(5090), None)), [(Event::Ended, 1)]);
    assert_eq!(events(&book.look(&standing, at(5091), None)), [(Event::Entered, 2)]);
}

#[test]
fn an_erased_client_comes_into_no_book_while_its_verdict_still_stands() {
    let mut book = Book::default();
    let standing = [outlier("acme", "latency", "a"), outlier("globex", "latency", "b")];
    book.look(&standing, at(0), None);
    book.forget("acme");
    assert_eq!(book.look(&standing, at(3), None), []);
    assert!(!serde_json::to_string(&book).unwrap().contains("acme"));
    book.look(&standing[1..], at(6), None);
    assert_eq!(events(&book.look(&standing, at(9), None)), [(Event::Entered, 3)], "it is back");
}

#[test]
fn the_book_is_bounded() {
    let mut book = Book::default();
    let many = |from: usize| -> Vec<OutlierView> {
        (from..from + 600).map(|n| outlier(&format!("c{n}"), "latency", "a")).collect()
    };
    assert_eq!(book.look(&many(0), at(0), None).len(), MOST_OPEN);
    assert_eq!(book.untold(), 100);
    for round in 1..5 {
        book.look(&many(1000 * round), at(100 * round as i64), None);
        book.look(&many(1000 * round), at(100 * round as i64 + 1), None);
    }
    let ended = book.alerts().iter().filter(|alert| !alert.stands()).count();
    assert_eq!(ended, MOST_ENDED);
}

/// Looks at what stands when the client called the first is called the second.
fn look_after(
    book: &mut Book,
    (from, to): (&str, &str),
    mut standing: Vec<OutlierView>,
    now: Timestamp,
) -> Vec<News> {
    let naming = |all: Vec<&mut OutlierView>| {
        for one in all.into_iter().filter(|one| one.client == from) {
            one.client = to.to_owned();
        }
    };
    let mut news = book.follow(&mut standing, &naming, now);
    news.extend(book.look(&standing, now, None));
    news
}

#[test]
fn an_alert_follows_its_client_to_another_name() {
    let mut book = Book::default();
    let slow = |client: &str| outlier(client, "latency", "waits 3 times as long");
    book.look(&[slow("addr:1"), slow("key:a"), slow("key:b")], at(0), None);
    // The windows may take a moment longer to know.
    let all = || vec![slow("addr:1"), slow("key:a"), slow("key:b")];
    assert_eq!(look_after(&mut book, ("addr:1", "Acme"), all(), at(3)), [], "it goes on");
    let all = vec![slow("Acme"), slow("key:a"), slow("key:b")];
    assert_eq!(book.look(&all, at(6), None), []);
    assert_eq!((book.alerts()[0].id, book.alerts()[0].outlier.client.as_str()), (1, "Acme"));

    // Both of two that turn out to be one were told of: one goes on, and knows what people know.
    book.acknowledge(2, at(7));
    let news = look_after(&mut book, ("key:a", "Acme"), all, at(9));
    assert_eq!(events(&news), [(Event::Ended, 2)]);
    assert_eq!(book.alerts()[0].state, State::Acknowledged);
    assert_eq!(book.look(&[slow("Acme"), slow("key:b")], at(10), None), []);
    let news = look_after(&mut book, ("Acme", "key:b"), vec![slow("key:b")], at(12));
    assert_eq!(events(&news), [(Event::Ended, 3)], "the later one");
    assert_eq!(book.look(&[slow("key:b")], at(13), None), []);
    assert_eq!(events(&book.look(&[], at(73), None)), [(Event::Ended, 1)]);
}
