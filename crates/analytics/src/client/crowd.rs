//! All clients, however many: the busiest each in a fold of its own, the others together in one, whose
//! name says how many there are.

use wayside_exchange::view::ClientView;
use wayside_exchange::{Glance, Summary};

use super::ClientFold;
use crate::Stars;
use crate::least::least;
use crate::outlier::{self, Observation, Rules};
use crate::slots;
use crate::tables::HashMap;
use crate::verdict::objectives::Objectives;
use crate::verdict::{self, Claim, Thresholds, peers};

/// Clients that keep a fold of their own; up to twice as many do until the next look.
const KEPT: usize = 10_000;

/// All clients that the exchanges belong to, each in its fold.
#[derive(Clone, Debug)]
pub struct Clients {
    folds: HashMap<String, ClientFold>,
    /// Those that were folded together. One that comes again after that begins anew.
    others: Option<Box<ClientFold>>,
    folded: u64,
    kept: usize,
    stars: Stars,
    objectives: Objectives,
}

impl Default for Clients {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl Clients {
    /// None yet; at least the `kept` busiest (at least one) will be told apart.
    fn keeping(kept: usize) -> Self {
        Self {
            folds: HashMap::default(),
            others: None,
            folded: 0,
            kept: kept.max(1),
            stars: Stars::default(),
            objectives: Objectives::default(),
        }
    }

    /// None yet; what the rules promise will be counted as well.
    pub fn promised(thresholds: &Thresholds) -> Self {
        Self { objectives: Objectives::of(thresholds), ..Self::default() }
    }

    /// The same, of which none with a star is folded.
    #[must_use]
    pub fn starring(self, stars: Stars) -> Self {
        Self { stars, ..self }
    }

    /// Takes one exchange.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.objectives.add(row);
        if let Some(fold) = self.folds.get_mut(row.client) {
            fold.add(row);
            return;
        }
        self.make_room();
        self.folds.insert(row.client.to_owned(), ClientFold::new(row));
    }

    /// Takes what other folds know.
    pub fn merge(&mut self, other: Self) {
        for (name, fold) in other.folds {
            if let Some(known) = self.folds.get_mut(&name) {
                known.merge(fold);
                continue;
            }
            self.make_room();
            self.folds.insert(name, fold);
        }
        self.objectives.merge(&other.objectives);
        self.folded += other.folded;
        if let Some(others) = other.others {
            self.take_among_others(*others);
        }
    }

    /// One client's fold.
    pub fn client(&self, name: &str) -> Option<&ClientFold> {
        self.folds.get(name)
    }

    /// The clients, worst first, then the busiest; those that were folded together stand last.
    pub fn views(&self, thresholds: &Thresholds) -> Vec<ClientView> {
        let (folds, mut found) = self.compared();
        let mut broken = self.objectives.missed(verdict::ALL);
        let mut judged: Vec<(f64, ClientView)> = folds
            .into_iter()
            .map(|fold| {
                let mut claims = found.remove(fold.name()).unwrap_or_default();
                claims.extend(fold.over(thresholds));
                claims.extend(broken.remove(fold.name()).unwrap_or_default());
                verdict::sort(&mut claims);
                let severity = claims.first().map_or(0.0, |worst| worst.severity);
                (severity, fold.with(claims))
            })
            .collect();
        judged.sort_by(|(severity_a, a), (severity_b, b)| {
            severity_b
                .total_cmp(severity_a)
                .then_with(|| b.requests.cmp(&a.requests))
                .then_with(|| a.name.cmp(&b.name))
        });
        let others = self.others.iter().map(|others| {
            // No client is called so: names begin with the kind of their evidence.
            let name = format!("({} others)", self.folded);
            ClientView { name, ..others.view(thresholds) }
        });
        let mut views: Vec<ClientView> =
            judged.into_iter().map(|(_, view)| view).chain(others).collect();
        let kept_busy = |fold: &ClientFold| fold.all.blame.wait;
        let all = self.folds.values().chain(self.others.as_deref());
        let whole = all.map(kept_busy).map(u128::from).sum::<u128>().max(1) as f64;
        for view in &mut views {
            let fold = self.folds.get(&view.name).or(self.others.as_deref());
            view.time_share = fold.map_or(0.0, |fold| kept_busy(fold) as f64 / whole);
        }
        views
    }

