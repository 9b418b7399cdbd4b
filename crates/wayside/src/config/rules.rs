//! `[[rule]]` in the configuration, or in a file of its own: thresholds and objectives for some clients, groups or
//! routes.
//!
//! Every mistake is told with the line it is on and a mark under it.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};
use wayside_analytics::{Misses, Objective, Rule, Threshold};
use wayside_exchange::Label;

use super::clients::spelled;
use super::file::{self, Contents, Table};
use super::settings::{positive, share, threshold};
use crate::report::trouble::Trouble;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    client: Option<Spanned<Texts>>,
    group: Option<Spanned<Texts>>,
    route: Option<Spanned<String>>,
    slow: Option<Spanned<String>>,
    failing: Option<Spanned<String>>,
    slo: Option<Spanned<Texts>>,
}

/// One text, or several.
enum Texts {
    One(String),
    Several(Vec<Spanned<String>>),
}

/// What is wrong, and where.
struct Wrong {
    reason: String,
    at: Option<Range<usize>>,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts::Several(texts))
            }
        }
        from.deserialize_any(Reading)
    }
}

/// Reads the file of rules at `path`; `labels` are the clients and groups that a rule can be for.
pub(super) fn read(path: &Path, labels: &[Label]) -> anyhow::Result<Vec<Rule>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        Trouble::misused(format!("could not read the rules `{}`", path.display()))
    })?;
    Ok(alone(&text, path, labels)?)
}

fn alone(text: &str, path: &Path, labels: &[Label]) -> Result<Vec<Rule>, Trouble> {
    let Contents { values, clients, rules: written } =
        file::parse(text).map_err(|wrong| super::wrong_file(wrong, path))?;
    let other = clients.map(|_| file::CLIENTS).or(values.first().map(|(key, _)| key.name));
    if let Some(other) = other {
        let path = path.display();
        return Err(Trouble::misused(format!("`{other}` does not belong into the rules `{path}`"))
            .hint("beside `[[rule]]` all stands in the configuration (`--config FILE`)"));
    }
    written.map_or(Ok(Vec::new()), |written| rules(written, text, path, labels))
}

/// The rules in the table of them, which stands in `text`.
pub(super) fn rules(
    written: Table<'_>,
    text: &str,
    path: &Path,
    labels: &[Label],
) -> Result<Vec<Rule>, Trouble> {
    parse(written, labels).map_err(|wrong| trouble(&wrong, text, path))
}

fn parse(written: Table<'_>, labels: &[Label]) -> Result<Vec<Rule>, Wrong> {
    let at = written.span();
    if !matches!(written.get_ref(), DeValue::Array(_)) {
        let reason = "rules are tables in a row: write `[[rule]]` above each".to_owned();
        return Err(Wrong { reason, at: Some(at) });
    }
    let written: Vec<Spanned<WrittenRule>> = Vec::deserialize(ValueDeserializer::from(written))
        .map_err(|error| Wrong {
            reason: error.message().to_owned(),
            at: error.span().or(Some(at)),
        })?;
    written.into_iter().map(|written| rule(written, labels)).collect()
}

