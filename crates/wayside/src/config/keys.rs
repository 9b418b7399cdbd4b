//! Every setting once: its key (which is also its flag and, as `WAYSIDE_KEY`, its variable), its
//! default and what it does. Flags, the file's known names and `wayside config` are made from this.

/// How a setting is written as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `--key VALUE`.
    One,
    /// `--key`, or `--key=false`.
    Switch,
    /// `--key VALUE`, any number of times; a list in the file.
    Many,
    /// Not a flag of these verbs: `UPSTREAM`, which stands alone, and what goes with every verb.
    Elsewhere,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in the file and, with `--` before it, on the command line.
    pub name: &'static str,
    /// What stands for the value in the help.
    pub value: &'static str,
    /// How it is written as a flag.
    pub form: Form,
    /// What holds when nobody says otherwise; empty when nothing does.
    pub default: &'static str,
    /// The heading it stands under in the help.
    pub heading: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
}

impl Key {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("WAYSIDE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// What stands between several values in that variable: as in PATH, or as OpenTelemetry's own variables have it.
    pub fn separator(&self) -> char {
        if self.heading == METRICS { ',' } else { ':' }
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }
}

const LISTENING: &str = "Listening";
const BACKEND: &str = "Backend";
const RECORDING: &str = "Recording";
const SEALING: &str = "Sealing secrets";
const NAMING: &str = "Whose exchange is this";
const JUDGING: &str = "Judging clients";
const ALERTS: &str = "Telling people of verdicts";
const METRICS: &str = "Pushing metrics";
const LIMITS: &str = "Limits";
const ADDED: &str = "What messages get that they did not have (nothing by default)";

const fn one(
    heading: &'static str,
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { name, value, form: Form::One, default, heading, help }
}

const fn switch(heading: &'static str, name: &'static str, help: &'static str) -> Key {
    Key { name, value: "true|false", form: Form::Switch, default: "false", heading, help }
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    Key { name: "upstream", value: "UPSTREAM", form: Form::Elsewhere, default: "", heading: BACKEND, help: "The backend: `http://HOST:PORT` or `https://HOST`" },
    Key { name: "data", value: "DIR", form: Form::Elsewhere, default: "./wayside-data", heading: RECORDING, help: "The folder that keeps the recording" },
    one(LISTENING, "listen", "ADDR", "127.0.0.1:8443", "Where clients connect with https; port 0 takes a free one"),
    one(LISTENING, "listen-http", "ADDR", "off", "Where clients connect without TLS"),
    one(LISTENING, "console", "ADDR", "127.0.0.1:8081", "Where the console and its API listen, or `off`"),
    one(LISTENING, "metrics-token", "FILE", "", "Where the token is kept that opens `/metrics` and nothing else, made there when there is none; with the recording unless given"),
    Key { name: "cert", value: "FILE", form: Form::Many, default: "", heading: LISTENING, help: "A certificate chain (PEM) to show instead of one made on the spot; goes with a `--key`; repeatable, chosen by server name" },
    Key { name: "key", value: "FILE", form: Form::Many, default: "", heading: LISTENING, help: "The private key (PEM) of the `--cert` at the same place" },
    switch(LISTENING, "proxy-protocol", "Each connection begins with a PROXY protocol header (version 1 or 2) of a `--trusted-proxy`; others are refused"),
    one(LISTENING, "client-ca", "FILE", "", "Ask clients for a certificate of an authority in this file (PEM); who shows one is known by it"),
    one(LISTENING, "client-certificates", "optional|required", "optional", "Whether a client without such a certificate is served; goes with `--client-ca`"),
    one(BACKEND, "upstream-ca", "FILE", "", "Trust also the authorities in this file (PEM) when the backend is https"),
    switch(BACKEND, "upstream-insecure", "Accept any certificate from the backend; anyone in between can read and change everything"),
    one(BACKEND, "connect-timeout", "TIME", "10s", "How long reaching the backend may take, TLS included"),
    one(BACKEND, "response-timeout", "TIME", "120s", "How long the backend may take to begin its answer once it has the request, or `never`"),
    one(BACKEND, "upstream-idle-timeout", "TIME", "60s", "How long an unused connection to the backend is kept"),
    switch(RECORDING, "no-record", "Forward only; record nothing"),
    one(RECORDING, "idle-session", "TIME", "30m", "A client that is silent for longer begins a new session"),
    Key { name: "route", value: "PATTERN", form: Form::Many, default: "", heading: RECORDING, help: "A path template that goes before those found by themselves: `/users/{name}`, `GET /files/{path...}`; repeatable" },
    one(RECORDING, "openapi", "FILE", "", "An OpenAPI description (JSON) whose path templates go before those found by themselves"),
    one(RECORDING, "on-overload", "shed|wait", "shed", "When recording cannot keep up: `shed` captures (counted and marked), or let the traffic `wait`"),
    one(RECORDING, "queue", "SIZE", "64MiB", "How much may wait to be recorded"),
    one(RECORDING, "body-limit", "SIZE", "none", "Keep at most this much of one body (marked when cut), or `none`"),
    one(RECORDING, "keep-for", "TIME", "none", "Delete exchanges that started longer ago, such as `30d`, or `none`"),
    one(RECORDING, "keep-bytes", "SIZE", "none", "The most that the recording may take on the disk, such as `20GB`: the oldest exchanges go first; or `none`"),
    one(RECORDING, "durability", "process|power|strict", "power", "What a recorded exchange survives: our `process` dying, a `power` loss, or `strict`: a power loss before the end of its answer leaves"),
    one(SEALING, "seal", "none|default|strict", "default", "How much is sealed before it is stored: nothing, what is known to be a secret, or all that may be one"),
    Key { name: "seal-key", value: "FILE", form: Form::Elsewhere, default: "", heading: SEALING, help: "Where the sealing key is kept, made there when there is none; with the recording unless given" },
    Key { name: "encrypt", value: "true|false", form: Form::Switch, default: "", heading: SEALING, help: "Encrypt the whole recording under the sealing key, what is there included; a recording that was encrypted stays so unless this says `false`" },
    Key { name: "seal-header", value: "NAME", form: Form::Many, default: "", heading: SEALING, help: "Seal the values of this header field too; repeatable" },
    Key { name: "seal-field", value: "NAME", form: Form::Many, default: "", heading: SEALING, help: "Seal the values of fields of this name too, in queries, forms, JSON and XML; repeatable" },
    Key { name: "seal-pointer", value: "POINTER", form: Form::Many, default: "", heading: SEALING, help: "Seal what this JSON pointer leads to in JSON bodies (`/people/*/name`); repeatable" },
    Key { name: "seal-pattern", value: "REGEX", form: Form::Many, default: "", heading: SEALING, help: "Seal what this regular expression matches (its first group, where it has one), in bodies, URLs and header fields; repeatable" },
    Key { name: "client-header", value: "NAME", form: Form::Many, default: "", heading: NAMING, help: "A header field that holds a client's API key; repeatable" },
    Key { name: "client-parameter", value: "NAME", form: Form::Many, default: "", heading: NAMING, help: "A query parameter that holds a client's API key; repeatable" },
    Key { name: "client-cookie", value: "NAME", form: Form::Many, default: "", heading: NAMING, help: "A cookie that is a client's session; repeatable" },
    Key { name: "client-claim", value: "NAME", form: Form::Many, default: "", heading: NAMING, help: "A claim of bearer tokens that names the client, instead of `client_id`, `azp` and `sub`; repeatable, the first one that there is" },
    Key { name: "client-device", value: "NAME", form: Form::Many, default: "", heading: NAMING, help: "A header field that says which device a request came from; repeatable" },
    Key { name: "client-pointer", value: "POINTER", form: Form::Many, default: "", heading: NAMING, help: "Where a request's JSON body names its client (`/customer/id`), by a keyed fingerprint; repeatable, whichever comes first in the body" },
    Key { name: "client-order", value: "KIND", form: Form::Many, default: "", heading: NAMING, help: "Which kind of evidence names a client where there are several: `cert`, `key`, `bearer`, `basic`, `body`, `cookie`; repeatable, the strongest first" },
    Key { name: "trusted-proxy", value: "ADDRESS", form: Form::Many, default: "", heading: NAMING, help: "An address or network whose `Forwarded` and `X-Forwarded-For` say where a request came from; repeatable" },
    one(JUDGING, "slow", "TIME,TIME", "500ms,1s", "The average latency of a client at which to investigate, and to escalate"),
    one(JUDGING, "failing", "SHARE,SHARE", "1%,5%", "The share of a client's requests that may fail before to investigate, and to escalate"),
    one(JUDGING, "rules", "FILE", "", "A file with more of `[[rule]]`: thresholds and objectives for some clients, groups or routes (see docs/statistics.md)"),
    one(ALERTS, "alert-webhook", "URL", "", "Post alerts here as JSON, with a text as Slack takes it; better in the file or as a variable: the URL may be a secret"),
    one(ALERTS, "alert-webhook-ca", "FILE", "", "Trust also the authorities in this file (PEM) when the webhook is https"),
    one(ALERTS, "alert-exec", "PROGRAM", "", "Start this program for alerts, with the same JSON on its standard input; no shell is used"),
    switch(ALERTS, "alert-log", "Write alerts to the log"),
    one(ALERTS, "alert-remind", "TIME", "4h", "Tell again of an alert that nobody has acknowledged after this time, or `never`"),
    one(METRICS, "otlp", "URL", "", "Push the metrics to this OpenTelemetry collector, such as `http://127.0.0.1:4318`; `/v1/metrics` is added where there is no path"),
    one(METRICS, "otlp-interval", "TIME", "15s", "How often they are pushed"),
    Key { name: "otlp-header", value: "NAME=VALUE", form: Form::Many, default: "", heading: METRICS, help: "A header field for the collector, such as `Authorization=Bearer ...`; better in the file or as a variable (there with commas between): the value may be a secret; repeatable" },
    Key { name: "otlp-attribute", value: "NAME=VALUE", form: Form::Many, default: "", heading: METRICS, help: "What is told of this recorder beside `service.name`, `service.version` and `service.instance.id`, or instead; repeatable" },
    one(METRICS, "otlp-ca", "FILE", "", "Trust also the authorities in this file (PEM) when the collector is https"),
    one(LIMITS, "workers", "N", "auto", "Worker threads; `auto` is one for each processor"),
    one(LIMITS, "drain", "TIME", "30s", "How long running exchanges may take to finish after SIGTERM"),
    one(LIMITS, "handshake-timeout", "TIME", "10s", "How long a client's TLS handshake may take"),
    one(LIMITS, "header-timeout", "TIME", "30s", "How long a request's header may take to arrive"),
    one(LIMITS, "body-timeout", "TIME", "5m", "How long a request's body may stop coming before its answer begins, or `never`"),
    one(LIMITS, "idle-timeout", "TIME", "5m", "How long a client's connection may stay open without an exchange"),
    one(LIMITS, "max-header-bytes", "SIZE", "64KiB", "The largest header section of a request"),
    one(LIMITS, "max-headers", "N", "200", "The most header fields of a request"),
    one(LIMITS, "max-streams", "N", "256", "The most exchanges that run at once on one HTTP/2 connection"),
    one(LIMITS, "max-resets", "N", "64", "The most streams that one HTTP/2 connection may have reset before they were dealt with"),
    one(LIMITS, "max-connections", "N", "10000", "The most connections from clients, in all"),
    one(LIMITS, "max-connections-per-address", "N", "5000", "The most connections from one address"),
    switch(ADDED, "forwarded-headers", "Tell the backend who asked: `X-Forwarded-For`, `-Proto` and `-Host`"),
    switch(ADDED, "via", "Add `Via: 1.1 wayside` both ways (RFC 9110 section 7.6.3)"),
    one(ADDED, "exchange-id-header", "NAME", "", "Give each response the exchange's id in a header of this name"),
];
