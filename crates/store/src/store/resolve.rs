//! What the beginning of an id names.

use std::collections::BTreeSet;

use wayside_exchange::{ExchangeId, SessionId};

use super::Shared;
use crate::catalogue::Group;
use crate::error::StoreError;

/// How many of several are named.
const MOST_NAMED: usize = 10;

/// What the beginning of an id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One exchange.
    Exchange(ExchangeId),
    /// One session.
    Session(SessionId),
    /// Several, of which these are the first.
    Ambiguous(Vec<String>),
    /// Nothing in the store.
    Nothing,
}

pub(crate) fn resolve(shared: &Shared, prefix: &str) -> Result<Named, StoreError> {
    let prefix = prefix.to_ascii_lowercase();
    let mut all = BTreeSet::new();
    if let Ok((low, high)) = ExchangeId::range(&prefix) {
        all.extend(exchanges(shared, low, high)?.into_iter().map(Name::Exchange));
    }
    if let Ok((low, high)) = SessionId::range(&prefix) {
        all.extend(sessions(shared, low, high)?.into_iter().map(Name::Session));
    }
    let mut names = all.into_iter();
    Ok(match (names.next(), names.next()) {
        (None, _) => Named::Nothing,
        (Some(Name::Exchange(id)), None) => Named::Exchange(id),
        (Some(Name::Session(id)), None) => Named::Session(id),
        (Some(first), Some(second)) => Named::Ambiguous(
            [first, second].into_iter().chain(names).take(MOST_NAMED).map(Name::text).collect(),
        ),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Exchange(ExchangeId),
    Session(SessionId),
}

impl Name {
    fn text(self) -> String {
        match self {
            Name::Exchange(id) => id.to_string(),
            Name::Session(id) => id.to_string(),
        }
    }
}

fn exchanges(
    shared: &Shared,
    low: ExchangeId,
    high: ExchangeId,
) -> Result<BTreeSet<ExchangeId>, StoreError> {
    let mut ids = BTreeSet::new();
    let catalogue = shared.catalogue();
    let near = |group: &&Group| group.last >= low.0 && group.first <= high.0;
    for group in catalogue.groups.iter().filter(near) {
        let Some(rows) = readable(shared.rows(&catalogue, group))? else { continue };
        ids.extend(rows.iter().map(|row| row.summary.id).filter(|id| (low..=high).contains(id)));
        if ids.len() > MOST_NAMED {
            break;
        }
    }
    Ok(ids)
}

/// A session has the id of its first exchange, and that one is the first place to look; when it is
/// gone (it was lost, or deleted with its segment), the others of the session name it too.
fn sessions(
    shared: &Shared,
    low: SessionId,
    high: SessionId,
) -> Result<BTreeSet<SessionId>, StoreError> {
    let (from, to) = (low.0.0, high.0.0);
    let mut ids = BTreeSet::new();
    let catalogue = shared.catalogue();
    for first_only in [true, false] {
        let near = |group: &&Group| group.last >= from && (!first_only || group.first <= to);
        for group in catalogue.groups.iter().filter(near) {
            let Some(rows) = readable(shared.rows(&catalogue, group))? else { continue };
            let sessions = rows.iter().map(|row| row.summary.session);
            ids.extend(sessions.filter(|id| (low..=high).contains(id)));
            if ids.len() > MOST_NAMED {
                return Ok(ids);
            }
        }
        if !ids.is_empty() {
            break;
        }
    }
    Ok(ids)
}

fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
