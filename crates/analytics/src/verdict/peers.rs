//! What a comparison with the other clients on the same routes found, in one sentence.

use wayside_exchange::Timestamp;
use wayside_exchange::view::Verdict;

use super::words::{duration, mostly, mostly_in, percent, times};
use super::{Claim, Window};
use crate::outlier::{Comparison, Kind};

/// Beyond so many times as long it gets no worse: of few milliseconds a hundred times are still few.
const MOST: f64 = 10.0;
/// Errors at which somebody is called.
const CALLED: f64 = 0.05;

/// The claim that `comparison` makes.
pub(crate) fn claim(
    comparison: &Comparison,
    route: Option<String>,
    window: Window,
    since: Timestamp,
) -> Claim {
    let one = comparison;
    let (sample, span) = (one.requests, window.words);
    let peers = match one.peers.round() as u64 {
        0 | 1 => "another client".to_owned(),
        count => format!("{count} other clients"),
    };
    let (errors, severity) = match one.kind {
        Kind::Latency => ("", (one.effect - 1.0).min(MOST)),
        Kind::Error4xx => ("4xx errors", one.figure / CALLED),
        Kind::Error5xx => ("5xx errors", one.figure / CALLED),
        Kind::Cancelled => ("gave up", one.figure / CALLED),
    };
    let sure = sure(confidence(one));
    let sentence = match one.kind {
        Kind::Latency => format!(
            "waits {} times as long as {peers} on the same routes: typically {} where they wait {}, \
             over {sample} requests{span}{}; {sure}",
            times(one.effect),
            duration(one.figure),
            duration(one.baseline),
            mostly_in(route.as_deref(), one.part, "most of it"),
        ),
        _ => format!(
            "{errors} on {} of {sample} requests{span}, {} times as many as {peers} on the same routes \
             ({}){}; {sure}",
            percent(one.figure),
            times(one.effect),
            percent(one.baseline),
            mostly(route.as_deref(), "most of them"),
        ),
    };
    let kind = match one.kind {
        Kind::Latency => "latency",
        Kind::Error4xx => "error_4xx",
        Kind::Error5xx => "error_5xx",
        Kind::Cancelled => "cancelled",
    };
    let verdict = Verdict {
        kind: kind.to_owned(),
        rule: None,
        route,
        sentence,
        effect: one.effect,
        baseline: one.baseline,
        window: window.name.to_owned(),
        sample,
        confidence: Some(confidence(one)),
        since,
    };
    // A comparison says more than a threshold of the same size, so it stands before it.
    Claim { severity: severity * 1.01, verdict }
}

fn sure(confidence: f64) -> String {
    if confidence > 0.999 {
        "over 99.9 % sure".to_owned()
    } else {
        format!("{} sure", percent(confidence))
    }
}

/// The share of claims like this one that are to be expected true; never quite all of them.
fn confidence(comparison: &Comparison) -> f64 {
    (1.0 - comparison.false_discoveries).clamp(0.0, 0.9999)
}
