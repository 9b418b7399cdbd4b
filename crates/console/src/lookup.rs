//! Heads and bodies of a few exchanges, for statistics that rows alone cannot give.

use std::io::Read as _;

use wayside_analytics::findings::Lookup;
use wayside_exchange::{Exchange, ExchangeId, Half};
use wayside_store::{Store, StoreError};

/// So much of a body is read.
const BODY: u64 = 256 * 1024;

/// The store, as statistics look into it. The first error is kept; from then on everything is gone.
pub(crate) struct Stored<'a> {
    store: &'a Store,
    failed: Option<StoreError>,
}

impl<'a> Stored<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store, failed: None }
    }

    /// Fails when something could not be read.
    pub(crate) fn read(self) -> Result<(), StoreError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn look<T>(&mut self, look: impl FnOnce(&Store) -> Result<Option<T>, StoreError>) -> Option<T> {
        if self.failed.is_some() {
            return None;
        }
        match look(self.store) {
            Ok(found) => found,
            // What is damaged is told in the store's status, and is as good as gone.
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
}

impl Lookup for Stored<'_> {
    fn exchange(&mut self, id: ExchangeId) -> Option<Exchange> {
        self.look(|store| store.exchange(id))
    }

    fn request_body(&mut self, id: ExchangeId) -> Option<Vec<u8>> {
        let reader = self.look(|store| store.body(id, Half::Request))?;
        let mut bytes = Vec::new();
        // A piece that retention removed meanwhile is gone as well.
        reader.take(BODY).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}
