//! The fixed thresholds: average latency over 500 ms investigate, over 1 s escalate; error rate over
//! 1 % investigate, over 5 % escalate, 4xx and 5xx apart; from 20 requests on.

use std::collections::BTreeMap;
use std::sync::Arc;

use wayside_exchange::Timestamp;
use wayside_exchange::view::Verdict;

use super::rules::Rule;
use super::words::{duration, mostly, mostly_in, percent};
use super::{Claim, Window, place, rule};
use crate::blame::Part;
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

/// What figures are held against. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// For average latencies in milliseconds.
    pub latency_ms: Threshold,
    /// For shares of the requests, from 0 to 1.
    pub errors: Threshold,
    /// What holds for some clients, groups or routes instead.
    pub rules: Arc<[Rule]>,
    /// Which client is in which group; see [`Thresholds::known_by`].
    pub groups: Arc<BTreeMap<String, String>>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            latency_ms: Threshold { investigate: 500.0, escalate: 1000.0 },
            errors: Threshold { investigate: 0.01, escalate: 0.05 },
            rules: Arc::default(),
            groups: Arc::default(),
        }
    }
}

/// Sentences about what is over the higher threshold have these words.
const ESCALATE: &str = "at which to escalate";

/// A figure that is over a threshold.
struct Over {
    figure: f64,
    limit: f64,
    action: &'static str,
    severity: f64,
}

/// Whether `verdict` says that a figure is over the threshold at which to escalate, or that a promise is missed.
pub(crate) fn escalates(verdict: &Verdict) -> bool {
    // Only a missed promise has a confidence here.
    verdict.confidence.is_some() || verdict.sentence.contains(ESCALATE)
}

/// The same, clearly: a share so far that it is no chance: of a hundred clients with just that share one would have as many.
pub fn is_clearly_over(verdict: &Verdict) -> bool {
    if let Some(confidence) = verdict.confidence {
        return confidence >= 0.99;
    }
    if !escalates(verdict) {
        return false;
    }
    let limit = verdict.baseline;
    if limit >= 1.0 {
        return true;
    }
    let expected = limit * verdict.sample as f64;
    count_at_least((verdict.effect * expected).round() as u64, expected, 0.0) <= 0.01
}

/// A client's tallies: of everything, and of each route. A route without a name is several.
pub(crate) struct Tallies<'a> {
    pub(crate) client: &'a str,
    pub(crate) all: &'a Tally,
    pub(crate) routes: &'a [(&'a str, &'a Tally)],
    pub(crate) window: Window,
}

/// The claims: a route with a rule of its own is held against that alone, everything else together against
/// what holds for the client.
pub(crate) fn on(tallies: &Tallies<'_>, thresholds: &Thresholds) -> Vec<Claim> {
    if thresholds.rules.is_empty() {
        return tallies.claims(thresholds.latency_ms, thresholds.errors, None);
    }
    let client = tallies.client;
    let slow = |rule: &Rule| rule.slow;
    let failing = |rule: &Rule| rule.failing;
    let for_client = (
        thresholds.for_client(client, slow).unwrap_or(thresholds.latency_ms),
        thresholds.for_client(client, failing).unwrap_or(thresholds.errors),
    );
    let mut claims = Vec::new();
    let (mut rest, mut others) = (Tally::default(), Vec::new());
    for &(route, tally) in tallies.routes {
        let on_route =
            (thresholds.on_route(client, route, slow), thresholds.on_route(client, route, failing));
        if let (None, None) = on_route {
            rest.merge(tally);
            others.push((route, tally));
            continue;
        }
        let one = Tallies { all: tally, routes: &[], ..*tallies };
        let (slow, failing) =
            (on_route.0.unwrap_or(for_client.0), on_route.1.unwrap_or(for_client.1));
        claims.extend(one.claims(slow, failing, Some(route)));
    }
    let rest = Tallies { all: &rest, routes: &others, ..*tallies };
    claims.extend(rest.claims(for_client.0, for_client.1, None));
    claims
}

impl Tallies<'_> {
    /// What is over these thresholds, on one route or on all of them.
    fn claims(&self, slow: Threshold, failing: Threshold, on: Option<&str>) -> Vec<Claim> {
        let errors = |class, of: fn(&Tally) -> Errors| self.errors(class, of, &failing, on);
        let claims = [
            self.latency(&slow, on),
            errors("4xx", |tally| tally.errors_4xx),
            errors("5xx", |tally| tally.errors_5xx),
        ];
        claims.into_iter().flatten().collect()
    }

    fn latency(&self, threshold: &Threshold, on: Option<&str>) -> Option<Claim> {
        let over = threshold.over(self.all.average_ms(), self.all.timed)?;
        let route = self.dominant(|tally| tally.latency_us as f64);
        // That it is spent waiting for the backend goes without saying.
        let part = self.all.blame.dominant().filter(|part| *part != Part::Wait);
        let sentence = format!(
            "{} on average over {} requests{}{}, over the {} at which to {}{}",
            duration(over.figure),
            self.all.timed,
            place(on),
            self.window.words,
            duration(over.limit),
            over.action,
            mostly_in(route.as_deref(), part, "most of that time"),
        );
        let of = (rule("latency", on), on.map(str::to_owned).or(route));
        Some(over.claim(sentence, of, self.all.timed, self.all.slow_since, self.window))
    }

    fn errors(
        &self,
        class: &str,
        of: fn(&Tally) -> Errors,
        threshold: &Threshold,
        on: Option<&str>,
    ) -> Option<Claim> {
        let (sample, errors) = (self.all.requests, of(self.all));
        let over = threshold.over(errors.count as f64 / sample as f64, sample)?;
        let route = self.dominant(|tally| of(tally).count as f64);
        let sentence = format!(
            "{class} errors on {} of {sample} requests{}{}, over the {} at which to {}{}",
            percent(over.figure),
            place(on),
            self.window.words,
            percent(over.limit),
            over.action,
            mostly(route.as_deref(), "most of them"),
        );
        let of = (rule(class, on), on.map(str::to_owned).or(route));
        Some(over.claim(sentence, of, sample, errors.since, self.window))
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
        (rule, route): (String, Option<String>),
        sample: u64,
        since: Option<Timestamp>,
        window: Window,
    ) -> Claim {
        let verdict = Verdict {
            kind: "threshold".to_owned(),
            rule: Some(rule),
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
