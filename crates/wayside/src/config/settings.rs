//! The settings as the program uses them: plain typed values with their units.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use wayside_alerts::Webhook;
use wayside_analytics::{Rule, Threshold, Thresholds};
use wayside_exchange::Label;
use wayside_identity::{RuleError, Rules, Sealing};
use wayside_recorder::{Pattern, WrongPattern};
use wayside_store::Location;
use wayside_transport::dial::Upstream;
use wayside_transport::post::Endpoint;

use super::openapi;
use super::pushing;
use super::units::{duration, size};
use super::{Resolved, wrong_value};
use crate::report::trouble::Trouble;

/// What `record` and `demo` go by.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// The folder that keeps the recording.
    pub data: PathBuf,
    /// The backend; none when nobody named one.
    pub upstream: Option<Upstream>,
    /// Where clients connect over TLS.
    pub listen: SocketAddr,
    /// Where clients connect without TLS; none when they cannot.
    pub listen_http: Option<SocketAddr>,
    /// Where the console listens over TCP; none when it does not.
    pub console: Option<SocketAddr>,
    /// Where the token is kept that opens `/metrics`; none keeps it with the recording.
    pub metrics_token: Option<PathBuf>,
    /// Certificates to show, the first being the default; empty when all are made on the spot.
    pub certificates: Vec<CertificateFiles>,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Authorities (PEM) of client certificates; none asks for none.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must show a certificate.
    pub client_certificates_required: bool,
    /// Authorities (PEM) to trust for the backend beside the system's.
    pub upstream_ca: Option<PathBuf>,
    /// Whether any certificate of the backend is accepted.
    pub upstream_insecure: bool,
    /// How long a dial may take, TLS included.
    pub connect_timeout: Duration,
    /// From the request sent to the response head; zero waits for ever.
    pub response_timeout: Duration,
    /// How long an unused upstream connection is kept.
    pub upstream_idle_timeout: Duration,
    /// Whether exchanges are recorded, and not only forwarded.
    pub record: bool,
    /// The gap between two exchanges of a client that begins a new session.
    pub idle_session: Duration,
    /// Path templates that go before those found by themselves.
    pub routes: Vec<Pattern>,
    /// What gives way when recording cannot keep up.
    pub on_overload: OnOverload,
    /// Bytes that may wait to be recorded.
    pub queue_bytes: u64,
    /// Bytes kept of one body; none keeps all.
    pub body_limit: Option<u64>,
    /// How long exchanges are kept; none keeps them for ever.
    pub keep_for: Option<Duration>,
    /// Bytes that the recording may take; none without a bound.
    pub keep_bytes: Option<u64>,
    /// What a recorded exchange survives.
    pub durability: Durability,
    /// What is taken for a secret.
    pub rules: Rules,
    /// Where the sealing key is kept; none keeps it with the recording.
    pub seal_key: Option<PathBuf>,
    /// Whether the recording is encrypted whole; none leaves it as it is.
    pub encrypt: Option<bool>,
    /// What clients' figures are held against.
    pub thresholds: Thresholds,
    /// What clients are called.
    pub labels: Vec<Label>,
    /// Where alerts are posted.
    pub alert_webhook: Option<Webhook>,
    /// Authorities (PEM) to trust there beside the system's.
    pub alert_webhook_ca: Option<PathBuf>,
    /// The program that takes alerts.
    pub alert_exec: Option<PathBuf>,
    /// Whether alerts go to the log.
    pub alert_log: bool,
    /// After what time whoever has not acknowledged an alert is reminded; none never does.
    pub alert_remind: Option<Duration>,
    /// Where the metrics are pushed.
    pub otlp: Option<Endpoint>,
    /// How often.
    pub otlp_interval: Duration,
    /// What goes into the header there; the values are secrets.
    pub otlp_headers: HeaderMap,
    /// What is told of this recorder there.
    pub otlp_attributes: Vec<(String, String)>,
    /// Authorities (PEM) to trust there beside the system's.
    pub otlp_ca: Option<PathBuf>,
    /// Worker threads, at least one.
    pub workers: usize,
    /// How long running exchanges may take to finish after SIGTERM.
    pub drain: Duration,
    /// How long a client's TLS handshake may take.
    pub handshake_timeout: Duration,
    /// From the first byte of a request head to its last.
    pub header_timeout: Duration,
    /// How long a request body may stop coming before its answer begins; zero waits for ever.
    pub body_timeout: Duration,
    /// How long a client's connection may carry no exchange.
    pub idle_timeout: Duration,
    /// Bytes of a request head.
    pub max_header_bytes: usize,
    /// Header fields of a request.
    pub max_headers: usize,
    /// HTTP/2 streams open at once on one connection.
    pub max_streams: u32,
    /// HTTP/2 streams that a client may have reset before they were dealt with.
    pub max_resets: usize,
    /// Connections from clients, in all.
    pub max_connections: usize,
    /// Connections from one client address.
    pub max_connections_per_address: usize,
    /// Whether `X-Forwarded-For`, `-Proto` and `-Host` are added to requests.
    pub forwarded_headers: bool,
    /// Whether `Via` is added both ways.
    pub via: bool,
    /// The response header that tells the exchange's id; none adds none.
    pub exchange_id_header: Option<String>,
}

