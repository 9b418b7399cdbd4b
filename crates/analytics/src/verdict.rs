//! Claims about a client, each with what it rests on, worst first.
//!
//! Every kind of claim has a file in `verdict/`: `threshold` holds a client against figures that people
//! agreed on, `peers` says what a comparison with other clients found,
//! `objectives` what was promised and is not kept; `rules` says what holds for whom, `standards` what holds now.

pub(crate) mod objectives;
pub(crate) mod peers;
pub(crate) mod rules;
mod standards;
pub(crate) mod threshold;
pub(crate) mod trouble;
pub(crate) mod words;

use std::fmt::Write as _;

use wayside_exchange::Links;
use wayside_exchange::view::{OutlierView, Verdict};

pub use rules::{Misses, Objective, Rule};
pub use standards::Standards;
pub(crate) use threshold::escalates;
pub use threshold::{Threshold, Thresholds, is_clearly_over};
use trouble::Trouble;

/// A verdict and how bad it is, comparable between kinds: 1 is where somebody should be called.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) severity: f64,
    pub(crate) verdict: Verdict,
}

/// The time span that a claim is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// As `window` in JSON: `15m`.
    pub(crate) name: &'static str,
    /// As in a sentence, with a space before it: ` in the last 15 minutes`.
    pub(crate) words: &'static str,
}

/// Everything that was asked for.
pub(crate) const ALL: Window = Window { name: "all", words: "" };

/// The verdict with whom it is about, and a filter for the exchanges that prove it.
pub fn outlier(client: &str, verdict: Verdict) -> OutlierView {
    let mut exchanges = format!("client:\"{}\"", quoted(client));
    if let Some(route) = &verdict.route {
        let _ = write!(exchanges, " route:\"{}\"", quoted(route));
    }
    let _ = write!(exchanges, " {}", Trouble::of(&verdict).filter(verdict.baseline));
    if verdict.window != ALL.name {
        let _ = write!(exchanges, " since:{}", verdict.since);
    }
    OutlierView { client: client.to_owned(), verdict, exchanges, why: None }
}

/// Calls the client that a verdict is about what it is called now.
pub fn call(view: &mut OutlierView, links: &Links) {
    let meant = links.meaning(&view.client);
    if meant != view.client {
        let now = outlier(meant, view.verdict.clone());
        (view.client, view.exchanges) = (now.client, now.exchanges);
    }
}

/// A text as it stands between quotes in a filter.
pub(crate) fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Whether people are told of it without asking: comparisons, and figures clearly over the threshold at which to
/// escalate; the others stand in the listing of clients.
pub fn is_told(view: &OutlierView) -> bool {
    view.verdict.kind != "threshold" || is_clearly_over(&view.verdict)
}

/// The route that a rule is for, as it stands in a sentence.
pub(crate) fn place(on: Option<&str>) -> String {
    on.map(|route| format!(" on `{route}`")).unwrap_or_default()
}

/// What a threshold is about; see [`Verdict::rule`].
pub(crate) fn rule(what: &str, on: Option<&str>) -> String {
    on.map_or_else(|| what.to_owned(), |route| format!("{what} on {route}"))
}

/// Worst first.
pub(crate) fn sort(claims: &mut [Claim]) {
    claims.sort_by(|a, b| {
        b.severity.total_cmp(&a.severity).then_with(|| a.verdict.kind.cmp(&b.verdict.kind))
    });
}
