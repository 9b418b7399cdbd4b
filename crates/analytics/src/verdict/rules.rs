//! Rules of people's own: other thresholds, and objectives, for some clients or routes.
//!
//! Of several rules that fit the most specific one holds: client and route, route, client, neither; of two
//! alike the later one.

use super::threshold::Threshold;

/// What some clients or routes are held against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Names of clients, `*` for any characters; any client where there are none.
    pub clients: Vec<String>,
    /// A route, `*` for any characters; none is for all of a client's routes together.
    pub route: Option<String>,
    /// For average latencies in milliseconds.
    pub slow: Option<Threshold>,
    /// For shares of the requests, from 0 to 1.
    pub failing: Option<Threshold>,
    /// What was promised.
    pub objectives: Vec<Objective>,
}

/// A promise, such as `p95<300ms` or `errors<1%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// As it was written.
    pub written: String,
    /// What misses it.
    pub misses: Misses,
    /// The share of the requests that may, from 0 to 1.
    pub allowed: f64,
}

/// What misses an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Misses {
    /// An answer that took longer than so many milliseconds.
    Slower(f64),
    /// A status of 400 and above, or no answer by the backend's fault.
    Errors,
    /// A status of 400 to 499.
    Errors4xx,
    /// A status of 500 and above, or no answer by the backend's fault.
    Errors5xx,
}

impl Rule {
    fn fits_client(&self, client: &str) -> bool {
        self.clients.is_empty() || self.clients.iter().any(|pattern| fits(pattern, client))
    }

    /// The greater the more specific; none when it does not fit the client.
    fn rank(&self, client: &str) -> Option<bool> {
        self.fits_client(client).then_some(!self.clients.is_empty())
    }
}

/// The most specific rule for all routes of a client that says what `of` asks for.
pub(crate) fn for_client<T>(
    rules: &'static [Rule],
    client: &str,
    of: impl Fn(&'static Rule) -> Option<T>,
) -> Option<T> {
    let fit = rules.iter().filter(|rule| rule.route.is_none());
    most_specific(fit, client, of)
}

/// The same for one route.
pub(crate) fn on_route<T>(
    rules: &'static [Rule],
    client: &str,
    route: &str,
    of: impl Fn(&'static Rule) -> Option<T>,
) -> Option<T> {
    let named = |rule: &&Rule| rule.route.as_deref().is_some_and(|pattern| fits(pattern, route));
    most_specific(rules.iter().filter(named), client, of)
}

fn most_specific<T>(
    fit: impl Iterator<Item = &'static Rule>,
    client: &str,
    of: impl Fn(&'static Rule) -> Option<T>,
) -> Option<T> {
    let ranked = fit.filter_map(|rule| Some((rule.rank(client)?, of(rule)?)));
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, found)| found)
}

/// Whether the whole of `text` is as the pattern says, without regard to case.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(clients: &[&str], route: Option<&str>, ms: f64) -> Rule {
        let slow = Some(Threshold { investigate: ms, escalate: ms });
        let clients = clients.iter().map(ToString::to_string).collect();
        Rule { clients, route: route.map(str::to_owned), slow, ..Rule::default() }
    }

    #[test]
    fn stars_stand_for_anything_and_case_for_nothing() {
        for (pattern, text, fit) in [
            ("basic:acme*", "basic:Acme-mobile", true),
            ("*mobile", "basic:acme-mobile", true),
            ("GET /orders/*/items", "GET /orders/{id}/items", true),
            ("*", "", true),
            ("a*b*c", "a-c-b", false),
            ("acme", "acme2", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn the_most_specific_rule_holds() {
        let rules: &'static [Rule] = Box::leak(Box::new([
            rule(&["acme*"], Some("GET /x"), 1.0),
            rule(&[], Some("GET /x"), 2.0),
            rule(&["acme*"], None, 3.0),
            rule(&[], None, 4.0),
            rule(&[], None, 5.0),
        ]));
        let slow = |rule: &'static Rule| rule.slow.map(|slow| slow.escalate);
        assert_eq!(on_route(rules, "acme1", "GET /x", slow), Some(1.0));
        assert_eq!(on_route(rules, "other", "GET /x", slow), Some(2.0));
        assert_eq!(on_route(rules, "acme1", "GET /y", slow), None);
        assert_eq!(for_client(rules, "acme1", slow), Some(3.0));
        assert_eq!(for_client(rules, "other", slow), Some(5.0), "of two alike the later one");
    }
}
