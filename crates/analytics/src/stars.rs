//! Clients with a star: the configuration says that they are never left out, however many others there are.

use std::sync::Arc;

use wayside_exchange::Label;

use crate::tables::HashSet;

/// Their names. As many as the configuration has at most, whatever the traffic does.
#[derive(Clone, Debug, Default)]
pub struct Stars(Arc<HashSet<Box<str>>>);

impl Stars {
    /// Those among `labels`.
    pub fn of(labels: &[Label]) -> Self {
        let starred = labels.iter().filter(|label| label.star);
        Self(Arc::new(starred.map(|label| label.name.as_str().into()).collect()))
    }

    /// Whether a client has one.
    pub fn has(&self, client: &str) -> bool {
        !self.0.is_empty() && self.0.contains(client)
    }
}
