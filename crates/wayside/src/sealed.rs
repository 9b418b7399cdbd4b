//! Secrets that were taken out of heads and bodies, put back for those who ask for them by name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use wayside_exchange::{Exchange, ExchangeId, Half, Head};
use wayside_identity::{decode_secrets, restore};
use wayside_store::seal::SealingKey;
use wayside_store::{Location, Revealed, Store};

use crate::report::trouble::Trouble;

/// Opens the seals of one recording.
pub struct Seal {
    key: SealingKey,
}

impl Seal {
    /// With the key of the recording at `data`; an error when it is not there.
    pub fn of(data: &Location) -> anyhow::Result<Self> {
        Ok(Self { key: key(data)? })
    }

    /// A body as it was on the wire; none where there is none.
    pub fn body(
        &self,
        store: &Store,
        id: ExchangeId,
        half: Half,
    ) -> anyhow::Result<Option<Revealed>> {
        Ok(store.revealed(id, half, &self.key)?)
    }

    /// `exchange` as it was on the wire.
    pub fn reveal(&self, store: &Store, mut exchange: Exchange) -> anyhow::Result<Exchange> {
        let id = exchange.summary.id;
        for half in [Half::Request, Half::Response] {
            let message = match half {
                Half::Request => Some(&mut exchange.request),
                Half::Response => exchange.response.as_mut(),
            };
            let Some(message) = message.filter(|message| message.body.redacted) else { continue };
            // Else it stays told to be redacted.
            if !store.is_revealable(id, half)? {
                continue;
            }
            message.body.arrivals = store.revealed_arrivals(id, half, &self.key)?;
            message.body.redacted = false;
            message.body.stored = message.body.kept;
        }
        if exchange.sealed.is_empty() {
            return Ok(exchange);
        }
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
pub fn key(data: &Location) -> anyhow::Result<SealingKey> {
    let path = data.key();
    if !path.exists() {
        let trouble = Trouble::failed(format!("there is no sealing key at `{}`", path.display()));
        let hint = "secrets can be revealed only with the key that they were recorded with: name it with `--seal-key FILE`";
        return Err(trouble.hint(hint).into());
    }
    Ok(SealingKey::open(&path)?)
}

/// The sealing key where it is at hand, to compare without showing.
pub fn key_at_hand(data: &Location) -> anyhow::Result<Option<SealingKey>> {
    if data.key_file.is_none() && !data.key().exists() {
        return Ok(None);
    }
    key(data).map(Some)
}