/// A certificate chain and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// What gives way when recording cannot keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOverload {
    /// Captures are shed, counted and marked.
    Shed,
    /// The traffic waits.
    Wait,
}

/// What a recorded exchange survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The death of this process, at most 100 ms behind.
    Process,
    /// A power loss, at most a second behind.
    Power,
    /// A power loss, before the last byte of its answer leaves.
    Strict,
}

impl Settings {
    /// Where the recording is, and its key.
    pub fn location(&self) -> Location {
        Location { dir: self.data.clone(), key_file: self.seal_key.clone() }
    }

    pub(super) fn of(resolved: &Resolved) -> anyhow::Result<Self> {
        let settings = Self {
            data: resolved.read("data", path)?,
            upstream: resolved.optional("upstream", |url| {
                Upstream::parse(url).map_err(|error| error.to_string())
            })?,
            listen: resolved.read("listen", address)?,
            listen_http: resolved.optional("listen-http", address)?,
            console: resolved.optional("console", address)?,
            metrics_token: resolved.optional("metrics-token", path)?,
            certificates: certificates(resolved)?,
            proxy_protocol: resolved.read("proxy-protocol", yes_or_no)?,
            client_ca: resolved.optional("client-ca", path)?,
            client_certificates_required: resolved.read(
                "client-certificates",
                |word| match word {
                    "optional" => Ok(false),
                    "required" => Ok(true),
                    _ => Err(format!("`{word}` is neither `optional` nor `required`")),
                },
            )?,
            upstream_ca: resolved.optional("upstream-ca", path)?,
            upstream_insecure: resolved.read("upstream-insecure", yes_or_no)?,
            connect_timeout: resolved.read("connect-timeout", positive)?,
            response_timeout: resolved.optional("response-timeout", duration)?.unwrap_or_default(),
            upstream_idle_timeout: resolved.read("upstream-idle-timeout", duration)?,
            record: !resolved.read("no-record", yes_or_no)?,
            idle_session: resolved.read("idle-session", positive)?,
            routes: routes(resolved)?,
            on_overload: resolved.read("on-overload", |word| match word {
                "shed" => Ok(OnOverload::Shed),
                "wait" => Ok(OnOverload::Wait),
                _ => Err(format!("`{word}` is neither `shed` nor `wait`")),
            })?,
            queue_bytes: resolved.read("queue", size)?,
            body_limit: resolved.optional("body-limit", size)?,
            keep_for: resolved.optional("keep-for", positive)?,
            keep_bytes: resolved.optional("keep-bytes", budget)?,
            durability: resolved.read("durability", |word| match word {
                "process" => Ok(Durability::Process),
                "power" => Ok(Durability::Power),
                "strict" => Ok(Durability::Strict),
                _ => Err(format!("`{word}` is none of `process`, `power` and `strict`")),
            })?,
            rules: rules(resolved, resolved.read("seal", sealing)?)?,
            seal_key: resolved.optional("seal-key", path)?,
            encrypt: resolved.optional("encrypt", yes_or_no)?,
            thresholds: thresholds(resolved)?,
            labels: resolved.labels().to_vec(),
            alert_webhook: resolved.optional("alert-webhook", |url| {
                Webhook::parse(url).map_err(|error| error.to_string())
            })?,
            alert_webhook_ca: resolved.optional("alert-webhook-ca", path)?,
            alert_exec: resolved.optional("alert-exec", path)?,
            alert_log: resolved.read("alert-log", yes_or_no)?,
            alert_remind: resolved.optional("alert-remind", positive)?,
            otlp: resolved.optional("otlp", pushing::collector)?,
            otlp_interval: resolved.read("otlp-interval", pushing::interval)?,
            otlp_headers: pushing::headers(resolved)?,
            otlp_attributes: pushing::attributes(resolved)?,
            otlp_ca: resolved.optional("otlp-ca", path)?,
            workers: resolved.read("workers", |word| match word {
                "auto" => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
                number => count(number),
            })?,
            drain: resolved.read("drain", duration)?,
            handshake_timeout: resolved.read("handshake-timeout", positive)?,
            header_timeout: resolved.read("header-timeout", positive)?,
            body_timeout: resolved.optional("body-timeout", duration)?.unwrap_or_default(),
            idle_timeout: resolved.read("idle-timeout", positive)?,
            max_header_bytes: resolved
                .read("max-header-bytes", |text| size(text).map(|bytes| bytes as usize))?,
            max_headers: resolved.read("max-headers", count)?,
            max_streams: resolved.read("max-streams", count)?,
            max_resets: resolved.read("max-resets", count)?,
            max_connections: resolved.read("max-connections", count)?,
            max_connections_per_address: resolved.read("max-connections-per-address", count)?,
            forwarded_headers: resolved.read("forwarded-headers", yes_or_no)?,
            via: resolved.read("via", yes_or_no)?,
            exchange_id_header: resolved.optional("exchange-id-header", header_name)?,
        };
        if settings.upstream_insecure && settings.upstream_ca.is_some() {
            return Err(Trouble::misused(
                "`upstream-insecure` and `upstream-ca` exclude each other: one trusts anybody, the other somebody",
            )
            .into());
        }
        if settings.proxy_protocol && settings.rules.trusted_proxies().is_empty() {
            return Err(Trouble::misused(
                "`proxy-protocol` is on, and nobody is trusted to speak it: nobody could connect",
            )
            .hint("name the proxies with `--trusted-proxy ADDRESS`")
            .into());
        }
        if settings.client_certificates_required && settings.client_ca.is_none() {
            return Err(Trouble::misused(
                "`client-certificates` is `required`, and no authority is named",
            )
            .hint("name one with `--client-ca FILE`")
            .into());
        }
        Ok(settings)
    }
}

