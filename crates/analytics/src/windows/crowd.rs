//! Who is there: how many clients called lately, and what those whom most is wrong with did.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Windows;
use crate::cell::Cell;

/// Clients that called lately.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// How many called in the last minute.
    pub active: u64,
    /// What some of them did in the last 15 minutes: those with most errors and requests given up first, then
    /// those with most requests.
    pub worst: Vec<(Arc<str>, Cell)>,
}

impl Windows {
    /// The clients now; of the worst those in `named`, in their order, then others, `most` in all.
    pub fn crowd(&self, named: &[&str], most: usize) -> Crowd {
        let [minute, quarter, _] = &self.rings;
        let active = minute.clients().len() as u64;
        let clients = quarter.clients();
        let mut worst: Vec<(Arc<str>, Cell)> =
            clients.into_iter().map(|(client, cell)| (Arc::clone(client), cell)).collect();
        let place = |client: &str| named.iter().position(|name| *name == client);
        worst.sort_by_cached_key(|(client, cell)| {
            let wrong = cell.errors_4xx + cell.errors_5xx + cell.cancelled;
            let place = place(client).unwrap_or(usize::MAX);
            (place, Reverse(wrong), Reverse(cell.requests), Arc::clone(client))
        });
        worst.truncate(most);
        Crowd { active, worst }
    }
}
