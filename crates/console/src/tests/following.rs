//! The live tail.

use futures_util::FutureExt as _;
use http::StatusCode;
use serde_json::Value;
use tokio::sync::oneshot;

use super::fixture::{Fixture, Told};
use crate::{Control, Lines, Skipped, Source, ask_socket, control_path, router};

async fn follow(fixture: &Fixture, query: &str) -> Lines {
    let source = Source::InProcess(router(fixture.api()));
    let answer = source.ask(&format!("/api/exchanges?follow=1{query}")).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    answer.lines()
}

async fn next(lines: &mut Lines) -> Value {
    serde_json::from_slice(&lines.next().await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn a_follower_sees_what_is_recorded_from_now_on() {
    let mut fixture = Fixture::new();
    fixture.record(&Told::default());
    let mut rows = follow(&fixture, "&rows=1").await;
    let mut views = follow(&fixture, "").await;
    let new = fixture.record(&Told::default());
    fixture.recorder.announce(&new);
    assert_eq!(next(&mut rows).await["id"], new.id.to_string());
    let view = next(&mut views).await;
    assert_eq!(view["id"], new.id.to_string());
    assert_eq!(view["response"]["body_bytes"], 5);
    fixture.recorder.stop();
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_follower_sees_only_what_its_filter_takes() {
    let mut fixture = Fixture::new();
    let mut by_status = follow(&fixture, "&rows=1&filter=status%3A%3E%3D500&limit=1").await;
    let mut by_body = follow(&fixture, "&rows=1&filter=body%3Asmoke&limit=1").await;
    let fine = fixture.record(&Told::default());
    let wrong = fixture.record(&Told { status: 503, response: b"smoke", ..Told::default() });
    fixture.recorder.announce(&fine);
    fixture.recorder.announce(&wrong);
    for lines in [&mut by_status, &mut by_body] {
        assert_eq!(next(lines).await["id"], wrong.id.to_string());
        assert!(lines.next().await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_until_an_announced_exchange_can_be_read() {
    let mut fixture = Fixture::new();
    let mut views = follow(&fixture, "&limit=1").await;
    let told = Told::default();
    let announced = fixture.summary(&told);
    fixture.recorder.announce(&announced);
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        fixture.store_it(&announced, &told);
    };
    let (view, ()) = tokio::join!(next(&mut views), later);
    assert_eq!(view["id"], announced.id.to_string());
}

#[tokio::test]
async fn a_follower_that_lags_is_told_how_much_it_missed() {
    let mut fixture = Fixture::new();
    let mut rows = follow(&fixture, "&rows=1").await;
    for _ in 0..6 {
        let summary = fixture.summary(&Told::default());
        fixture.recorder.announce(&summary);
    }
    let line = rows.next().await.unwrap().unwrap();
    assert_eq!(line, r#"{"skipped":2}"#);
    assert_eq!(Skipped::of(&line), Some(Skipped { skipped: 2 }));
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!(Skipped::of(&row), None);
    assert!(row.starts_with(b"{\"id\":"));
}

#[tokio::test]
async fn a_follower_who_goes_away_is_forgotten_though_nothing_happens() {
    let fixture = Fixture::new();
    let path = control_path(fixture.folder.path());
    let control = Control::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let asking = async {
        let answer = ask_socket(&path, "/api/exchanges?follow=1").await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        drop(answer);
        fixture.recorder.unfollowed().await;
        stop.send(()).unwrap();
    };
    tokio::join!(control.serve(fixture.api(), stopped.map(|_| ())), asking);
}

#[tokio::test]
async fn nothing_can_be_followed_when_no_recorder_runs() {
    let fixture = Fixture::new();
    let source = Source::InProcess(router(fixture.api_at_rest()));
    let answer = source.ask("/api/exchanges?follow=1").await.unwrap();
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let refused = answer.or_refused().await.unwrap_err();
    assert_eq!(refused.to_string(), "no recorder runs, so nothing new comes");
}
