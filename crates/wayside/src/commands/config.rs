//! `wayside config`: what holds, and who said so. The output is a configuration file itself.

use serde_json::{Map, Value, json};
use wayside_alerts::Webhook;
use wayside_transport::post::Endpoint;

use crate::args::ConfigArgs;
use crate::config::keys::{Form, Key};
use crate::config::{Origin, Resolved, rules};
use crate::exit::Exit;
use crate::report::paint::Tone;
use crate::report::printer::Printer;

/// Prints every setting; wrong values are told as `record` would tell them.
pub fn run(args: &ConfigArgs, resolved: &Resolved, printer: &mut Printer) -> anyhow::Result<Exit> {
    resolved.settings()?;
    if args.json {
        let settings: Map<String, Value> = resolved
            .iter()
            .map(|(key, values, origin)| {
                (
                    key.name.to_owned(),
                    json!({ "value": shown(key, values), "from": origin.to_string() }),
                )
            })
            .collect();
        let mut settings = settings;
        settings.insert("clients".to_owned(), serde_json::to_value(resolved.labels())?);
        let rules = resolved.rules().iter().map(rules::written).collect::<Vec<_>>();
        settings.insert("rule".to_owned(), json!(rules));
        printer.json(&settings)?;
        return Ok(Exit::Done);
    }
    let mut heading = "";
    for (key, values, origin) in resolved.iter() {
        if key.heading != heading && key.form != Form::Elsewhere {
            heading = key.heading;
            printer.line(format_args!("\n# {heading}"))?;
        }
        let line = match shown(key, values) {
            Value::Null => format!("# {} =", key.name),
            value => format!("{} = {value}", key.name),
        };
        let tone = if *origin == Origin::Default { Tone::Faint } else { Tone::Strong };
        let origin = printer.paint.tone(tone, &format!("# {origin}"));
        printer.line(format_args!("{line:<44} {origin}"))?;
    }
    for label in resolved.labels() {
        printer.line(format_args!("\n[clients.{}]", json!(label.name)))?;
        printer.line(format_args!("match = {}", json!(label.matching)))?;
        if label.star {
            printer.line("star = true")?;
        }
        if let Some(group) = &label.group {
            printer.line(format_args!("group = {}", json!(group)))?;
        }
    }
    for rule in resolved.rules() {
        printer.line("\n[[rule]]")?;
        for (name, value) in rules::written(rule) {
            printer.line(format_args!("{name} = {value}"))?;
        }
    }
    Ok(Exit::Done)
}

/// The value, without what is a secret: whoever knows such a URL can post to it.
fn shown(key: &Key, values: &[String]) -> Value {
    match (key.name, values) {
        ("alert-webhook", [.., url]) => {
            json!(Webhook::parse(url).map_or_else(|_| "...".to_owned(), |hook| hook.shown()))
        }
        ("otlp", [.., url]) => {
            json!(Endpoint::parse(url).map_or_else(|_| "...".to_owned(), |there| there.shown()))
        }
        ("otlp-header", fields) => {
            let hidden = |field: &String| format!("{}=...", field.split('=').next().unwrap_or(""));
            json!(fields.iter().map(hidden).collect::<Vec<_>>())
        }
        _ => value(key, values),
    }
}

/// A value as TOML and JSON both write it: a string, a switch or a list.
fn value(key: &Key, values: &[String]) -> Value {
    match (key.form, values) {
        (Form::Many, []) => json!([]),
        (Form::Many, several) => json!(several),
        (_, []) => Value::Null,
        (Form::Switch, [.., last]) => json!(matches!(last.as_str(), "true" | "1" | "yes")),
        (_, [.., last]) => json!(last),
    }
}
