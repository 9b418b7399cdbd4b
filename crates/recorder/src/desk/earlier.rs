//! What an earlier run of the recorder leaves to the next: sessions that may go on, routes, whose is what.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use wayside_exchange::filter::Filter;
use wayside_exchange::{Evidence, EvidenceKind, ExchangeId, Glance, SessionId, Summary, Timestamp};
use wayside_identity::Sighting;
use wayside_store::{Order, Store};

use super::Desk;
use crate::RecorderError;

/// How many exchanges of earlier runs the stitching sees at the start.
const REMEMBERED: usize = 20_000;

/// When the exchanges of each session began: the first and the last.
type Spans = HashMap<SessionId, (Timestamp, Timestamp)>;

/// What an earlier run leaves behind: each client's sessions, and the routes.
#[derive(Default)]
struct Earlier {
    sessions: HashMap<String, Spans>,
    routes: HashSet<String>,
}

impl Desk {
    /// Takes up the sessions that may still go on, from an earlier run's exchanges, and what it had
    /// learned of routes.
    pub(crate) fn take_up(
        &mut self,
        store: &Store,
        newest: ExchangeId,
    ) -> Result<(), RecorderError> {
        let since = newest.started_at().minus(self.options.session_idle);
        let mut scan = store.scan(Filter::all(), Order::NewestFirst);
        let mut parts: Vec<Earlier> = scan.parts();
        let add = |part: &mut Earlier, row: &Glance<'_>| {
            if row.started_at < since {
                return;
            }
            if row.route.contains("/{id}") && !part.routes.contains(row.route) {
                part.routes.insert(row.route.to_owned());
            }
            let spans = match part.sessions.get_mut(row.client) {
                Some(spans) => spans,
                None => part.sessions.entry(row.client.to_owned()).or_default(),
            };
            let (from, to) = spans.entry(row.session).or_insert((row.started_at, row.started_at));
            (*from, *to) = ((*from).min(row.started_at), (*to).max(row.started_at));
        };
        while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since)
            && scan.fold(&mut parts, add)?
        {}
        for Earlier { sessions, routes } in parts {
            for (client, spans) in sessions {
                for (session, (from, to)) in spans {
                    self.sessions.seed(&client, session, from);
                    self.sessions.seed(&client, session, to);
                }
            }
            for route in &routes {
                self.routes.take_up(route);
            }
        }
        Ok(())
    }

    /// Lets the stitching see the newest exchanges of an earlier run.
    pub(crate) fn remember(
        &mut self,
        store: &Store,
        newest: ExchangeId,
    ) -> Result<(), RecorderError> {
        let rows = store.find(Filter::all(), Order::NewestFirst).take(REMEMBERED);
        let rows: Vec<Summary> = rows.collect::<Result<_, _>>()?;
        for row in rows.iter().rev().filter(|row| row.id <= newest && row.has_request()) {
            let Some(name) = row.evidence.first().map(ToString::to_string) else { continue };
            let seen = Sighting {
                id: row.id,
                at: row.started_at,
                connection: row.connection,
                resumed: None,
                name: &name,
                evidence: &row.evidence,
                agent: 0,
                status: row.status,
                relayed: is_relayed(row.client_addr, &row.evidence),
            };
            self.stitch(&seen);
        }
        Ok(())
    }
}

/// Whether an exchange was a trusted proxy's: its evidence names another address than it came from.
pub(crate) fn is_relayed(client_addr: SocketAddr, evidence: &[Evidence]) -> bool {
    let own = client_addr.ip().to_canonical().to_string();
    let address = evidence.iter().find(|piece| piece.kind == EvidenceKind::Address);
    address.is_some_and(|piece| piece.token.split('/').next() != Some(&own))
}
