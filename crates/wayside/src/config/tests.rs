//! Precedence, unknown keys and wrong values, as a user meets them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use proptest::prelude::*;

use super::*;
use crate::args::{Cli, Verb};
use crate::report::paint::Paint;
use crate::report::trouble::describe;

fn resolved(
    arguments: &[&str],
    variables: &[(&str, &str)],
    file: Option<&str>,
) -> anyhow::Result<Resolved> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("wayside.toml");
    let mut line = vec!["wayside", "record"];
    line.extend(arguments);
    if let Some(text) = file {
        std::fs::write(&path, text)?;
        line.extend(["--config", path.to_str().unwrap()]);
    }
    let cli = Cli::try_parse_from(line)?;
    let Verb::Record(args) = cli.verb else { unreachable!("the verb is given") };
    resolve(&cli.everywhere, &args.settings, args.upstream.as_deref(), &|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn complaint(arguments: &[&str], variables: &[(&str, &str)], file: Option<&str>) -> String {
    let error = match resolved(arguments, variables, file) {
        Ok(resolved) => resolved.settings().unwrap_err(),
        Err(error) => error,
    };
    let text = describe(&error, Paint::plain());
    // The folder differs in every run.
    let Some(end) = text.find("/wayside.toml") else { return text };
    let start = text[..end].rfind('`').unwrap();
    format!("{}DIR{}", &text[..=start], &text[end..])
}

#[test]
fn a_flag_beats_a_variable_a_variable_the_file_the_file_the_default() {
    let file = Some("drain = \"1s\"\nqueue = \"1MiB\"\nidle-session = \"1h\"");
    let variables = [("WAYSIDE_DRAIN", "2s"), ("WAYSIDE_QUEUE", "2MiB")];
    let resolved = resolved(&["http://127.0.0.1:3000", "--drain", "3s"], &variables, file).unwrap();
    let settings = resolved.settings().unwrap();
    assert_eq!(settings.drain, Duration::from_secs(3));
    assert_eq!(settings.queue_bytes, 2 << 20);
    assert_eq!(settings.idle_session, Duration::from_hours(1));
    assert_eq!(settings.max_headers, 200);
    assert_eq!((settings.keep_for, settings.keep_bytes), (None, None));
    assert_eq!(settings.upstream.unwrap().to_string(), "http://127.0.0.1:3000");
    let origin = |name| &resolved.entry(name).unwrap().2;
    assert_eq!(*origin("drain"), Origin::Flag);
    assert_eq!(*origin("queue"), Origin::Variable("WAYSIDE_QUEUE".to_owned()));
    assert!(matches!(origin("idle-session"), Origin::File(_)));
    assert_eq!(*origin("max-headers"), Origin::Default);
}

#[test]
fn every_default_is_a_valid_value() {
    let settings = resolved(&[], &[], None).unwrap().settings().unwrap();
    assert_eq!(settings.data, Path::new("./wayside-data"));
    assert_eq!(settings.listen, "127.0.0.1:8443".parse().unwrap());
    assert_eq!(settings.console, Some("127.0.0.1:8081".parse().unwrap()));
    assert_eq!(settings.listen_http, None);
    assert!(settings.record && settings.workers > 0 && settings.upstream.is_none());
    assert_eq!(settings.body_limit, None);
    assert_eq!(settings.durability, Durability::Power);
    assert_eq!(settings.on_overload, OnOverload::Shed);
    assert!(!settings.via && !settings.forwarded_headers && settings.exchange_id_header.is_none());
}

#[test]
fn switches_take_no_value_or_one_after_an_equals_sign() {
    let on = resolved(&["--via", "http://a"], &[], None).unwrap().settings().unwrap();
    assert!(on.via && on.upstream.is_some());
    let file = Some("via = true\nconsole = \"off\"\nresponse-timeout = \"never\"\nworkers = 3");
    let off = resolved(&["--via=false"], &[], file).unwrap().settings().unwrap();
    assert!(!off.via && off.console.is_none() && off.response_timeout.is_zero());
    assert_eq!(off.workers, 3);
}

#[test]
fn certificates_and_keys_pair_up_in_order() {
    let given = ["--cert", "a.pem", "--key", "a.key", "--cert", "b.pem", "--key", "b.key"];
    let settings = resolved(&given, &[], None).unwrap().settings().unwrap();
    let pairs: Vec<_> = settings.certificates.iter().map(|c| (&*c.certificate, &*c.key)).collect();
    assert_eq!(
        pairs,
        [(Path::new("a.pem"), Path::new("a.key")), (Path::new("b.pem"), Path::new("b.key"))]
    );
    let file = Some("cert = [\"a.pem\", \"b.pem\"]\nkey = \"a.key\"");
    assert_eq!(
        complaint(&[], &[], file),
        "error: wrong value in key `cert` in `DIR/wayside.toml`\n  caused by: there are 2 of `cert` \
         and 1 of `key`: each certificate goes with its key\n"
    );
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    assert_eq!(
        complaint(&[], &[], Some("idle_sesion = \"5m\"")),
        "error: unknown key `idle_sesion` in `DIR/wayside.toml`\nhint: did you mean `idle-session`?\n"
    );
    assert_eq!(
        complaint(&[], &[], Some("zzz = 1")),
        "error: unknown key `zzz` in `DIR/wayside.toml`\n\
         hint: `wayside config` lists the known keys\n"
    );
}

#[test]
fn a_wrong_value_says_where_it_came_from() {
    assert_eq!(
        complaint(&["--drain", "soon"], &[], None),
        "error: wrong value in flag `--drain`\n  caused by: `soon` is not a duration: write it as \
         `250ms`, `30s`, `5m` or `2h`\n"
    );
    assert_eq!(
        complaint(&[], &[("WAYSIDE_DURABILITY", "forever")], None),
        "error: wrong value in variable `WAYSIDE_DURABILITY`\n  caused by: `forever` is none of \
         `process`, `power` and `strict`\n"
    );
    assert_eq!(
        complaint(&[], &[], Some("drain = [1]")),
        "error: `drain` in `DIR/wayside.toml` cannot be array\nhint: write it as `drain = \"30s\"`\n"
    );
    let text = complaint(&[], &[], Some("drain = "));
    assert!(text.starts_with("error: `DIR/wayside.toml` is not TOML at line 1\n"), "{text}");
    let text = complaint(&["ftp://x"], &[], None);
    assert!(text.starts_with("error: wrong value in argument `UPSTREAM`\n"), "{text}");
}

#[test]
fn fields_for_the_collector_are_parted_by_commas_and_their_values_never_said() {
    let variables = [
        ("WAYSIDE_OTLP", "https://collector.test"),
        ("WAYSIDE_OTLP_HEADER", "authorization=Basic a:b==,x-scope=shop"),
        ("WAYSIDE_OTLP_ATTRIBUTE", "host.name=web-1,service.name=edge"),
    ];
    let resolved = resolved(&["http://h"], &variables, None).unwrap();
    let settings = resolved.settings().unwrap();
    assert_eq!(settings.otlp_headers["authorization"], "Basic a:b==");
    assert_eq!(settings.otlp_headers["x-scope"], "shop");
    let attributes = [("host.name", "web-1"), ("service.name", "edge")];
    assert_eq!(settings.otlp_attributes, attributes.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert!(!format!("{settings:?}").contains("a:b=="), "headers are hidden in debug output");
    for wrong in ["s3cret", "=s3cret", "a b=s3cret", "host=s3cret", "x=s3cret\u{1}"] {
        let said = complaint(&["http://h", "--otlp-header", wrong], &[], None);
        assert!(said.contains("wrong value in flag `--otlp-header`"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let said = complaint(&["http://h", "--otlp-interval", "10ms"], &[], None);
    assert!(said.contains("at least `1s`"), "{said}");
}

#[test]
fn trusting_anybody_and_somebody_at_once_is_refused() {
    let text = complaint(&["--upstream-insecure", "--upstream-ca", "ca.pem"], &[], None);
    assert!(text.starts_with("error: `upstream-insecure` and `upstream-ca` exclude"), "{text}");
}

proptest! {
    /// Whatever stands in the file: settings, or a complaint that no terminal obeys.
    #[test]
    fn any_file_is_settings_or_a_complaint(
        keys in prop::collection::vec((0..KEYS.len(), "[0-9]{0,12}|[a-zA-Z:/.]{0,12}|\\PC{0,8}|true|-1|1e400|.{0,9}"), 0..4),
        rest in "|.{0,40}|\\[[a-z\\]\\[]{0,6}",
    ) {
        let line = |(n, value): &(usize, String)| {
            let quoted = if n % 2 == 0 { format!("{value:?}") } else { value.clone() };
            format!("{} = {quoted}\n", KEYS[*n].name)
        };
        let file: String = keys.iter().map(line).chain([rest]).collect();
        let read = resolved(&[], &[], Some(&file)).and_then(|resolved| resolved.settings());
        if let Err(error) = read {
            let said = describe(&error, Paint::plain());
            prop_assert!(!said.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{said:?}");
        }
    }
}
