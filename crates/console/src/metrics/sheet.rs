//! What metrics are written on: a page of text, or a message to a collector.

use std::fmt;

use wayside_analytics::meters::Histogram;

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only ever grows, from zero when the recorder started.
    Counter,
    /// Only ever grows, and had begun to before the recorder started.
    Lasting,
    /// Goes up and down.
    Gauge,
    /// Durations by bucket.
    Histogram,
}

/// A value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// A count.
    Whole(u64),
    /// A measure.
    Real(f64),
}

/// Names and values.
pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

/// Takes one family after the other.
pub(crate) trait Sheet {
    /// Begins a family. `name` ends with its unit, where it has one, and has no `_total`.
    fn family(&mut self, kind: Kind, name: &'static str, help: &str);

    /// A sample of a counter or gauge.
    fn sample(&mut self, labels: Labels<'_>, value: impl Into<Number>);

    /// The samples of a histogram.
    fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram);

    /// A family of one sample.
    fn one(&mut self, kind: Kind, name: &'static str, help: &str, value: impl Into<Number>) {
        self.family(kind, name, help);
        self.sample(&[], value);
    }
}

impl From<u64> for Number {
    fn from(count: u64) -> Self {
        Self::Whole(count)
    }
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        Self::Whole(count as u64)
    }
}

impl From<f64> for Number {
    fn from(measure: f64) -> Self {
        Self::Real(measure)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(count) => fmt::Display::fmt(count, f),
            Self::Real(measure) => fmt::Display::fmt(measure, f),
        }
    }
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
