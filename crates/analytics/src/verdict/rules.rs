//! Rules of people's own: other thresholds, and objectives, for some clients, groups or routes.
//!
//! Of several rules that fit the most specific one holds. What is for a route goes before what is for all of
//! them; then what names the client, what names its group, and what is for every client. Of two alike the
//! later one.

use std::collections::BTreeMap;
use std::sync::Arc;

use wayside_exchange::Links;

use super::threshold::{Threshold, Thresholds};

/// What some clients or routes are held against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Names of clients, `*` for any characters.
    pub clients: Vec<String>,
    /// Groups of clients, `*` for any characters. Any client where neither these nor `clients` are.
    pub groups: Vec<String>,
    /// A route, `*` for any characters; none is for all of a client's routes together.
    pub route: Option<String>,
    /// For average latencies in milliseconds.
    pub slow: Option<Threshold>,
    /// For shares of the requests, from 0 to 1.
    pub failing: Option<Threshold>,
    /// What was promised.
    pub objectives: Arc<[Objective]>,
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

/// How a rule fits a client, the more specific the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Everybody,
    Group,
    Client,
}

impl Rule {
    fn fit(&self, client: &str, group: Option<&str>) -> Option<Fit> {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|one| fits(one, text));
        if any(&self.clients, client) {
            return Some(Fit::Client);
        }
        if group.is_some_and(|group| any(&self.groups, group)) {
            return Some(Fit::Group);
        }
        (self.clients.is_empty() && self.groups.is_empty()).then_some(Fit::Everybody)
    }
}

impl Thresholds {
    /// The same for a recording with these links: its labels say which client is in which group, and a rule
    /// for one of a client's names is for the client.
    #[must_use]
    pub fn known_by(&self, links: &Links) -> Self {
        if self.rules.is_empty() {
            return self.clone();
        }
        let grouped =
            |label: &wayside_exchange::Label| Some((label.name.clone(), label.group.clone()?));
        let groups: BTreeMap<String, String> = links.labels().iter().filter_map(grouped).collect();
        let known = |rule: &Rule| {
            let mut rule = rule.clone();
            let meant = rule.clients.iter().map(|name| links.meaning(name).to_owned());
            let other: Vec<String> = meant.filter(|name| !rule.clients.contains(name)).collect();
            rule.clients.extend(other);
            rule
        };
        let rules: Vec<Rule> = self.rules.iter().map(known).collect();
        Self { rules: rules.into(), groups: Arc::new(groups), ..self.clone() }
    }

    /// Whether some rule has an objective for this client, on all its routes or on one.
    pub(crate) fn promise_anything_to(&self, client: &str) -> bool {
        let group = self.groups.get(client).map(String::as_str);
        let fits = |rule: &Rule| !rule.objectives.is_empty() && rule.fit(client, group).is_some();
        self.rules.iter().any(fits)
    }

    /// The most specific rule for all routes of a client that says what `of` asks for.
    pub(crate) fn for_client<'a, T>(
        &'a self,
        client: &str,
        of: impl Fn(&'a Rule) -> Option<T>,
    ) -> Option<T> {
        self.most_specific(self.rules.iter().filter(|rule| rule.route.is_none()), client, of)
    }

    /// The same for one route.
    pub(crate) fn on_route<'a, T>(
        &'a self,
        client: &str,
        route: &str,
        of: impl Fn(&'a Rule) -> Option<T>,
    ) -> Option<T> {
        let named =
            |rule: &&Rule| rule.route.as_deref().is_some_and(|pattern| fits(pattern, route));
        self.most_specific(self.rules.iter().filter(named), client, of)
    }

    fn most_specific<'a, T>(
        &self,
        rules: impl Iterator<Item = &'a Rule>,
        client: &str,
        of: impl Fn(&'a Rule) -> Option<T>,
    ) -> Option<T> {
        let group = self.groups.get(client).map(String::as_str);
        let fit = rules.filter_map(|rule| Some((rule.fit(client, group)?, of(rule)?)));
        fit.max_by_key(|(fit, _)| *fit).map(|(_, found)| found)
    }
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
    use wayside_exchange::{ExchangeId, Label, Link, LinkKind};

    use super::*;

    fn rule(clients: &[&str], groups: &[&str], route: Option<&str>, ms: f64) -> Rule {
        let slow = Some(Threshold { investigate: ms, escalate: ms });
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let (clients, groups) = (texts(clients), texts(groups));
        Rule { clients, groups, route: route.map(str::to_owned), slow, ..Rule::default() }
    }

    fn slow(rule: &Rule) -> Option<f64> {
        rule.slow.map(|slow| slow.escalate)
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
        let retail = |name: &str| Label {
            name: name.to_owned(),
            matching: vec![format!("key:{name}")],
            group: Some("Retail".to_owned()),
            ..Label::default()
        };
        let mut links = Links::default();
        links.relabel(vec![retail("shop"), retail("kiosk")]);
        let rules = [
            rule(&["acme*"], &[], Some("GET /x"), 1.0),
            rule(&["kiosk"], &["wholesale"], Some("GET /x"), 2.0),
            rule(&[], &["retail"], Some("GET /x"), 3.0),
            rule(&[], &[], Some("GET /x"), 4.0),
            rule(&["acme*"], &[], None, 5.0),
            rule(&[], &["re*"], None, 6.0),
            rule(&[], &[], None, 7.0),
            rule(&[], &[], None, 8.0),
        ];
        let held = Thresholds { rules: rules.into(), ..Thresholds::default() }.known_by(&links);
        for (client, route, all) in [
            ("acme1", Some(1.0), Some(5.0)),
            ("kiosk", Some(2.0), Some(6.0)),
            ("shop", Some(3.0), Some(6.0)),
            ("other", Some(4.0), Some(8.0)),
        ] {
            assert_eq!(held.on_route(client, "GET /x", slow), route, "{client}");
            assert_eq!(held.on_route(client, "GET /y", slow), None, "{client}");
            assert_eq!(held.for_client(client, slow), all, "{client}: of two alike the later one");
        }
    }

    #[test]
    fn a_rule_for_one_of_a_clients_names_is_for_the_client() {
        let mut links = Links::default();
        let link = Link {
            name: "key:old".to_owned(),
            client: "key:new".to_owned(),
            kind: LinkKind::Rotation,
            confidence: 90,
            connection: None,
            from: ExchangeId(0),
            until: None,
            proof: ExchangeId(1),
        };
        assert!(links.add(&link));
        let rules = [rule(&["key:old"], &[], None, 1.0)];
        let held = Thresholds { rules: rules.into(), ..Thresholds::default() };
        assert_eq!(held.for_client("key:new", slow), None);
        let held = held.known_by(&links);
        assert_eq!(held.for_client("key:new", slow), Some(1.0));
        assert_eq!(held.for_client("key:other", slow), None);
    }
}
