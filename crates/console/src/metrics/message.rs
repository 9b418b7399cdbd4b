//! The metrics as one OTLP message, `ExportMetricsServiceRequest` of opentelemetry.proto.collector.metrics.v1.
//!
//! Names are those of `/metrics` without `_total`: whoever makes Prometheus' names out of OTLP's puts it back.

use wayside_analytics::meters::Histogram;
use wayside_exchange::Timestamp;

use super::label::shown;
use super::protobuf::Wire;
use super::sheet::{Kind, Labels, Number, Sheet, seconds};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u64 = 2;

/// A message that is being written.
pub(crate) struct Message {
    /// Since when counters count, and which moment is told: nanoseconds since 1970.
    begun: u64,
    now: u64,
    /// The family that is being written, and its points.
    family: Option<Family>,
    points: Wire,
    /// A `ScopeMetrics`.
    scope: Wire,
}

struct Family {
    kind: Kind,
    name: &'static str,
    help: String,
}

impl Message {
    pub(crate) fn new(version: &str, begun: Timestamp, now: Timestamp) -> Self {
        let mut instrumentation = Wire::default();
        instrumentation.text(1, "wayside");
        instrumentation.text(2, version);
        let mut scope = Wire::default();
        scope.message(1, &instrumentation);
        let nanoseconds = |at: Timestamp| u64::try_from(at.0).unwrap_or_default() * 1000;
        Self {
            begun: nanoseconds(begun),
            now: nanoseconds(now),
            family: None,
            points: Wire::default(),
            scope,
        }
    }

    /// The whole message, as of whom `attributes` say.
    pub(crate) fn finish(mut self, attributes: &[(String, String)]) -> Vec<u8> {
        self.end_family();
        let mut resource = Wire::default();
        for (name, value) in attributes {
            resource.message(1, &attribute(name, value));
        }
        let mut of_resource = Wire::default();
        of_resource.message(1, &resource);
        of_resource.message(2, &self.scope);
        let mut request = Wire::default();
        request.message(1, &of_resource);
        request.finish()
    }

    /// A family without samples is none.
    fn end_family(&mut self) {
        let points = std::mem::take(&mut self.points);
        let Some(Family { kind, name, help }) = self.family.take() else { return };
        if points.is_empty() {
            return;
        }
        let mut metric = Wire::default();
        metric.text(1, name);
        metric.text(2, &help);
        let units = [("seconds", "s"), ("bytes", "By")];
        if let Some((_, unit)) = units.into_iter().find(|(word, _)| name.ends_with(word)) {
            metric.text(3, unit);
        }
        let mut data = points;
        let field = match kind {
            Kind::Gauge => 5,
            Kind::Counter | Kind::Lasting => {
                data.number(2, CUMULATIVE);
                data.number(3, 1);
                7
            }
            Kind::Histogram => {
                data.number(2, CUMULATIVE);
                9
            }
        };
        metric.message(field, &data);
        self.scope.message(2, &metric);
    }

    /// What every point begins with: its times. Of what it is not known since when it counts, none is told.
    fn point(&self) -> Wire {
        let mut point = Wire::default();
        if self.family.as_ref().is_some_and(|it| matches!(it.kind, Kind::Counter | Kind::Histogram))
        {
            point.fixed(2, self.begun);
        }
        point.fixed(3, self.now);
        point
    }
}

impl Sheet for Message {
    fn family(&mut self, kind: Kind, name: &'static str, help: &str) {
        self.end_family();
        self.family = Some(Family { kind, name, help: help.to_owned() });
    }

    fn sample(&mut self, labels: Labels<'_>, value: impl Into<Number>) {
        let mut point = self.point();
        match value.into() {
            Number::Whole(count) => point.fixed(6, count),
            Number::Real(measure) => point.double(4, measure),
        }
        for (name, value) in labels {
            point.message(7, &attribute(name, &shown(value)));
        }
        self.points.message(1, &point);
    }

    fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        let mut point = self.point();
        point.fixed(4, histogram.count());
        point.double(5, seconds(histogram.sum_us()));
        point.packed(6, histogram.counts().iter().copied());
        point.packed(7, histogram.bounds().iter().map(|&bound| seconds(bound).to_bits()));
        for (name, value) in labels {
            point.message(9, &attribute(name, &shown(value)));
        }
        self.points.message(1, &point);
    }
}

/// A `KeyValue` of a text.
fn attribute(name: &str, value: &str) -> Wire {
    let mut any = Wire::default();
    any.text(1, value);
    let mut pair = Wire::default();
    pair.text(1, name);
    pair.message(2, &any);
    pair
}