/// The address that `text` means: `IP:PORT`, or `HOST:PORT` with a name that resolves.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wrong = || format!("`{text}` is not an address: write it as `127.0.0.1:8443` or `[::1]:0`");
    text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).ok_or_else(wrong)?;
    text.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(wrong)
}

fn certificates(resolved: &Resolved) -> anyhow::Result<Vec<CertificateFiles>> {
    let (certificates, keys) = (resolved.list("cert"), resolved.list("key"));
    if certificates.len() != keys.len() {
        return Err(wrong_value(
            resolved,
            if certificates.len() > keys.len() { "cert" } else { "key" },
            &format!(
                "there are {} of `cert` and {} of `key`: each certificate goes with its key",
                certificates.len(),
                keys.len()
            ),
        ));
    }
    let pairs = certificates.iter().zip(keys);
    Ok(pairs
        .map(|(certificate, key)| CertificateFiles {
            certificate: PathBuf::from(certificate),
            key: PathBuf::from(key),
        })
        .collect())
}

pub(super) fn sealing(word: &str) -> Result<Sealing, String> {
    match word {
        "none" => Ok(Sealing::None),
        "default" => Ok(Sealing::Default),
        "strict" => Ok(Sealing::Strict),
        _ => Err(format!("`{word}` is none of `none`, `default` and `strict`")),
    }
}

