//! The file of rules: thresholds and objectives for some clients or routes, in TOML.
//!
//! Every mistake is told with the line it is on and a mark under it.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use toml::Spanned;
use wayside_analytics::{Misses, Objective, Rule, Threshold};

use super::settings::{positive, share, threshold};
use crate::report::trouble::Trouble;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    rule: Vec<Spanned<WrittenRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    client: Option<OneOrMany>,
    route: Option<String>,
    slow: Option<Spanned<String>>,
    failing: Option<Spanned<String>>,
    #[serde(default)]
    slo: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What is wrong, and where.
struct Wrong {
    reason: String,
    at: Option<Range<usize>>,
}

/// Reads the rules in the file at `path`.
pub fn read(path: &Path) -> anyhow::Result<Vec<Rule>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        Trouble::misused(format!("could not read the rules `{}`", path.display()))
    })?;
    parse(&text).map_err(|wrong| trouble(&wrong, &text, path).into())
}

fn parse(text: &str) -> Result<Vec<Rule>, Wrong> {
    let written: Written = toml::from_str(text).map_err(|error: toml::de::Error| Wrong {
        reason: error.message().to_owned(),
        at: error.span(),
    })?;
    written.rule.into_iter().map(rule).collect()
}

fn rule(written: Spanned<WrittenRule>) -> Result<Rule, Wrong> {
    let at = written.span();
    let written = written.into_inner();
    let milliseconds = |text: &str| Ok(positive(text)?.as_secs_f64() * 1000.0);
    let slow = figures(written.slow, |text| threshold(text, "500ms,1s", milliseconds))?;
    let failing = figures(written.failing, |text| threshold(text, "1%,5%", share))?;
    let objectives = written.slo.into_iter().map(|text| {
        let at = text.span();
        objective(text.get_ref()).map_err(|reason| Wrong { reason, at: Some(at) })
    });
    let objectives = objectives.collect::<Result<Vec<Objective>, Wrong>>()?;
    if slow.is_none() && failing.is_none() && objectives.is_empty() {
        let reason = "a rule needs one of `slow`, `failing` and `slo`".to_owned();
        return Err(Wrong { reason, at: Some(at) });
    }
    let clients = match written.client {
        None => Vec::new(),
        Some(OneOrMany::One(client)) => vec![client],
        Some(OneOrMany::Many(clients)) => clients,
    };
    Ok(Rule { clients, route: written.route, slow, failing, objectives })
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
        "errors" => (Misses::Errors, share(limit)?),
        "4xx" => (Misses::Errors4xx, share(limit)?),
        "5xx" => (Misses::Errors5xx, share(limit)?),
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

    #[test]
    fn rules_are_read_with_all_they_say() {
        let text = "[[rule]]\nclient = \"acme*\"\nroute = \"GET /x\"\nslow = \"2s,5s\"\n\n\
                    [[rule]]\nclient = [\"a\", \"b\"]\nfailing = \"5%,10%\"\nslo = [\"p95 < 300ms\", \"5xx<1%\"]\n";
        let rules = parse(text).ok().unwrap();
        assert_eq!(rules[0].clients, ["acme*"]);
        assert_eq!(rules[0].slow, Some(Threshold { investigate: 2000.0, escalate: 5000.0 }));
        assert_eq!((rules[1].clients.len(), rules[1].route.as_deref()), (2, None));
        let [p95, errors] = &rules[1].objectives[..] else { panic!("two objectives") };
        assert_eq!((p95.written.as_str(), p95.misses), ("p95<300ms", Misses::Slower(300.0)));
        assert!((p95.allowed - 0.05).abs() < 1e-9 && (errors.allowed - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let said = |text: &str| {
            let wrong = parse(text).err().unwrap();
            describe(&trouble(&wrong, text, Path::new("rules.toml")).into(), Paint::plain())
        };
        assert_eq!(
            said("[[rule]]\nslo = [\"p95<300ms\", \"p95>1s\"]\n"),
            "error: wrong rule at line 2 of `rules.toml`\n  slo = [\"p95<300ms\", \"p95>1s\"]\n\
             \x20                     ^\n  caused by: `p95>1s` is not an objective: write it as `p95<300ms`, \
             `errors<1%` or `5xx<1%`\n"
        );
        assert!(said("[[rule]]\nslwo = \"1s,2s\"\n").contains("unknown field `slwo`"));
        assert!(said("[[rule]]\nslow = \"2s,1s\"\n").contains("must not be the lower one"));
        assert!(said("[[rule]]\nclient = \"a\"\n").contains("needs one of `slow`"));
        assert!(said("[[rule]\n").contains("line 1"));
    }
}
