//! When an alert opens, is told of again, and ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use wayside_exchange::view::Verdict;

use super::*;

fn outlier(client: &str, kind: &str, sentence: &str) -> OutlierView {
    let verdict = Verdict {
        kind: kind.to_owned(),
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
    let standing = [
        outlier("acme", "threshold", "4xx errors on 20 %"),
        outlier("acme", "threshold", "5xx errors on 20 %"),
        outlier("acme", "threshold", "1.5 s on average"),
        outlier("acme", "error_5xx", "5xx errors on 20 %"),
        outlier("globex", "error_5xx", "5xx errors on 20 %"),
    ];
    assert_eq!(book.look(&standing, at(0), None).len(), 5);
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
