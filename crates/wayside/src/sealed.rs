//! Secrets that were taken out of heads, put back for those who ask for them by name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use wayside_exchange::{Exchange, Head};
use wayside_identity::{decode_secrets, restore};
use wayside_store::seal::SealingKey;

use crate::report::trouble::Trouble;

/// Opens the seals of one recording.
pub struct Seal {
    key: SealingKey,
}

impl Seal {
    /// The seal of the recording at `data`; an error when its key is not there.
    pub fn of(data: &Path) -> anyhow::Result<Self> {
        Ok(Self { key: key(data)? })
    }

    /// `exchange` as it was on the wire.
    pub fn reveal(&self, mut exchange: Exchange) -> anyhow::Result<Exchange> {
        if exchange.sealed.is_empty() {
            return Ok(exchange);
        }
        let id = exchange.summary.id;
        let plain = self
            .key
            .unseal(id, &exchange.sealed)
            .with_context(|| format!("could not reveal the secrets of `{id}`"))?;
        let secrets = decode_secrets(&plain)
            .with_context(|| format!("could not read the secrets of `{id}`"))?;
        let revealed = |head: &Head| Head(Bytes::from(restore(&head.0, &secrets)));
        exchange.request.head = revealed(&exchange.request.head);
        exchange.request.trailers = restore(&exchange.request.trailers, &secrets);
        if let Some(response) = &mut exchange.response {
            response.head = revealed(&response.head);
            response.trailers = restore(&response.trailers, &secrets);
        }
        for head in &mut exchange.informed {
            *head = revealed(head);
        }
        let target = restore(exchange.summary.target.as_bytes(), &secrets);
        exchange.summary.target = String::from_utf8_lossy(&target).into_owned();
        Ok(exchange)
    }
}

/// The folder of a recording's keys.
pub fn keys(data: &Path) -> PathBuf {
    data.join("keys")
}

/// The sealing key of the recording at `data`. Never makes one: a new key would open nothing.
pub fn key(data: &Path) -> anyhow::Result<SealingKey> {
    let folder = keys(data);
    if !folder.join("sealing.key").exists() {
        return Err(Trouble::failed(format!("there is no sealing key in `{}`", folder.display()))
            .hint("secrets can be revealed only where they were recorded")
            .into());
    }
    Ok(SealingKey::open_or_create(&folder)?)
}
