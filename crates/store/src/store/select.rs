//! Which exchanges of a segment are meant by a filter, with everything of theirs that lies in it.

use std::collections::HashSet;
use std::sync::Arc;

use wayside_exchange::filter::{Filter, Subject};
use wayside_exchange::{ExchangeId, Glance, Links, Mark, Summary};

use super::scan::{Order, Scan};
use super::{Shared, body};
use crate::block::Kind;
use crate::catalogue::Catalogue;
use crate::catalogue::load::rows_of;
use crate::catalogue::scan::{Care, Met, Scan as Walk};
use crate::error::{StoreError, unless_damaged};
use crate::record::decode::Stored;
use crate::segment::Segment;

/// Exchanges that are meant.
#[derive(Clone, Debug)]
pub struct Selection {
    filter: Filter,
    /// Exactly this client's.
    client: Option<String>,
}

/// What a segment holds of the exchanges that are meant, and of others.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Ids of those that are meant: their latest record, an earlier one or a piece is in the segment.
    pub(crate) ids: HashSet<u64>,
    /// How many of them have their latest record in it.
    pub(crate) latest: u64,
    /// Of those that are meant, how many run and are left out.
    pub(crate) running: HashSet<u64>,
    /// Whether there is anything of others.
    pub(crate) others: bool,
}

impl Selection {
    /// The exchanges that `filter` lets through.
    pub fn matching(filter: Filter) -> Self {
        Self { filter, client: None }
    }

    /// The exchanges of the client of exactly this name.
    pub fn of_client(name: &str) -> Self {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = Filter::parse(&format!("client:\"{quoted}\""), wayside_exchange::Timestamp(0));
        // A name that the filter language cannot say is looked for among all.
        Self { filter: filter.unwrap_or_default(), client: Some(name.to_owned()) }
    }

    /// The same, where a client's other name was said.
    pub(crate) fn meant(self, links: &Links) -> Self {
        match &self.client {
            Some(client) => Self::of_client(links.meaning(client)),
            None => self,
        }
    }

    /// The client that is named.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    fn is_of_client(&self, row: &Glance<'_>) -> bool {
        self.client.as_ref().is_none_or(|client| client == row.client)
    }

    /// The rows of some groups that are meant; damaged blocks are left out.
    pub(crate) fn rows(
        &self,
        shared: &Arc<Shared>,
        catalogue: &Arc<Catalogue>,
        segment: &Segment,
    ) -> Result<Vec<Summary>, StoreError> {
        let (from, to) = catalogue.groups_of(segment);
        let groups = catalogue.groups.get(from..to).unwrap_or_default().to_vec();
        let scan = Scan::over(
            shared.clone(),
            catalogue.clone(),
            groups,
            self.filter.clone(),
            Order::OldestFirst,
        );
        scan.summaries(|row| self.is_of_client(row))
    }

    /// Whether an exchange is meant.
    pub(crate) fn has(&self, shared: &Arc<Shared>, stored: &Stored) -> bool {
        let exchange = &stored.exchange;
        let mut body =
            |half| body::in_memory(shared, stored, half).map(|body| body.to_vec().into());
        self.is_of_client(&exchange.summary.glance())
            && self.filter.on_exchange(&Subject::from(exchange), &mut body)
    }

    /// What a segment of `catalogue` holds of the exchanges that any of `selections` means. With
    /// `unless_running`, those that may still run are left out.
    pub(crate) fn among(
        selections: &[Selection],
        shared: &Arc<Shared>,
        catalogue: &Arc<Catalogue>,
        segment: &Segment,
        unless_running: bool,
    ) -> Result<Chosen, StoreError> {
        let mut chosen = Chosen::default();
        let mut latest = HashSet::new();
        for selection in selections {
            for row in selection.rows(shared, catalogue, segment)? {
                let is_open = row.marks.contains(Mark::Open);
                if unless_running && is_open && is_of_this_run(shared, catalogue, row.id) {
                    chosen.running.insert(row.id.0);
                } else {
                    latest.insert(row.id.0);
                }
            }
        }
        chosen.latest = latest.len() as u64;
        chosen.ids = latest;
        let (from, to) = catalogue.groups_of(segment);
        let groups = catalogue.groups.get(from..to).unwrap_or_default();
        let rows: u64 = groups.iter().map(|group| u64::from(group.count)).sum();
        chosen.others = rows > chosen.latest;
        for id in strays(shared, catalogue, segment)? {
            if chosen.ids.contains(&id) || chosen.running.contains(&id) {
                continue;
            }
            let stored = match shared.stored(ExchangeId(id)) {
                Err(StoreError::Damaged { .. }) => None,
                stored => stored?,
            };
            let means = |stored: &Stored| selections.iter().any(|s| s.has(shared, stored));
            match stored.filter(means) {
                None => chosen.others = true,
                Some(stored) => {
                    let is_open = stored.exchange.summary.marks.contains(Mark::Open);
                    if unless_running
                        && is_open
                        && is_of_this_run(shared, catalogue, ExchangeId(id))
                    {
                        chosen.running.insert(id);
                    } else {
                        chosen.ids.insert(id);
                    }
                }
            }
        }
        Ok(chosen)
    }
}

/// Whether an exchange whose record says that it runs was begun by this recorder, so that it may.
fn is_of_this_run(shared: &Shared, catalogue: &Catalogue, id: ExchangeId) -> bool {
    catalogue.latest(id.0).is_some_and(|latest| latest.position >= shared.sealing.began)
}

/// Ids of which a segment holds a piece, or a record that another took the place of.
fn strays(
    shared: &Shared,
    catalogue: &Catalogue,
    segment: &Segment,
) -> Result<HashSet<u64>, StoreError> {
    let mut ids = HashSet::new();
    let mut walk = Walk::new(&shared.log, segment, segment.span().start, Care::Headers);
    while let Some(met) = walk.step()? {
        if let Met::Good(header, _) = met
            && header.kind == Kind::Piece
        {
            ids.insert(header.first);
        }
    }
    let (from, to) = catalogue.groups_of(segment);
    let groups = catalogue.groups.get(from..to).unwrap_or_default();
    for group in groups.iter().filter(|group| group.needs_tracking()) {
        let rows = unless_damaged(rows_of(&shared.log, segment, group))?.unwrap_or_default();
        for (n, row) in (0..).zip(rows) {
            let id = row.summary.id.0;
            if !catalogue.is_latest(id, group.position, n) {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}
