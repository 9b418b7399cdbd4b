//! What listings hold, in which order, and how a wrong question is answered.

use http::StatusCode;
use wayside_exchange::Micros;
use wayside_exchange::SessionId;

use super::fixture::{Fixture, SECOND, START, Told};

/// Three sessions of two clients, ten seconds and more apart, one of them interleaved.
fn shop() -> (Fixture, Vec<String>, Vec<SessionId>) {
    let mut fixture = Fixture::new();
    let mut ids = Vec::new();
    let mut sessions = Vec::new();
    for (second, client, begins, status) in [
        (0, "key:alice", Some(0), 200),
        (1, "key:bob", Some(1), 200),
        (2, "key:alice", None, 404),
        (3, "key:bob", None, 200),
        (3_000, "key:alice", Some(2), 503),
    ] {
        let at = START.plus(Micros(second * SECOND));
        let session = match (begins, client) {
            (Some(_), _) => None,
            (None, "key:alice") => Some(sessions[0]),
            (None, _) => Some(sessions[1]),
        };
        let summary = fixture.record(&Told { client, session, at, status, ..Told::default() });
        if begins.is_some() {
            sessions.push(summary.session);
        }
        ids.push(summary.id.to_string());
    }
    (fixture, ids, sessions)
}

#[tokio::test]
async fn exchanges_come_oldest_first_unless_newest_is_asked_for() {
    let (fixture, ids, _) = shop();
    assert_eq!(fixture.ids("/api/exchanges").await, ids);
    let newest: Vec<String> = ids.iter().rev().take(2).cloned().collect();
    assert_eq!(fixture.ids("/api/exchanges?order=newest&limit=2&rows=1").await, newest);
    assert_eq!(fixture.ids("/api/exchanges?limit=0").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_filter_is_applied() {
    let (fixture, ids, _) = shop();
    let found = fixture.ids("/api/exchanges?filter=status%3A%3E%3D400&rows=1").await;
    assert_eq!(found, [ids[2].clone(), ids[4].clone()]);
}

#[tokio::test]
async fn a_row_is_light_and_a_view_is_whole() {
    let mut fixture = Fixture::new();
    let id = fixture.record(&Told::default()).id;
    let row = &fixture.lines("/api/exchanges?rows=1").await[0];
    assert_eq!(row["path"], "/orders/17");
    assert_eq!(row["target"], "/orders/17?page=2");
    assert_eq!(row["url"], "https://shop.test/orders/17?page=2");
    assert_eq!(row["latency_ms"], 12.5);
    assert!(row.get("request").is_none());
    let view = &fixture.lines("/api/exchanges").await[0];
    assert_eq!(view["response"]["headers"][0][1], "text/html");
    assert_eq!(
        view["response"]["body_sha256"],
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    assert_eq!(fixture.json(&format!("/api/exchanges/{id}")).await, *view);
}

#[tokio::test]
async fn sessions_are_the_same_in_both_orders() {
    let (fixture, _, sessions) = shop();
    let oldest = fixture.lines("/api/sessions").await;
    let mut newest = fixture.lines("/api/sessions?order=newest").await;
    newest.reverse();
    assert_eq!(oldest, newest);
    let names: Vec<&str> = oldest.iter().map(|line| line["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = sessions.iter().map(ToString::to_string).collect();
    assert_eq!(names, expected);
    assert_eq!(oldest[0]["exchanges"], 2);
    assert_eq!(oldest[0]["errors"], 1);
    let newest = fixture.ids("/api/sessions?order=newest&limit=1").await;
    assert_eq!(newest, [sessions[2].to_string()]);
    let of_bob = fixture.ids("/api/sessions?filter=client%3A%22key%3Abob%22&order=newest").await;
    assert_eq!(of_bob, [sessions[1].to_string()]);
}

#[tokio::test]
async fn a_session_counts_an_exchange_that_began_before_the_one_it_is_named_after() {
    let mut fixture = Fixture::new();
    let slow = Told::default();
    let mut slow_one = fixture.summary(&slow);
    let quick = fixture.record(&Told { at: START.plus(Micros(SECOND)), ..Told::default() });
    slow_one.session = quick.session;
    fixture.store_it(&slow_one, &slow);
    for order in ["newest", "oldest"] {
        let sessions = fixture.lines(&format!("/api/sessions?order={order}")).await;
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0]["exchanges"], 2);
    }
}

#[tokio::test]
async fn one_session_gives_its_figures_and_its_exchanges() {
    let (fixture, ids, sessions) = shop();
    let session = sessions[1];
    assert_eq!(fixture.json(&format!("/api/sessions/{session}")).await["exchanges"], 2);
    let its = fixture.ids(&format!("/api/sessions/{session}/exchanges")).await;
    assert_eq!(its, [ids[1].clone(), ids[3].clone()]);
    let newest = format!("/api/sessions/{session}/exchanges?order=newest&limit=1");
    assert_eq!(fixture.ids(&newest).await, [ids[3].clone()]);
}

#[tokio::test]
async fn clients_are_listed_and_one_shows_its_evidence() {
    let (fixture, _, _) = shop();
    let clients = fixture.lines("/api/clients").await;
    assert_eq!(clients.len(), 2);
    let alice = fixture.json("/api/clients/key%3Aalice").await;
    assert_eq!(alice["requests"], 3);
    assert_eq!(alice["sessions"], 2);
    assert_eq!((&alice["errors_4xx"], &alice["errors_5xx"]), (&1.into(), &1.into()));
    assert_eq!(alice["evidence"], serde_json::json!([{ "kind": "key", "token": "alice" }]));
    let (status, _) = fixture.ask("/api/clients/nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_beginning_of_an_id_is_resolved() {
    let (fixture, ids, sessions) = shop();
    let exchange = fixture.json(&format!("/api/resolve/{}", ids[0])).await;
    assert_eq!(exchange, serde_json::json!({ "exchange": ids[0] }));
    let session = fixture.json(&format!("/api/resolve/{}", sessions[2])).await;
    assert_eq!(session, serde_json::json!({ "session": sessions[2] }));
    let several = fixture.json(&format!("/api/resolve/{}", &ids[0][..4])).await;
    assert!(several["ambiguous"].as_array().unwrap().len() > 1);
    let (status, text) = fixture.ask("/api/resolve/zzzzzzzzzzzz").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.starts_with("{\"error\":"));
}

#[tokio::test]
async fn a_wrong_question_is_refused_with_what_is_wrong() {
    let fixture = Fixture::new();
    for (asked, status, error) in [
        ("/api/exchanges?limitt=3", 400, "there is no parameter `limitt`"),
        ("/api/exchanges?limit=many", 400, "`many` is not a number"),
        ("/api/exchanges?order=up", 400, "there is no order `up`"),
        ("/api/exchanges/hello", 404, "`hello` is not the id of an exchange"),
        ("/api/exchanges/000000000000", 404, "no exchange `000000000000`"),
        ("/api/sessions/s000000000000", 404, "no session `s000000000000`"),
        ("/api/nothing", 404, "there is nothing at `/api/nothing`"),
    ] {
        let (answered, text) = fixture.ask(asked).await;
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((answered.as_u16(), said["error"].as_str().unwrap()), (status, error));
        assert!(said.get("column").is_none());
    }
}

#[tokio::test]
async fn a_wrong_filter_is_refused_with_the_column() {
    let fixture = Fixture::new();
    for listing in ["exchanges", "sessions", "clients"] {
        let (status, text) = fixture.ask(&format!("/api/{listing}?filter=status%3Aoops")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(said["error"].is_string());
        assert!(said["column"].as_u64().unwrap() >= 1);
    }
}
