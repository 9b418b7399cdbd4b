//! What a replay found, as `replay --json` prints it: one [`Compared`] a line, then the [`Totals`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wayside_exchange::ExchangeId;

use crate::plan::SkipReason;

/// One exchange, recorded and replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The recorded exchange.
    pub id: ExchangeId,
    /// The request method.
    pub method: String,
    /// The URL that it was, or would have been, sent to.
    pub url: String,
    /// Whether it was sent.
    pub sent: bool,
    /// Why it was not sent; null when it was.
    pub skipped: Option<SkipReason>,
    /// How it ended in the recording.
    pub recorded: RecordedEnd,
    /// How it ended in the replay; null when it was not sent.
    pub replayed: Option<ReplayedEnd>,
    /// Whether nothing that matters differs; false when it was not sent.
    pub same: bool,
    /// Replayed latency divided by the recorded one; null when either is not known or zero.
    pub latency_factor: Option<f64>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// How many more differences there are than are listed.
    pub more: u64,
    /// What to know about this comparison, in plain words: what was left out of the request, what
    /// could not be compared.
    pub notes: Vec<String>,
}

/// How an exchange ended in the recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedEnd {
    /// The final status; null when there was none.
    pub status: Option<u16>,
    /// From the request head to the end, in milliseconds.
    pub latency_ms: f64,
    /// Length of the response body as transferred.
    pub bytes: u64,
}

/// How an exchange ended in the replay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplayedEnd {
    /// The final status; null when there was none.
    pub status: Option<u16>,
    /// From sending to the end, in milliseconds, without the time to connect.
    pub latency_ms: f64,
    /// Length of the response body as transferred, as far as it came.
    pub bytes: u64,
    /// Why there is no whole response; null when there is.
    pub error: Option<String>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// In which part.
    pub kind: DifferenceKind,
    /// What became of it.
    pub change: Change,
    /// Where: a header's name in lower case, a JSON pointer (RFC 6901), `line 3`, `byte 12`,
    /// `sha256`, `cookie sid`; empty for the whole.
    pub at: String,
    /// What was recorded; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub recorded: Option<Value>,
    /// What the replay brought; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub replayed: Option<Value>,
}

/// The parts of an answer that can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The status.
    Status,
    /// A header field.
    Header,
    /// The body.
    Body,
    /// One of both has no whole response.
    Failure,
}

/// What became of a recorded thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It has another value.
    Changed,
    /// It has a value of another type.
    Type,
    /// It is not there any more.
    Missing,
    /// It was not there before.
    Added,
}

/// A whole replay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Exchanges that were asked for: `sent` and `skipped`.
    pub planned: u64,
    /// How many were sent: `same`, `different` and `failed`.
    pub sent: u64,
    /// How many were not.
    pub skipped: u64,
    /// How many were skipped, by reason.
    pub skipped_because: BTreeMap<SkipReason, u64>,
    /// How many came back the same.
    pub same: u64,
    /// How many came back different.
    pub different: u64,
    /// How many had no whole response, unlike in the recording.
    pub failed: u64,
    /// Median latency in the recording, of those that have one in the replay, in milliseconds.
    pub recorded_p50_ms: f64,
    /// 95th percentile of the same.
    pub recorded_p95_ms: f64,
    /// Median latency in the replay, of those that were answered whole, in milliseconds.
    pub replayed_p50_ms: f64,
    /// 95th percentile of the same.
    pub replayed_p95_ms: f64,
    /// How long the replay took, in milliseconds.
    pub elapsed_ms: f64,
}

impl Totals {
    /// Whether anything that was sent did not come back the same: exit code 1.
    pub fn any_difference(&self) -> bool {
        self.different + self.failed > 0
    }
}

impl Compared {
    /// Whether it counts as failed: no whole response, where the recording has one.
    pub fn failed(&self) -> bool {
        !self.same && self.replayed.as_ref().is_some_and(|replayed| replayed.error.is_some())
    }
}

/// In one line for people: `body /items/0/price: 1 -> 2`. What it quotes came from the network: a
/// terminal needs it escaped.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DifferenceKind::Status => "status",
            DifferenceKind::Header => "header",
            DifferenceKind::Body => "body",
            DifferenceKind::Failure => "failure",
        };
        f.write_str(kind)?;
        if !self.at.is_empty() {
            write!(f, " {}", self.at)?;
        }
        f.write_str(": ")?;
        match (&self.recorded, &self.replayed) {
            (Some(recorded), Some(replayed)) => write!(f, "{recorded} -> {replayed}"),
            (Some(recorded), None) => write!(f, "{recorded} is missing"),
            (None, Some(replayed)) => write!(f, "{replayed} is new"),
            (None, None) => f.write_str("differs"),
        }
    }
}

/// A null that is there is a value; a field that is not there is none.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_fields_that_others_rely_on_keep_their_names_and_order() {
        let compared = Compared {
            id: ExchangeId(1),
            method: "GET".to_owned(),
            url: "http://h/".to_owned(),
            sent: true,
            skipped: None,
            recorded: RecordedEnd { status: Some(200), latency_ms: 1.5, bytes: 3 },
            replayed: Some(ReplayedEnd {
                status: None,
                latency_ms: 3.0,
                bytes: 0,
                error: Some("refused".to_owned()),
            }),
            same: false,
            latency_factor: None,
            differences: vec![Difference {
                kind: DifferenceKind::Failure,
                change: Change::Changed,
                at: String::new(),
                recorded: Some(200.into()),
                replayed: Some("refused".into()),
            }],
            more: 0,
            notes: Vec::new(),
        };
        let text = concat!(
            r#"{"id":"000000000001","method":"GET","url":"http://h/","sent":true,"skipped":null,"#,
            r#""recorded":{"status":200,"latency_ms":1.5,"bytes":3},"#,
            r#""replayed":{"status":null,"latency_ms":3.0,"bytes":0,"error":"refused"},"#,
            r#""same":false,"latency_factor":null,"#,
            r#""differences":[{"kind":"failure","change":"changed","at":"","#,
            r#""recorded":200,"replayed":"refused"}],"more":0,"notes":[]}"#,
        );
        assert_eq!(serde_json::to_string(&compared).unwrap(), text);
        assert_eq!(serde_json::from_str::<Compared>(text).unwrap(), compared);
        let totals =
            Totals { skipped_because: [(SkipReason::Write, 2)].into(), ..Totals::default() };
        let text = serde_json::to_string(&totals).unwrap();
        assert!(text.contains(r#""skipped_because":{"write":2}"#), "{text}");
    }
}
