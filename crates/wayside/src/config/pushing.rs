//! Where the metrics are pushed, as a person writes it. What is wrong with a value is said without the value: it
//! may be a secret.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wayside_transport::post::Endpoint;

use super::settings::positive;
use super::{Resolved, wrong_value};

/// Where OTLP has metrics.
const PATH: &str = "/v1/metrics";
/// More often would be load, and no news.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn collector(url: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::parse(url).map_err(|error| error.to_string())?;
    Ok(endpoint.or_at(PATH))
}

pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match positive(text)? {
        short if short < LEAST_INTERVAL => Err("it must be at least `1s`".to_owned()),
        enough => Ok(enough),
    }
}

pub(super) fn headers(resolved: &Resolved) -> anyhow::Result<HeaderMap> {
    let wrong = |reason: String| wrong_value(resolved, "otlp-header", &reason);
    let mut headers = HeaderMap::new();
    for text in resolved.list("otlp-header") {
        let (name, value) = pair(text).map_err(wrong)?;
        let name: HeaderName =
            name.parse().map_err(|_| wrong(format!("`{name}` cannot be the name of a header")))?;
        if is_ours(&name) {
            return Err(wrong(format!("`{name}` is ours to say")));
        }
        let unfit = |_| wrong(format!("the value of `{name}` cannot stand in a header"));
        let mut value = HeaderValue::try_from(value).map_err(unfit)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Whether a field makes the message what it is.
fn is_ours(name: &HeaderName) -> bool {
    let ours = [
        header::HOST,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::USER_AGENT,
    ];
    ours.contains(name)
}

pub(super) fn attributes(resolved: &Resolved) -> anyhow::Result<Vec<(String, String)>> {
    let read = |text: &String| -> anyhow::Result<(String, String)> {
        let (name, value) =
            pair(text).map_err(|reason| wrong_value(resolved, "otlp-attribute", &reason))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    resolved.list("otlp-attribute").iter().map(read).collect()
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err("write it as `NAME=VALUE`".to_owned()),
    }
}