/// A rule as it is written, in JSON; each field is the same in TOML.
pub fn written(rule: &Rule) -> Map<String, Value> {
    let list = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts));
    let seconds =
        |ms: f64| if ms < 1000.0 { format!("{ms}ms") } else { format!("{}s", ms / 1000.0) };
    let percent = |share: f64| format!("{}%", (share * 1e8).round() / 1e6);
    let two = |of: Option<Threshold>, show: &dyn Fn(f64) -> String| {
        of.map(|of| json!(format!("{},{}", show(of.investigate), show(of.escalate))))
    };
    let slo: Vec<String> = rule.objectives.iter().map(|one| one.written.clone()).collect();
    let fields = [
        ("client", list(&rule.clients)),
        ("group", list(&rule.groups)),
        ("route", rule.route.as_ref().map(|route| json!(route))),
        ("slow", two(rule.slow, &seconds)),
        ("failing", two(rule.failing, &percent)),
        ("slo", list(&slo)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn rule(written: Spanned<WrittenRule>, labels: &[Label]) -> Result<Rule, Wrong> {
    let at = written.span();
    let written = written.into_inner();
    let milliseconds = |text: &str| Ok(positive(text)?.as_secs_f64() * 1000.0);
    let slow = figures(written.slow, |text| threshold(text, "500ms,1s", milliseconds))?;
    let failing = figures(written.failing, |text| threshold(text, "1%,5%", share))?;
    let objectives = each(written.slo, objective)?;
    if slow.is_none() && failing.is_none() && objectives.is_empty() {
        let reason = "a rule needs one of `slow`, `failing` and `slo`".to_owned();
        return Err(Wrong { reason, at: Some(at) });
    }
    Ok(Rule {
        clients: each(written.client, |text| client(text, labels))?,
        groups: each(written.group, |text| group(text, labels))?,
        route: written.route.map(route).transpose()?,
        slow,
        failing,
        objectives: objectives.into(),
    })
}

fn each<T>(
    texts: Option<Spanned<Texts>>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Wrong> {
    let Some(texts) = texts else { return Ok(Vec::new()) };
    let at = texts.span();
    let texts = match texts.into_inner() {
        Texts::One(text) => vec![Spanned::new(at, text)],
        // It would be for everybody.
        Texts::Several(texts) if texts.is_empty() => {
            return Err(Wrong { reason: "the list is empty".to_owned(), at: Some(at) });
        }
        Texts::Several(texts) => texts,
    };
    let read = |text: &Spanned<String>| {
        let at = Some(text.span());
        read(text.get_ref()).map_err(|reason| Wrong { reason, at })
    };
    texts.iter().map(read).collect()
}

/// What clients are called, or the names of evidence; a pattern may fit either.
fn client(text: &str, labels: &[Label]) -> Result<String, String> {
    if labels.iter().any(|label| label.name.eq_ignore_ascii_case(text)) {
        return Ok(text.to_owned());
    }
    match spelled(text) {
        Some(name) => Ok(name),
        None if text.contains('*') => Ok(text.to_owned()),
        None => Err(format!(
            "no client is called `{text}`: write a name out of `[clients]`, or one that begins with `key:`, `basic:` \
             or the like, as `wayside clients` shows it"
        )),
    }
}

fn group(text: &str, labels: &[Label]) -> Result<String, String> {
    let mut groups: Vec<&str> = labels.iter().filter_map(|label| label.group.as_deref()).collect();
    if text.contains('*') || groups.iter().any(|group| group.eq_ignore_ascii_case(text)) {
        return Ok(text.to_owned());
    }
    groups.sort_unstable();
    groups.dedup();
    let known = match groups.as_slice() {
        [] => "no client has a `group` in `[clients]`".to_owned(),
        groups => format!("the groups in `[clients]` are `{}`", groups.join("`, `")),
    };
    Err(format!("no client is in the group `{text}`: {known}"))
}

fn route(text: Spanned<String>) -> Result<String, Wrong> {
    let at = Some(text.span());
    let text = text.into_inner();
    if text.contains([' ', '*']) {
        return Ok(text);
    }
    let reason = format!(
        "`{text}` is no route: write it as `GET /orders/{{id}}`, as `wayside routes` shows it, `*` for any characters"
    );
    Err(Wrong { reason, at })
}

fn figures(
    text: Option<Spanned<String>>,
    read: impl Fn(&str) -> Result<Threshold, String>,
) -> Result<Option<Threshold>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    let at = Some(text.span());
    read(text.get_ref()).map(Some).map_err(|reason| Wrong { reason, at })
}

/// `p95<300ms`, `errors<1%`, `5xx<0.1%`.
fn objective(text: &str) -> Result<Objective, String> {
    let wrong = || {
        format!("`{text}` is not an objective: write it as `p95<300ms`, `errors<1%` or `5xx<1%`")
    };
    let (what, limit) = text.split_once('<').ok_or_else(wrong)?;
    let (what, limit) = (what.trim(), limit.trim());
    let (misses, allowed) = match what {
        "errors" => (Misses::Errors, part(limit)?),
        "4xx" => (Misses::Errors4xx, part(limit)?),
        "5xx" => (Misses::Errors5xx, part(limit)?),
        _ => {
            let percent: f64 =
                what.strip_prefix('p').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
            if !(percent > 0.0 && percent < 100.0) {
                return Err(format!("`{what}` is no percentile: it is between p0 and p100"));
            }
            let limit = positive(limit)?.as_secs_f64() * 1000.0;
            (Misses::Slower(limit), 1.0 - percent / 100.0)
        }
    };
    Ok(Objective { written: format!("{what}<{limit}"), misses, allowed })
}

/// A share that can be missed.
fn part(text: &str) -> Result<f64, String> {
    match share(text)? {
        all if all >= 1.0 => {
            Err(format!("not more than `{text}` can fail: less has to be promised"))
        }
        part => Ok(part),
    }
}

fn trouble(wrong: &Wrong, text: &str, path: &Path) -> Trouble {
    let path = path.display();
    let Some(at) = &wrong.at else {
        return Trouble::misused(format!("wrong rules in `{path}`")).cause(wrong.reason.clone());
    };
    let before = text.get(..at.start).unwrap_or_default();
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(begin..).unwrap_or_default().chars().count() + 1;
    let number = before.matches('\n').count() + 1;
    Trouble::misused(format!("wrong rule at line {number} of `{path}`"))
        .cause(wrong.reason.clone())
        .pointing_at(line, column)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::*;
    use crate::report::paint::Paint;
    use crate::report::trouble::describe;

    fn acme() -> Label {
        let (name, group) = ("Acme Ltd".to_owned(), Some("Retail".to_owned()));
        Label { name, group, ..Label::default() }
    }

    #[test]
    fn rules_are_read_with_all_they_say() {
        let text = "[[rule]]\nclient = \"acme*\"\nroute = \"GET /x\"\nslow = \"2s,5s\"\n\n\
                    [[rule]]\nclient = [\"Acme ltd\", \"user:b\"]\ngroup = \"retail\"\nfailing = \"5%,10%\"\nslo = [\"p95 < 300ms\", \"5xx<1%\"]\n";
        let rules = alone(text, Path::new("rules.toml"), &[acme()]).unwrap();
        assert_eq!(rules[0].clients, ["acme*"]);
        assert_eq!(rules[0].slow, Some(Threshold { investigate: 2000.0, escalate: 5000.0 }));
        assert_eq!((rules[1].clients.len(), rules[1].route.as_deref()), (2, None));
        let [p95, errors] = &rules[1].objectives[..] else { panic!("two objectives") };
        assert_eq!((p95.written.as_str(), p95.misses), ("p95<300ms", Misses::Slower(300.0)));
        assert!((p95.allowed - 0.05).abs() < 1e-9 && (errors.allowed - 0.01).abs() < 1e-9);
        assert_eq!(rules[1].groups, ["retail"]);
        assert_eq!(
            json!(rules.iter().map(written).collect::<Vec<_>>()),
            json!([
                { "client": ["acme*"], "route": "GET /x", "slow": "2s,5s" },
                { "client": ["Acme ltd", "basic:b"], "group": ["retail"], "failing": "5%,10%", "slo": ["p95<300ms", "5xx<1%"] },
            ])
        );
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let said = |text: &str| {
            let wrong = alone(text, Path::new("rules.toml"), &[acme()]).unwrap_err();
            describe(&wrong.into(), Paint::plain())
        };
        assert_eq!(
            said("[[rule]]\nslo = [\"p95<300ms\", \"p95>1s\"]\n"),
            "error: wrong rule at line 2 of `rules.toml`\n  slo = [\"p95<300ms\", \"p95>1s\"]\n\
             \x20                     ^\n  caused by: `p95>1s` is not an objective: write it as `p95<300ms`, \
             `errors<1%` or `5xx<1%`\n"
        );
        assert!(said("[[rule]]\nslwo = \"1s,2s\"\n").contains("unknown field `slwo`"));
        assert!(said("[[rule]]\nslow = \"2s,1s\"\n").contains("must not be the lower one"));
        assert!(said("[[rule]]\nclient = \"key:a\"\n").contains("needs one of `slow`"));
        let of = |what: &str| said(&format!("[[rule]]\nslow = \"1s,2s\"\n{what}\n"));
        assert_eq!(
            of("group = [\"retail\", \"gold\"]"),
            "error: wrong rule at line 3 of `rules.toml`\n  group = [\"retail\", \"gold\"]\n                     ^\n  \
             caused by: no client is in the group `gold`: the groups in `[clients]` are `Retail`\n"
        );
        assert!(of("client = \"Acme Inc\"").contains("no client is called `Acme Inc`"));
        assert!(of("slo = \"p95>1s\"").contains("  slo = \"p95>1s\"\n        ^\n"));
        assert!(of("client = 3").contains("expected a text or a list of texts"));
        assert!(of("client = []").contains("the list is empty"));
        assert!(of("route = \"/orders\"").contains("`/orders` is no route"));
        assert!(of("slo = [\"5xx<100%\"]").contains("less has to be promised"));
        assert!(said("[[rule]\n").contains("line 1"));
        assert!(said("[[rul]]\n").contains("did you mean `rule`?"));
        assert!(said("rule = 1\n").contains("write `[[rule]]` above each"));
        assert!(said("[rule]\nslow = \"1s,2s\"\n").contains("write `[[rule]]` above each"));
        assert!(said("slow = \"1s,2s\"\n").contains("`slow` does not belong into the rules"));
    }
}
