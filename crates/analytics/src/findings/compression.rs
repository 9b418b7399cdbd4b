//! No compression: text is sent as it is, since the client does not say that it could read it packed.

use wayside_exchange::Glance;

use super::Lookup;
use super::suspicion::{Suspicion, Told, answers};
use super::tally::{Cost, Sample, Tally};
use crate::verdict::words::bytes;

/// Smaller answers gain nothing.
const WORTH: u64 = 2048;
const LEAST: u64 = 10;
/// What gzip usually takes off JSON and text.
const SAVED: f64 = 0.7;

#[derive(Clone, Debug, Default)]
pub(super) struct Compression {
    plain: Tally,
}

impl Compression {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        let answered = row.status.is_some_and(|status| (200..300).contains(&status));
        if answered && row.response_bytes >= WORTH {
            let saved = (row.response_bytes as f64 * SAVED) as u64;
            self.plain.add(row, Cost { bytes: saved, ..Cost::default() }, Sample::of(row));
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        if self.plain.count < LEAST {
            return Vec::new();
        }
        vec![Suspicion {
            kind: "no_compression",
            route: None,
            tally: self.plain,
            least: LEAST,
            proof: Some(proof),
            say,
        }]
    }
}

fn proof(sample: &Sample, lookup: &mut dyn Lookup) -> Option<bool> {
    let exchange = lookup.exchange(sample.id)?;
    let asked = exchange.request.head.field("accept-encoding").unwrap_or_default();
    let asked = String::from_utf8_lossy(asked).to_ascii_lowercase();
    let reads = ["gzip", "br", "deflate", "zstd", "*"].iter().any(|coding| asked.contains(coding));
    let kind = answers(&exchange, "content-type").unwrap_or_default().to_ascii_lowercase();
    let text = ["json", "text", "xml", "javascript"].iter().any(|word| kind.contains(word));
    Some(!reads && text && answers(&exchange, "content-encoding").is_none())
}

fn say(told: &Told<'_>) -> String {
    format!(
        "does not ask for compression: {} answers of text came as they are; gzip would save some {}",
        told.count,
        bytes(told.bytes)
    )
}
