//! Journeys: when one ends and the next begins, how they are listed, opened and found by the beginning of an id.

use std::thread;
use std::time::Duration;

use wayside_tests::{Echo, Wayside, curl, id};

#[test]
fn a_pause_beyond_the_idle_limit_begins_a_new_session() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--idle-session", "1s"]);
    for path in ["/a", "/b"] {
        curl([wayside.http_url(path).as_str(), "-A", "one/1"]).ok();
    }
    curl([wayside.http_url("/x").as_str(), "-A", "two/1"]).ok();
    thread::sleep(Duration::from_millis(1500));
    curl([wayside.http_url("/c").as_str(), "-A", "one/1"]).ok();
    let exchanges = wayside.ended("", 4);
    assert_eq!(exchanges[0]["session"], exchanges[1]["session"]);
    assert_ne!(exchanges[0]["session"], exchanges[2]["session"], "another client");
    assert_ne!(exchanges[0]["session"], exchanges[3]["session"], "after a pause");

    let sessions = wayside.run(["sessions", "--json"]).ok().json_lines();
    assert_eq!(sessions.len(), 3);
    let fields: Vec<&String> = sessions[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "id",
            "client",
            "started_at",
            "ended_at",
            "exchanges",
            "errors",
            "routes",
            "p50_ms",
            "p95_ms",
            "bytes",
        ],
    );
    assert_eq!(sessions[0]["id"], exchanges[0]["session"]);
    assert_eq!((&sessions[0]["exchanges"], &sessions[0]["routes"]), (&2.into(), &2.into()));
    let first = exchanges[0]["id"].as_str().expect("an id");
    assert_eq!(id(&sessions[0]), format!("s{first}"), "named after its first exchange");
    let one = wayside.run(["sessions", "--json", "client:addr:127.0.0.1/one"]).ok().json_lines();
    assert_eq!(one.len(), 2);
}

#[test]
fn a_session_counts_errors_and_bytes_and_opens_as_a_journey() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/bytes/1000")]).ok();
    curl([wayside.http_url("/status/404")]).ok();
    curl([wayside.http_url("/status/500")]).ok();
    curl([wayside.http_url("/echo"), "-dabc".to_owned()]).ok();
    wayside.ended("", 4);
    let sessions = wayside.run(["sessions", "--json"]).ok().json_lines();
    assert_eq!((&sessions[0]["errors"], &sessions[0]["bytes"]), (&2.into(), &1006.into()));
    let session = id(&sessions[0]);
    assert_eq!(wayside.run(["show", session, "--json"]).ok().json(), sessions[0]);
    let journey = wayside.run(["show", session]).ok();
    let order =
        ["made 4 exchanges", "GET /bytes/1000", "GET /status/404", "GET /status/500", "POST /echo"];
    let places: Vec<_> = order.iter().map(|words| journey.text().find(words)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", journey.text());
    let table = wayside.run(["sessions"]).ok();
    assert!(table.text().contains(session), "{}", table.text());
    assert_eq!(wayside.exchanges(&format!("session:{session}"), 4).len(), 4);
    let misused = wayside.run(["show", session, "--raw"]).exits(2);
    assert!(misused.stderr.contains("is a session"), "{}", misused.stderr);
}

#[test]
fn any_unique_beginning_of_an_id_serves() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/first")]).ok();
    wayside.ended("", 1);
    // The first nine characters of an id are its time down to 32 ms or less.
    thread::sleep(Duration::from_millis(100));
    curl([wayside.http_url("/second")]).ok();
    let exchanges = wayside.ended("", 2);
    let (one, two) = (id(&exchanges[0]), id(&exchanges[1]));
    let common = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
    let unique = &one[..=common];
    for prefix in [unique.to_owned(), unique.to_uppercase(), one.to_owned()] {
        assert_eq!(wayside.run(["show", &prefix, "--json"]).ok().json(), exchanges[0]);
    }
    let session = exchanges[0]["session"].as_str().expect("a session");
    assert_eq!(wayside.run(["show", "s", "--json"]).ok().json()["id"], session);
    let ambiguous = wayside.run(["show", &one[..common]]).exits(1);
    assert!(ambiguous.stderr.contains("several ids begin with"), "{}", ambiguous.stderr);
    assert!(ambiguous.stderr.contains(one) && ambiguous.stderr.contains(two));
    for nothing in ["zzzzzz", "szzzzz", "not-an-id"] {
        let missing = wayside.run(["show", nothing]).exits(1);
        assert!(missing.stderr.contains(&format!("`{nothing}`")), "{}", missing.stderr);
    }
}
