//! What becomes of an answer when one of its two ends goes wrong.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::Ordering;

use http::StatusCode;
use tokio::sync::oneshot;

use super::*;
use crate::ConsoleError;
use crate::ask::Answer;

fn trouble() -> Stop {
    Stop::Failed(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the block is damaged"))
}

#[tokio::test]
async fn the_producer_stops_when_the_asker_has_gone() {
    let (ended, end) = oneshot::channel();
    let response = lines(move |out| {
        let stop = loop {
            if let Err(stop) = out.line(&"again") {
                break stop;
            }
        };
        ended.send(matches!(stop, Stop::AskerGone)).unwrap();
        Err(stop)
    })
    .await
    .unwrap();
    drop(response);
    assert!(end.await.unwrap());
}

#[tokio::test]
async fn a_search_that_finds_nothing_stops_when_the_asker_has_gone() {
    let (start, under_way) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let asking = lines(move |out| {
        let abandoned = out.abandoned();
        start.send(()).unwrap();
        while !abandoned.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        ended.send(()).unwrap();
        Ok(())
    });
    tokio::select! {
        _ = asking => panic!("it found something"),
        started = under_way => started.unwrap(),
    }
    end.await.unwrap();
}

#[tokio::test]
async fn asked_again_after_the_end_the_lines_are_still_at_their_end() {
    let mut read = Answer::in_process(lines(|out| out.line(&1)).await.unwrap()).lines();
    assert_eq!(read.next().await.unwrap().unwrap(), "1");
    let unfinished = body(|out| out.piece(Bytes::from_static(b"the last line has no end")));
    let mut unfinished = Answer::in_process(Response::new(unfinished.await.unwrap())).lines();
    assert_eq!(unfinished.next().await.unwrap().unwrap(), "the last line has no end");
    let mut broken = Answer::in_process(
        lines(|out| {
            out.line(&1)?;
            Err(trouble())
        })
        .await
        .unwrap(),
    )
    .lines();
    assert_eq!(broken.next().await.unwrap().unwrap(), "1");
    assert!(broken.next().await.is_err());
    for lines in [&mut read, &mut unfinished, &mut broken] {
        for _ in 0..3 {
            assert!(lines.next().await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn what_fails_at_once_is_refused() {
    let refusal = lines(|_| Err(trouble())).await.unwrap_err();
    assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refusal.error, "the block is damaged");
}

#[tokio::test]
async fn a_listing_that_fails_under_way_says_so_and_never_looks_whole() {
    let failing = |out: &mut Outflow| {
        out.line(&1)?;
        out.line(&2)?;
        Err(trouble())
    };
    let mut read = Answer::in_process(lines(failing).await.unwrap()).lines();
    assert_eq!(read.next().await.unwrap().unwrap(), "1");
    assert_eq!(read.next().await.unwrap().unwrap(), "2");
    let error = read.next().await.unwrap_err();
    assert_eq!(error.to_string(), "the block is damaged");
    let whole = Answer::in_process(lines(failing).await.unwrap()).bytes().await;
    assert!(matches!(whole.unwrap_err(), ConsoleError::BrokenOff(_)));
}

#[tokio::test]
async fn an_answer_whose_producer_broke_never_looks_whole() {
    let broken = body(|out| {
        out.piece(Bytes::from_static(b"half"))?;
        panic!("a fault of ours");
    });
    let read = axum::body::to_bytes(broken.await.unwrap(), usize::MAX).await;
    assert!(read.is_err());
}
