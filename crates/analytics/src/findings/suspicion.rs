//! A suspicion, and what becomes of it when a few of its exchanges are looked up.

use std::fmt::Write as _;

use wayside_exchange::view::{CostView, FindingView};
use wayside_exchange::{Exchange, ExchangeId};

use super::Lookup;
use super::tally::{Sample, Tally};
use crate::verdict::quoted;

/// Samples that are looked up for one suspicion.
const LOOKED_UP: usize = 12;
/// Examples that are told.
const EXAMPLES: usize = 5;
/// The share of the samples that must bear a suspicion out.
const ENOUGH: f64 = 0.5;

/// Whether a sample bears the suspicion out; none when that cannot be told any more.
pub(super) type Proof = fn(&Sample, &mut dyn Lookup) -> Option<bool>;

/// What a detector suspects of a client.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) kind: &'static str,
    pub(super) route: Option<String>,
    pub(super) tally: Tally,
    /// So many must be left after the proof.
    pub(super) least: u64,
    /// What only heads and bodies tell; none when the rows said it all.
    pub(super) proof: Option<Proof>,
    /// The sentence about what was proved.
    pub(super) say: fn(&Told<'_>) -> String,
}

/// What a sentence is made of.
pub(super) struct Told<'a> {
    pub(super) route: Option<&'a str>,
    pub(super) count: u64,
    /// Requests, milliseconds of the backend and bytes that need not have been.
    pub(super) requests: u64,
    pub(super) bytes: u64,
    /// What the detector added up, for each one counted.
    pub(super) average: f64,
}

impl Suspicion {
    /// What suspicions are merged by.
    pub(super) fn key(&self) -> (&'static str, Option<&str>) {
        (self.kind, self.route.as_deref())
    }

    /// The finding, unless the samples say otherwise.
    pub(super) fn proved(&self, client: &str, lookup: &mut dyn Lookup) -> Option<FindingView> {
        let tally = &self.tally;
        let (share, examples) = match self.proof {
            Some(proof) => self.share(proof, lookup)?,
            None => (1.0, tally.samples.iter().map(|sample| sample.id).collect()),
        };
        let part = |whole: u64| (whole as f64 * share).round() as u64;
        let count = part(tally.count);
        if share < ENOUGH || count < self.least {
            return None;
        }
        let (requests, bytes) = (part(tally.cost.requests), part(tally.cost.bytes));
        let told = Told {
            route: self.route.as_deref(),
            count,
            requests,
            bytes,
            average: tally.sum as f64 / tally.count.max(1) as f64,
        };
        let mut exchanges = format!("client:\"{}\"", quoted(client));
        if let Some(route) = &self.route {
            let _ = write!(exchanges, " route:\"{}\"", quoted(route));
        }
        Some(FindingView {
            client: client.to_owned(),
            kind: self.kind.to_owned(),
            route: self.route.clone(),
            sentence: (self.say)(&told),
            count,
            cost: CostView {
                requests,
                backend_seconds: tally.cost.wait.as_millis() / 1000.0 * share,
                bytes,
            },
            first_seen: tally.first,
            last_seen: tally.last,
            examples: examples.into_iter().take(EXAMPLES).collect(),
            exchanges,
        })
    }

    /// The share of the samples that bear it out, and which those are; none when none can be read.
    fn share(&self, proof: Proof, lookup: &mut dyn Lookup) -> Option<(f64, Vec<ExchangeId>)> {
        let samples = &self.tally.samples;
        let step = samples.len().div_ceil(LOOKED_UP).max(1);
        let (mut looked_up, mut examples) = (0, Vec::new());
        for sample in samples.iter().step_by(step) {
            if let Some(borne_out) = proof(sample, lookup) {
                looked_up += 1;
                examples.extend(borne_out.then_some(sample.id));
            }
        }
        (looked_up > 0).then(|| (examples.len() as f64 / f64::from(looked_up), examples))
    }
}

/// Whether the request has a field of one of these names.
pub(super) fn sends(exchange: &Exchange, names: &[&str]) -> bool {
    names.iter().any(|name| exchange.request.head.field(name).is_some())
}

/// The value of a field of the response.
pub(super) fn answers(exchange: &Exchange, name: &str) -> Option<String> {
    let response = exchange.response.as_ref()?;
    response.head.field(name).map(|value| String::from_utf8_lossy(value).into_owned())
}

impl Told<'_> {
    /// The route in backticks, or words for all of them.
    pub(super) fn on(&self) -> String {
        self.route.map_or_else(|| "several routes".to_owned(), |route| format!("`{route}`"))
    }
}
