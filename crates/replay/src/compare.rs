//! Two answers, recorded and replayed: what differs that matters. Pure: both are given whole, or as
//! a hash where they are too long to hold.

mod body;
mod headers;
mod json;
mod short;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::report::{Change, Difference, DifferenceKind};

/// An answer with its body.
#[derive(Clone, Debug)]
pub(crate) struct Answer<'a> {
    /// The final status.
    pub(crate) status: u16,
    /// The header fields in order.
    pub(crate) fields: Vec<(String, String)>,
    /// The trailer fields in order: a gRPC status is one.
    pub(crate) trailers: Vec<(String, String)>,
    /// The hosts by which the answering side may call itself in a `Location`.
    pub(crate) hosts: Vec<String>,
    /// What stands before every path there.
    pub(crate) base_path: &'a str,
    /// The body.
    pub(crate) body: Kept,
}

/// A body as far as it is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All of it, as transferred.
    Whole(Bytes),
    /// Too long to hold: its length and SHA-256 as transferred.
    Hashed {
        /// Its length.
        bytes: u64,
        /// Its hash.
        sha256: [u8; 32],
    },
    /// Not all of it came or was kept: there is nothing to compare.
    NotWhole,
}

/// Differences up to a limit, the others counted.
#[derive(Debug)]
pub(crate) struct Differences {
    limit: usize,
    /// Those within the limit.
    pub(crate) listed: Vec<Difference>,
    /// How many more there are.
    pub(crate) more: u64,
}

/// What differs; decoded bodies of up to `body_limit` bytes are looked into.
pub(crate) fn compare(
    recorded: &Answer<'_>,
    replayed: &Answer<'_>,
    body_limit: usize,
    found: &mut Differences,
) {
    if recorded.status != replayed.status {
        found.add(
            DifferenceKind::Status,
            Change::Changed,
            "",
            Some(recorded.status.into()),
            Some(replayed.status.into()),
        );
    }
    headers::compare(recorded, replayed, found);
    body::compare(recorded, replayed, body_limit, found);
}

impl Answer<'_> {
    fn first(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The content codings in the order of their application, without `identity`.
    fn codings(&self) -> String {
        let values = self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case("content-encoding"));
        let codings = values
            .flat_map(|(_, value)| value.split(','))
            .map(|coding| coding.trim().to_ascii_lowercase())
            .filter(|coding| !coding.is_empty() && coding != "identity");
        codings.collect::<Vec<_>>().join(", ")
    }
}

impl Kept {
    fn is_empty(&self) -> bool {
        matches!(self, Kept::Whole(bytes) if bytes.is_empty())
    }

    /// The hash in hexadecimal; none where there is nothing to hash.
    fn sha256(&self) -> Option<String> {
        let hash: [u8; 32] = match self {
            Kept::Whole(bytes) => Sha256::digest(bytes).into(),
            Kept::Hashed { sha256, .. } => *sha256,
            Kept::NotWhole => return None,
        };
        let mut text = String::with_capacity(64);
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }
}

impl Differences {
    /// None yet, of which `limit` will be listed.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self { limit, listed: Vec::new(), more: 0 }
    }

    /// Adds one.
    pub(crate) fn add(
        &mut self,
        kind: DifferenceKind,
        change: Change,
        at: &str,
        recorded: Option<Value>,
        replayed: Option<Value>,
    ) {
        if self.listed.len() < self.limit {
            let at = at.to_owned();
            self.listed.push(Difference { kind, change, at, recorded, replayed });
        } else {
            self.more += 1;
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.more == 0
    }
}
