//! Which claims stand: entered on clear proof, left when it has been none for a while.

use std::collections::HashMap;
use std::sync::Arc;

use wayside_exchange::{Micros, Timestamp};

use crate::tables::moved;
use crate::verdict::Claim;

/// A claim that has not held for so long no longer stands.
const PATIENCE: Micros = Micros(30_000_000);

/// Client, topic and window.
type Key = (Arc<str>, (String, String), &'static str);

#[derive(Debug)]
struct Standing {
    claim: Claim,
    since: Timestamp,
    /// When it last held, be it by half.
    held: Timestamp,
}

/// All claims that stand.
#[derive(Debug, Default)]
pub(super) struct Standings {
    all: HashMap<Key, Standing>,
}

impl Standings {
    /// Takes the claims of one window, each with whether it is proof enough to enter; the others only
    /// keep what stands.
    pub(super) fn update(
        &mut self,
        window: &'static str,
        claims: Vec<(Arc<str>, Claim, bool)>,
        now: Timestamp,
    ) {
        for (client, claim, enters) in claims {
            let (kind, rule) = claim.verdict.topic();
            let key = (client, (kind.to_owned(), rule.to_owned()), window);
            match self.all.get_mut(&key) {
                Some(standing) => (standing.claim, standing.held) = (claim, now),
                None if enters => {
                    let since = claim.verdict.since;
                    self.all.insert(key, Standing { claim, since, held: now });
                }
                None => {}
            }
        }
        self.all.retain(|(_, _, of), one| *of != window || now.since(one.held) < PATIENCE);
    }

    /// Lets claims on clients that turned out to be others stand for these; of two the one that stands longer.
    pub(super) fn rename(&mut self, of: &dyn Fn(&str) -> Option<Arc<str>>) {
        let renamed = |(client, topic, window): &Key| Some((of(client)?, topic.clone(), *window));
        for (to, one) in moved(&mut self.all, renamed) {
            match self.all.get_mut(&to) {
                Some(known) => known.since = known.since.min(one.since),
                None => drop(self.all.insert(to, one)),
            }
        }
    }

    /// The claims, of each client and topic the worst.
    pub(super) fn standing(&self) -> impl Iterator<Item = (Arc<str>, Claim)> {
        let mut worst: HashMap<(&Arc<str>, (&str, &str)), &Standing> = HashMap::new();
        for ((client, (kind, rule), _), one) in &self.all {
            let known = worst.entry((client, (kind.as_str(), rule.as_str()))).or_insert(one);
            let (claim, before) = (&one.claim, &known.claim);
            let order = claim.severity.total_cmp(&before.severity);
            // Of two alike that with more requests behind it; then that of the shorter window.
            let order = order.then(claim.verdict.sample.cmp(&before.verdict.sample));
            if order.then(before.verdict.window.cmp(&claim.verdict.window)).is_gt() {
                *known = one;
            }
        }
        let mut found: Vec<(Arc<str>, Claim)> = worst
            .into_iter()
            .map(|((client, _), one)| {
                let mut claim = one.claim.clone();
                claim.verdict.since = one.since;
                (Arc::clone(client), claim)
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.into_iter()
    }
}
