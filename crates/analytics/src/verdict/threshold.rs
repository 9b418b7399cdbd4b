//! The fixed thresholds: average latency over 500 ms investigate, over 1 s escalate; error rate over
//! 1 % investigate, over 5 % escalate, 4xx and 5xx apart; from 20 requests on.

use wayside_exchange::Timestamp;
use wayside_exchange::view::Verdict;

use super::Claim;
use crate::client::{ClientFold, Errors, Tally};

/// Below so many requests no figure means anything.
const SAMPLE: u64 = 20;
/// A route clearly dominates when it has at least this share of the errors or of the time.
const DOMINANT: f64 = 0.6;

/// From where on a figure is to be looked into.
pub(crate) struct Threshold {
    /// Somebody should look at it.
    pub(crate) investigate: f64,
    /// Somebody should be called.
    pub(crate) escalate: f64,
}

/// For average latencies in milliseconds.
pub(crate) const LATENCY_MS: Threshold = Threshold { investigate: 500.0, escalate: 1000.0 };
/// For shares of the requests, from 0 to 1.
const ERRORS: Threshold = Threshold { investigate: 0.01, escalate: 0.05 };

/// A figure that is over a threshold.
struct Over {
    figure: f64,
    limit: f64,
    action: &'static str,
    severity: f64,
}

pub(super) fn on(client: &ClientFold) -> Vec<Claim> {
    let claims = [
        latency(client),
        errors(client, "4xx", |tally| tally.errors_4xx),
        errors(client, "5xx", |tally| tally.errors_5xx),
    ];
    claims.into_iter().flatten().collect()
}

fn latency(client: &ClientFold) -> Option<Claim> {
    let over = LATENCY_MS.over(client.all.average_ms(), client.all.timed)?;
    let route = dominant(client, |tally| tally.latency_us as f64);
    let sentence = format!(
        "{} on average over {} requests, over the {} at which to {}{}",
        duration(over.figure),
        client.all.timed,
        duration(over.limit),
        over.action,
        mostly(route.as_deref(), "most of that time"),
    );
    Some(over.claim(sentence, route, client.all.timed, client.all.slow_since))
}

fn errors(client: &ClientFold, class: &str, of: impl Fn(&Tally) -> Errors) -> Option<Claim> {
    let (sample, errors) = (client.all.requests, of(&client.all));
    let over = ERRORS.over(errors.count as f64 / sample as f64, sample)?;
    let route = dominant(client, |tally| of(tally).count as f64);
    let sentence = format!(
        "{class} errors on {} of {sample} requests, over the {} at which to {}{}",
        percent(over.figure),
        percent(over.limit),
        over.action,
        mostly(route.as_deref(), "most of them"),
    );
    Some(over.claim(sentence, route, sample, errors.since))
}

impl Threshold {
    fn over(&self, figure: f64, sample: u64) -> Option<Over> {
        if sample < SAMPLE || figure <= self.investigate {
            return None;
        }
        let (limit, action) = if figure > self.escalate {
            (self.escalate, "escalate")
        } else {
            (self.investigate, "investigate")
        };
        // Against one and the same limit, so that whoever is to be escalated stands first.
        Some(Over { figure, limit, action, severity: figure / self.escalate })
    }
}

impl Over {
    fn claim(
        &self,
        sentence: String,
        route: Option<String>,
        sample: u64,
        since: Option<Timestamp>,
    ) -> Claim {
        let verdict = Verdict {
            kind: "threshold".to_owned(),
            route,
            sentence,
            effect: self.figure / self.limit,
            baseline: self.limit,
            window: "all".to_owned(),
            sample,
            confidence: None,
            since: since.unwrap_or_default(),
        };
        Claim { severity: self.severity, verdict }
    }
}

/// The route with most of what `weight` counts; none when no route clearly stands out. The routes
/// that are kept together have no name and are none.
fn dominant(client: &ClientFold, weight: impl Fn(&Tally) -> f64) -> Option<String> {
    let whole = weight(&client.all);
    let heaviest = client.routes.iter().max_by(|a, b| weight(a.1).total_cmp(&weight(b.1)));
    heaviest
        .filter(|(route, tally)| !route.is_empty() && weight(tally) >= DOMINANT * whole)
        .map(|(route, _)| route.clone())
}

fn mostly(route: Option<&str>, what: &str) -> String {
    route.map(|route| format!(", {what} on `{route}`")).unwrap_or_default()
}

fn duration(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{} s", one_digit(ms / 1000.0)) }
}

fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    if percent < 10.0 { format!("{} %", one_digit(percent)) } else { format!("{percent:.0} %") }
}

fn one_digit(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