/// Adds one rule.
type Add = fn(&mut Rules, &str) -> Result<(), RuleError>;

pub(super) fn rules(resolved: &Resolved, level: Sealing) -> anyhow::Result<Rules> {
    let mut rules = Rules::of(level);
    let added: [(&str, Add); 12] = [
        ("seal-header", Rules::header),
        ("seal-field", Rules::field),
        ("seal-pointer", Rules::pointer),
        ("seal-pattern", Rules::pattern),
        ("client-header", Rules::key_header),
        ("client-parameter", Rules::key_parameter),
        ("client-cookie", Rules::session_cookie),
        ("client-claim", Rules::claim),
        ("client-device", Rules::device_header),
        ("client-pointer", Rules::client_pointer),
        ("client-order", Rules::next_in_order),
        ("trusted-proxy", Rules::trusted_proxy),
    ];
    for (name, add) in added {
        for rule in resolved.list(name) {
            add(&mut rules, rule)
                .map_err(|error| wrong_value(resolved, name, &error.to_string()))?;
        }
    }
    Ok(rules)
}

/// What clients' figures are held against.
pub(super) fn thresholds(resolved: &Resolved) -> anyhow::Result<Thresholds> {
    let milliseconds = |text: &str| Ok(positive(text)?.as_secs_f64() * 1000.0);
    Ok(Thresholds {
        latency_ms: resolved.read("slow", |text| threshold(text, "500ms,1s", milliseconds))?,
        errors: resolved.read("failing", |text| threshold(text, "1%,5%", share))?,
        rules: all_rules(resolved)?.into(),
        groups: Arc::default(),
    })
}

/// Those of the configuration, then those of a file of their own: of two alike the later one holds.
fn all_rules(resolved: &Resolved) -> anyhow::Result<Vec<Rule>> {
    let mut all = resolved.rules.clone();
    if let Some(file) = resolved.optional("rules", path)? {
        all.extend(super::rules::read(&file, &resolved.labels)?);
    }
    Ok(all)
}

/// Two figures, the lower of which is to be investigated.
pub(super) fn threshold(
    text: &str,
    example: &str,
    read: impl Fn(&str) -> Result<f64, String>,
) -> Result<Threshold, String> {
    let (investigate, escalate) =
        text.split_once(',').ok_or_else(|| format!("`{text}` is not two figures: `{example}`"))?;
    let (investigate, escalate) = (read(investigate.trim())?, read(escalate.trim())?);
    if investigate > escalate {
        return Err(format!("the second figure of `{text}` must not be the lower one"));
    }
    Ok(Threshold { investigate, escalate })
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("`{text}` is not a share: write it as `5%`")),
    }
}

fn routes(resolved: &Resolved) -> anyhow::Result<Vec<Pattern>> {
    let read = |text: &String| {
        let wrong =
            |error: WrongPattern| wrong_value(resolved, "route", &format!("`{text}`: {error}"));
        text.parse().map_err(wrong)
    };
    let mut routes: Vec<Pattern> =
        resolved.list("route").iter().map(read).collect::<anyhow::Result<_>>()?;
    if let Some(file) = resolved.optional("openapi", path)? {
        routes.extend(openapi::patterns(&file)?);
    }
    Ok(routes)
}

#[allow(clippy::unnecessary_wraps, reason = "it stands where readers that can fail stand")]
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

pub(super) fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        some => Ok(some),
    }
}

/// Below this the index and one large body would be all that is kept.
const SMALLEST_BUDGET: u64 = 16_000_000;

fn budget(text: &str) -> Result<u64, String> {
    match size(text)? {
        little if little < SMALLEST_BUDGET => Err("it must be at least 16MB".to_owned()),
        enough => Ok(enough),
    }
}

fn count<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    text.parse::<u64>()
        .ok()
        .filter(|&number| number > 0)
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| format!("`{text}` is not a number of at least 1"))
}

fn header_name(text: &str) -> Result<String, String> {
    match http::HeaderName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` cannot be the name of a header")),
    }
}
