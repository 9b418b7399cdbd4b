//! The two text formats: Prometheus' own (0.0.4), and `OpenMetrics` 1.0 for whoever asks for it.

use std::fmt::{self, Write as _};

use http::{HeaderMap, header};
use wayside_analytics::meters::Histogram;

use super::label::shown;
use super::sheet::{Kind, Labels, Number, Sheet, seconds};

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Prometheus,
    OpenMetrics,
}

/// A page of metrics that is being written.
pub(crate) struct Page {
    form: Form,
    text: String,
    /// The family that is being written.
    name: &'static str,
    kind: Kind,
}

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
            for c in shown(value).chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
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

impl Sheet for Page {
    fn family(&mut self, kind: Kind, name: &'static str, help: &str) {
        (self.name, self.kind) = (name, kind);
        let (word, total) = match kind {
            Kind::Counter | Kind::Lasting => ("counter", "_total"),
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

    fn sample(&mut self, labels: Labels<'_>, value: impl Into<Number>) {
        let suffix = match self.kind {
            Kind::Counter | Kind::Lasting => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.line(suffix, labels, None, &value.into());
    }

    fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_from_traffic_cannot_break_out_of_their_label() {
        let mut page = Page::new(Form::OpenMetrics);
        page.family(Kind::Counter, "wayside_body_bytes", "Bytes.");
        page.sample(&[("route", "GET /\"} 1\nevil\\\u{1b}[2J"), ("more", "")], 7_u64);
        assert_eq!(
            page.finish(),
            "# HELP wayside_body_bytes Bytes.\n# TYPE wayside_body_bytes counter\n\
             # UNIT wayside_body_bytes bytes\n\
             wayside_body_bytes_total{route=\"GET /\\\"} 1\\nevil\\\\\u{fffd}[2J\",more=\"\"} 7\n# EOF\n"
        );
    }
}
