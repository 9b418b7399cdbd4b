//! Objectives: what was promised, such as `p95<300ms`, counted exactly. A percentile is under a limit just when
//! the share of those over it is no more than the rest, so counts say it all, and add up over parts.

use wayside_exchange::view::{OutlierView, Verdict};
use wayside_exchange::{Glance, Outcome, Timestamp};

use super::rules::{self, Misses, Objective, Rule};
use super::words::percent;
use super::{Claim, Thresholds, Window};
use crate::outlier::count_at_least;
use crate::session::has_latency;
use crate::tables::HashMap;

/// Below so many requests no promise is broken.
const SAMPLE: u64 = 20;
/// Counts that are kept; what comes when there are so many is not held against any promise.
const CELLS: usize = 200_000;

/// The window that promises are looked at in while a recorder runs.
const LATELY: Window = Window { name: "15m", words: " in the last 15 minutes" };

/// What was promised lately.
#[derive(Clone, Debug)]
pub struct Promises(Objectives);

impl Promises {
    /// What the rules of these promise.
    pub fn of(thresholds: &Thresholds) -> Self {
        Self(Objectives::of(thresholds.rules))
    }

    /// Takes one exchange, in any order.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.0.add(row);
    }

    /// Takes what others counted.
    pub fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// The promises that are broken, the worst first.
    pub fn broken(&self) -> Vec<OutlierView> {
        let mut all: Vec<(String, Claim)> = Vec::new();
        for (client, claims) in self.0.broken(LATELY) {
            all.extend(claims.into_iter().map(|claim| (client.clone(), claim)));
        }
        all.sort_by(|(a, one), (b, other)| {
            let worst = other.severity.total_cmp(&one.severity);
            worst.then_with(|| (a, &one.verdict.sentence).cmp(&(b, &other.verdict.sentence)))
        });
        all.into_iter().map(|(client, claim)| super::outlier(&client, claim.verdict)).collect()
    }
}

/// What requests are held against: the client, and the route where an objective is for one.
type Of = (String, Option<String>);

/// Counts for every objective that some client or route has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objectives {
    rules: &'static [Rule],
    /// With a count for each objective that holds.
    counts: HashMap<Of, Vec<Count>>,
}

#[derive(Clone, Debug)]
struct Count {
    objective: &'static Objective,
    requests: u64,
    missed: u64,
    since: Option<Timestamp>,
}

impl Objectives {
    pub(crate) fn of(rules: &'static [Rule]) -> Self {
        let promising = rules.iter().any(|rule| !rule.objectives.is_empty());
        Self { rules: if promising { rules } else { &[] }, counts: HashMap::default() }
    }

    pub(crate) fn add(&mut self, row: &Glance<'_>) {
        if self.rules.is_empty() {
            return;
        }
        for route in [None, Some(row.route)] {
            let of = (row.client.to_owned(), route.map(str::to_owned));
            if !self.counts.contains_key(&of) {
                if self.counts.len() >= CELLS {
                    continue;
                }
                let counts = held_against(self.rules, row.client, route);
                self.counts.insert(of.clone(), counts);
            }
            let counts = self.counts.get_mut(&of).map(Vec::as_mut_slice).unwrap_or_default();
            for count in counts {
                count.add(row);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        if self.rules.is_empty() {
            self.rules = other.rules;
        }
        for (of, counts) in other.counts {
            if let Some(known) = self.counts.get_mut(&of) {
                known.iter_mut().zip(&counts).for_each(|(known, count)| known.merge(count));
            } else if self.counts.len() < CELLS {
                self.counts.insert(of, counts);
            }
        }
    }

    /// The promises that are broken, by client.
    pub(crate) fn broken(&self, window: Window) -> HashMap<String, Vec<Claim>> {
        let mut broken: HashMap<String, Vec<Claim>> = HashMap::default();
        for ((client, route), counts) in &self.counts {
            let claims = counts.iter().filter_map(|count| count.claim(route.as_deref(), window));
            for claim in claims {
                broken.entry(client.clone()).or_default().push(claim);
            }
        }
        broken
    }
}

/// The objectives of the most specific rule that has any.
fn held_against(rules: &'static [Rule], client: &str, route: Option<&str>) -> Vec<Count> {
    let promises =
        |rule: &'static Rule| (!rule.objectives.is_empty()).then_some(rule.objectives.as_slice());
    let found = match route {
        Some(route) => rules::on_route(rules, client, route, promises),
        None => rules::for_client(rules, client, promises),
    };
    let count = |objective| Count { objective, requests: 0, missed: 0, since: None };
    found.unwrap_or_default().iter().map(count).collect()
}

impl Count {
    fn add(&mut self, row: &Glance<'_>) {
        let status = row.status.unwrap_or_default();
        let failed = status >= 500 || row.outcome == Outcome::UpstreamFailed;
        let (counts, missed) = match self.objective.misses {
            Misses::Slower(ms) => (
                has_latency(row) && row.outcome != Outcome::ClientCancelled,
                row.latency().as_millis() > ms,
            ),
            Misses::Errors => (true, failed || status >= 400),
            Misses::Errors4xx => (true, !failed && status >= 400),
            Misses::Errors5xx => (true, failed),
        };
        if !counts {
            return;
        }
        self.requests += 1;
        if missed {
            self.missed += 1;
            self.since = Some(self.since.map_or(row.started_at, |since| since.min(row.started_at)));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.missed += other.missed;
        self.since = [self.since, other.since].into_iter().flatten().min();
    }

    fn claim(&self, route: Option<&str>, window: Window) -> Option<Claim> {
        let allowed = self.objective.allowed;
        let share = self.missed as f64 / self.requests.max(1) as f64;
        if self.requests < SAMPLE || share <= allowed {
            return None;
        }
        let what = match self.objective.misses {
            Misses::Slower(_) => "took longer",
            _ => "failed",
        };
        let on = route.map(|route| format!(" on `{route}`")).unwrap_or_default();
        let sentence = format!(
            "misses `{}`{on}: {} of {} requests{} {what}, where {} may",
            self.objective.written,
            percent(share),
            self.requests,
            window.words,
            percent(allowed),
        );
        let baseline = match self.objective.misses {
            Misses::Slower(ms) => ms,
            _ => allowed,
        };
        let chance = count_at_least(self.missed, allowed * self.requests as f64, 0.0);
        let verdict = Verdict {
            kind: "threshold".to_owned(),
            route: route.map(str::to_owned),
            sentence,
            effect: share / allowed.max(1e-6),
            baseline,
            window: window.name.to_owned(),
            sample: self.requests,
            confidence: Some((1.0 - chance).clamp(0.0, 0.9999)),
            since: self.since.unwrap_or_default(),
        };
        // A promise is where somebody is called.
        Some(Claim { severity: (share / allowed.max(1e-6)).min(10.0), verdict })
    }
}
