//! Episodes of wrong credentials: runs of refused requests of one client, and how each ended.

use serde::{Deserialize, Serialize};
use wayside_exchange::{EvidenceKind, ExchangeId, Micros, Summary, Timestamp};

/// A client that is silent for longer has given up.
const PATIENCE: Micros = Micros(30 * 60 * 1_000_000);
/// Episodes that are told; of more, the newest.
const MOST: usize = 100;
/// Credentials that are named in one episode.
const CREDENTIALS: usize = 8;

/// A run of requests of one client that were refused with 401 or 403.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Episode {
    /// When the first refused request started.
    pub started_at: Timestamp,
    /// When the last one did.
    pub ended_at: Timestamp,
    /// How many were answered with 401.
    pub refused_401: u64,
    /// How many were answered with 403.
    pub refused_403: u64,
    /// What they showed: names of credentials, or `none`; at most eight.
    pub credentials: Vec<String>,
    /// How it ended.
    pub ended: Ended,
    /// What was accepted then; null when nothing was.
    pub accepted_with: Option<String>,
    /// The first refused exchange.
    pub first: ExchangeId,
}

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// A request was accepted.
    Accepted,
    /// The client made no more requests for half an hour.
    GivenUp,
    /// It goes on.
    Running,
}

/// Finds episodes in a client's exchanges, which come in order.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    told: Vec<Episode>,
    current: Option<Episode>,
    dropped: u64,
}

impl Episodes {
    pub(super) fn add(&mut self, row: &Summary) {
        let at = row.started_at;
        if self.current.as_ref().is_some_and(|current| at.since(current.ended_at) > PATIENCE) {
            self.end(Ended::GivenUp, None);
        }
        let shown = row.evidence.first().filter(|piece| piece.kind != EvidenceKind::Address);
        let shown = shown.map_or_else(|| "none".to_owned(), ToString::to_string);
        match row.status {
            Some(status @ (401 | 403)) => {
                let episode = self.current.get_or_insert_with(|| Episode {
                    started_at: at,
                    ended_at: at,
                    refused_401: 0,
                    refused_403: 0,
                    credentials: Vec::new(),
                    ended: Ended::Running,
                    accepted_with: None,
                    first: row.id,
                });
                episode.ended_at = at.max(episode.ended_at);
                episode.refused_401 += u64::from(status == 401);
                episode.refused_403 += u64::from(status == 403);
                if !episode.credentials.contains(&shown) && episode.credentials.len() < CREDENTIALS
                {
                    episode.credentials.push(shown);
                }
            }
            // What needs no credential shows nothing.
            Some(200..=399) if shown != "none" => self.end(Ended::Accepted, Some(shown)),
            _ => {}
        }
    }

    /// The newest episodes in order, and how many came before them.
    pub(super) fn done(mut self, now: Timestamp) -> (Vec<Episode>, u64) {
        let given_up =
            self.current.as_ref().is_some_and(|current| now.since(current.ended_at) > PATIENCE);
        self.end(if given_up { Ended::GivenUp } else { Ended::Running }, None);
        (self.told, self.dropped)
    }

    fn end(&mut self, ended: Ended, accepted_with: Option<String>) {
        let Some(current) = self.current.take() else { return };
        if self.told.len() >= MOST {
            self.told.remove(0);
            self.dropped += 1;
        }
        self.told.push(Episode { ended, accepted_with, ..current });
    }
}
