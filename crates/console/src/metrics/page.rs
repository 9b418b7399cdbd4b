//! The two text formats: Prometheus' own (0.0.4), and `OpenMetrics` 1.0 for whoever asks for it.

use std::fmt::{self, Write as _};

use http::{HeaderMap, header};
use wayside_analytics::meters::Histogram;

use super::label::bounded;

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Prometheus,
    OpenMetrics,
}

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only ever grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations by bucket.
    Histogram,
}

/// A page of metrics that is being written.
pub(crate) struct Page {
    form: Form,
    text: String,
    /// The family that is being written.
    name: &'static str,
    kind: Kind,
}

/// Names and values.
pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Form {
    /// What `Accept` asks for: Prometheus names both, `OpenMetrics` first.
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let asks = |value: &header::HeaderValue| {
            value.to_str().is_ok_and(|value| value.contains("application/openmetrics-text"))
        };
        let open = headers.get_all(header::ACCEPT).iter().any(asks);
        if open { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Page {
    pub(super) fn new(form: Form) -> Self {
        Self { form, text: String::new(), name: "", kind: Kind::Gauge }
    }

    /// Begins a family. `name` ends with its unit, where it has one, and has no `_total`.
    pub(crate) fn family(&mut self, kind: Kind, name: &'static str, help: &str) {
        (self.name, self.kind) = (name, kind);
        let (word, total) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        let total = if self.form == Form::Prometheus { total } else { "" };
        let _ = writeln!(self.text, "# HELP {name}{total} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{total} {word}");
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit));
        if let (Form::OpenMetrics, Some(unit)) = (self.form, unit) {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
    }

    /// A sample of a counter or gauge.
    pub(crate) fn sample(&mut self, labels: Labels<'_>, value: impl fmt::Display) {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        self.line(suffix, labels, None, &value);
    }

    /// A family of one sample.
    pub(crate) fn one(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &str,
        value: impl fmt::Display,
    ) {
        self.family(kind, name, help);
        self.sample(&[], value);
    }

    /// The samples of a histogram.
    pub(crate) fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        for (bound, count) in histogram.cumulative() {
            let bound = seconds(bound).to_string();
            // OpenMetrics wants a point in each.
            let point = if bound.contains('.') { "" } else { ".0" };
            self.line("_bucket", labels, Some(&format!("{bound}{point}")), &count);
        }
        let count = histogram.count();
        self.line("_bucket", labels, Some("+Inf"), &count);
        self.line("_sum", labels, None, &seconds(histogram.sum_us()));
        self.line("_count", labels, None, &count);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        bound: Option<&str>,
        value: &dyn fmt::Display,
    ) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let bound = bound.map(|bound| ("le", bound));
        let mut between = '{';
        for (name, value) in labels.iter().copied().chain(bound) {
            let _ = write!(self.text, "{between}{name}=\"");
            for c in bounded(value).chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    // Nothing from traffic may do something to a terminal that shows the page.
                    c if c.is_control() => self.text.push(char::REPLACEMENT_CHARACTER),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
            between = ',';
        }
        let close = if between == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{close} {value}");
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_from_traffic_cannot_break_out_of_their_label() {
        let mut page = Page::new(Form::OpenMetrics);
        page.family(Kind::Counter, "wayside_body_bytes", "Bytes.");
        page.sample(&[("route", "GET /\"} 1\nevil\\\u{1b}[2J"), ("more", "")], 7);
        assert_eq!(
            page.finish(),
            "# HELP wayside_body_bytes Bytes.\n# TYPE wayside_body_bytes counter\n\
             # UNIT wayside_body_bytes bytes\n\
             wayside_body_bytes_total{route=\"GET /\\\"} 1\\nevil\\\\\u{fffd}[2J\",more=\"\"} 7\n# EOF\n"
        );
    }
}
