//! The fixed thresholds: average latency over 500 ms investigate, over 1 s escalate; error rate over
//! 1 % investigate, over 5 % escalate, 4xx and 5xx apart; from 20 requests on.

use wayside_exchange::Timestamp;
use wayside_exchange::view::Verdict;

use super::words::{duration, mostly, percent};
use super::{Claim, Window};
use crate::client::{Errors, Tally};
use crate::outlier::count_at_least;

/// Below so many requests no figure means anything.
const SAMPLE: u64 = 20;
/// A route clearly dominates when it has at least this share of the errors or of the time.
const DOMINANT: f64 = 0.6;

/// From where on a figure is to be looked into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Somebody should look at it.
    pub investigate: f64,
    /// Somebody should be called.
    pub escalate: f64,
}

/// What figures are held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// For average latencies in milliseconds.
    pub latency_ms: Threshold,
    /// For shares of the requests, from 0 to 1.
    pub errors: Threshold,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            latency_ms: Threshold { investigate: 500.0, escalate: 1000.0 },
            errors: Threshold { investigate: 0.01, escalate: 0.05 },
        }
    }
}

/// A figure that is over a threshold.
struct Over {
    figure: f64,
    limit: f64,
    action: &'static str,
    severity: f64,
}

/// Whether `verdict` says that a figure is over the threshold at which to escalate, and a share of errors so
/// far that it is no chance: of a hundred clients with just that share one would have as many.
pub fn is_clearly_over(verdict: &Verdict, thresholds: &Thresholds) -> bool {
    let limit = verdict.baseline;
    if limit < 1.0 {
        let expected = limit * verdict.sample as f64;
        let seen = (verdict.effect * expected).round() as u64;
        limit >= thresholds.errors.escalate && count_at_least(seen, expected, 0.0) <= 0.01
    } else {
        limit >= thresholds.latency_ms.escalate
    }
}

/// A client's tallies: of everything, and of each route. A route without a name is several.
pub(crate) struct Tallies<'a> {
    pub(crate) all: &'a Tally,
    pub(crate) routes: &'a [(&'a str, &'a Tally)],
    pub(crate) window: Window,
}

pub(crate) fn on(tallies: &Tallies<'_>, thresholds: &Thresholds) -> Vec<Claim> {
    let errors = |class, of: fn(&Tally) -> Errors| tallies.errors(class, of, &thresholds.errors);
    let claims = [
        tallies.latency(&thresholds.latency_ms),
        errors("4xx", |tally| tally.errors_4xx),
        errors("5xx", |tally| tally.errors_5xx),
    ];
    claims.into_iter().flatten().collect()
}

impl Tallies<'_> {
    fn latency(&self, threshold: &Threshold) -> Option<Claim> {
        let over = threshold.over(self.all.average_ms(), self.all.timed)?;
        let route = self.dominant(|tally| tally.latency_us as f64);
        let sentence = format!(
            "{} on average over {} requests{}, over the {} at which to {}{}",
            duration(over.figure),
            self.all.timed,
            self.window.words,
            duration(over.limit),
            over.action,
            mostly(route.as_deref(), "most of that time"),
        );
        Some(over.claim(sentence, route, self.all.timed, self.all.slow_since, self.window))
    }

    fn errors(
        &self,
        class: &str,
        of: fn(&Tally) -> Errors,
        threshold: &Threshold,
    ) -> Option<Claim> {
        let (sample, errors) = (self.all.requests, of(self.all));
        let over = threshold.over(errors.count as f64 / sample as f64, sample)?;
        let route = self.dominant(|tally| of(tally).count as f64);
        let sentence = format!(
            "{class} errors on {} of {sample} requests{}, over the {} at which to {}{}",
            percent(over.figure),
            self.window.words,
            percent(over.limit),
            over.action,
            mostly(route.as_deref(), "most of them"),
        );
        Some(over.claim(sentence, route, sample, errors.since, self.window))
    }

    /// The route with most of what `weight` counts; none when no route clearly stands out.
    fn dominant(&self, weight: impl Fn(&Tally) -> f64) -> Option<String> {
        let whole = weight(self.all);
        let heaviest = self.routes.iter().max_by(|a, b| weight(a.1).total_cmp(&weight(b.1)));
        heaviest
            .filter(|(route, tally)| !route.is_empty() && weight(tally) >= DOMINANT * whole)
            .map(|(route, _)| (*route).to_owned())
    }
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
        window: Window,
    ) -> Claim {
        let verdict = Verdict {
            kind: "threshold".to_owned(),
            route,
            sentence,
            effect: self.figure / self.limit,
            baseline: self.limit,
            window: window.name.to_owned(),
            sample,
            confidence: None,
            since: since.unwrap_or_default(),
        };
        Claim { severity: self.severity, verdict }
    }
}
