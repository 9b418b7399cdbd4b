//! What the end-to-end tests stand on: a store filled by hand, and a small backend on port 0 that
//! keeps the requests it saw.
#![allow(clippy::unwrap_used, dead_code, reason = "a test may panic, and uses what it needs")]

pub(crate) mod backend;
pub(crate) mod recording;

use wayside_exchange::ExchangeId;
use wayside_replay::{Compared, Options, Plan, Totals, run};

/// Plans and runs; gives the lines in order of recording.
pub(crate) async fn replay(
    recording: &recording::Recording,
    ids: &[ExchangeId],
    options: &Options,
) -> (Vec<Compared>, Totals) {
    let plan = Plan::of(&recording.store, ids, options).unwrap();
    let mut lines = Vec::new();
    let each = |compared: &Compared| lines.push(compared.clone());
    let totals = run(&recording.store, &plan, options, each).await.unwrap();
    lines.sort_by_key(|compared| compared.id);
    (lines, totals)
}

/// The differences of a line, each as its text.
pub(crate) fn differences(compared: &Compared) -> Vec<String> {
    compared.differences.iter().map(ToString::to_string).collect()
}