    /// The clients, and what comparing them with each other found, by client.
    fn compared(&self) -> (Vec<&ClientFold>, HashMap<&str, Vec<Claim>>) {
        // Numbered in the order of their names, so that the same exchanges give the same answer.
        let mut folds: Vec<&ClientFold> = self.folds.values().collect();
        folds.sort_unstable_by_key(|fold| fold.name());
        let on_routes = || folds.iter().flat_map(|fold| &fold.routes);
        let mut routes: Vec<&str> = on_routes()
            .map(|(route, _)| route.as_str())
            .filter(|route| !route.is_empty())
            .collect();
        routes.sort_unstable();
        routes.dedup();
        let doublings = on_routes().map(|(_, on)| on.slots.doublings()).max().unwrap_or_default();
        let mut observations = Vec::new();
        for (client, fold) in folds.iter().enumerate() {
            for (name, on) in &fold.routes {
                let Ok(route) = routes.binary_search(&name.as_str()) else { continue };
                let (client, route) = (client as u32, route as u32);
                let at = on.slots.at(doublings).into_iter();
                observations.extend(at.map(|(slot, cell)| Observation {
                    client,
                    route,
                    slot,
                    cell,
                }));
            }
        }
        let rules = Rules::default();
        let mut found: HashMap<&str, Vec<Claim>> = HashMap::default();
        for one in outlier::compare(observations) {
            let Some(fold) = folds.get(one.client as usize) else { continue };
            if one.is_outlier(&rules) {
                let route = one.route.and_then(|route| routes.get(route as usize));
                let since = slots::begin(one.since_slot, doublings).max(fold.first_seen);
                let route = route.map(|&route| route.to_owned());
                let claim = peers::claim(&one, route, verdict::ALL, since);
                found.entry(fold.name()).or_default().push(claim);
            }
        }
        (folds, found)
    }

    fn make_room(&mut self) {
        if self.folds.len() >= 2 * self.kept {
            self.fold_the_least_busy();
        }
    }

    fn take_among_others(&mut self, fold: ClientFold) {
        match &mut self.others {
            Some(others) => others.merge(fold),
            None => self.others = Some(Box::new(fold)),
        }
    }

    fn fold_the_least_busy(&mut self) {
        let stars = &self.stars;
        let worth =
            |fold: &ClientFold| if stars.has(&fold.name) { u64::MAX } else { fold.all.requests };
        let worths = self.folds.values().map(worth).collect();
        let Some(mut goes) = least(worths, self.kept) else { return };
        let gone = self.folds.extract_if(|_, fold| goes(worth(fold)));
        let gone: Vec<ClientFold> = gone.map(|(_, fold)| fold).collect();
        for fold in gone {
            self.folded += 1;
            self.take_among_others(fold);
        }
    }
}

/// The clients of `summaries`, worst first; the first error ends it.
pub fn clients<E>(
    summaries: impl IntoIterator<Item = Result<Summary, E>>,
) -> Result<Vec<ClientView>, E> {
    let mut list = Clients::default();
    for summary in summaries {
        list.add(&summary?.glance());
    }
    Ok(list.views(&Thresholds::default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use wayside_exchange::Label;

    use super::super::tests::answered;
    use super::*;

    #[test]
    fn of_a_crowd_of_clients_the_busiest_stay_and_the_others_are_counted_together() {
        let mut clients = Clients::keeping(50);
        for n in 0..5_000 {
            clients.add(&answered(&format!("key:{n}"), n, "GET /once", 404, 5).glance());
            if n % 10 == 0 {
                clients.add(&answered("key:steady", n, "GET /orders", 200, 10).glance());
            }
        }
        assert!(clients.folds.len() <= 100);
        let views = clients.views(&Thresholds::default());
        assert_eq!(views.iter().map(|view| view.requests).sum::<u64>(), 5_500, "none is lost");
        assert_eq!(clients.client("key:steady").unwrap().all.requests, 500);
        let others = views.last().unwrap();
        assert_eq!(others.name, format!("({} others)", 5_001 - clients.folds.len()));
        assert_eq!(others.errors_4xx, others.requests);
        assert!(others.p50_ms > 4.9 && others.p50_ms < 5.1, "{}", others.p50_ms);
        assert!(!others.verdicts.is_empty());
    }

    #[test]
    fn who_has_a_star_stays_however_quiet() {
        let label = Label { name: "key:quiet".to_owned(), star: true, ..Label::default() };
        let stars = Stars::of(&[label]);
        let crowd = |range: std::ops::Range<u64>| {
            let mut clients = Clients::keeping(50).starring(stars.clone());
            if range.start == 0 {
                clients.add(&answered("key:quiet", 0, "GET /orders", 200, 10).glance());
            }
            for n in range {
                for _ in 0..3 {
                    clients.add(&answered(&format!("key:{n}"), n, "GET /once", 200, 5).glance());
                }
            }
            clients
        };
        let mut clients = crowd(0..3_000);
        clients.merge(crowd(3_000..6_000));
        assert!(clients.folds.len() <= 100);
        assert_eq!(clients.client("key:quiet").unwrap().all.requests, 1);
    }
}
