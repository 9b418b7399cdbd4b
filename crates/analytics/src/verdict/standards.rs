//! What clients are held against now, for all who hold them: one changes it, the others see it.

use std::sync::{Arc, PoisonError, RwLock};

use wayside_exchange::Links;

use super::Thresholds;

/// Thresholds that may be replaced while they are in use. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Standards(Arc<RwLock<Thresholds>>);

impl Standards {
    /// Those that hold now for a recording with these links; see [`Thresholds::known_by`].
    pub fn for_clients_of(&self, links: &Links) -> Thresholds {
        self.0.read().unwrap_or_else(PoisonError::into_inner).known_by(links)
    }

    /// Puts others in their place.
    pub fn replace(&self, thresholds: Thresholds) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = thresholds;
    }
}

impl From<Thresholds> for Standards {
    fn from(thresholds: Thresholds) -> Self {
        Self(Arc::new(RwLock::new(thresholds)))
    }
}
