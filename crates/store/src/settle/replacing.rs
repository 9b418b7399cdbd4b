//! A segment in which some exchanges are sealed anew: others take the place of their records and of the
//! pieces of their bodies, and what no record refers to any more does not come along.
//!
//! A new piece needs a position that nothing else has. There are plenty: a block began as a header of 80
//! bytes at least, and nothing but the block itself is named by a position within it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use wayside_exchange::{ExchangeId, Half, Summary};

use super::draft::Draft;
use super::{Change, Stuck};
use crate::block::{BlockHeader, HEADER, Kind};
use crate::catalogue::Catalogue;
use crate::catalogue::scan::{Care, Met, Scan};
use crate::error::{StoreError, unless_damaged};
use crate::record::decode::{Kept, Stored, record};
use crate::record::{Extent, NewBody, NewMessage, NewRecord, NewVeil, encode};
use crate::segment::Segment;
use crate::store::Shared;
use crate::store::reseal::{Bodies, Resealed, ResealedMessage, Resealing};

/// How a segment is to be written anew.
pub(crate) struct Replacing<'a> {
    shared: Arc<Shared>,
    catalogue: Arc<Catalogue>,
    /// Those that are sealed anew, with the positions of the pieces that they keep.
    meant: &'a HashMap<u64, HashSet<u64>>,
    resealing: &'a mut dyn Resealing,
    strays: Strays,
    free: FreePositions,
}

impl<'a> Replacing<'a> {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        segment: &Segment,
        meant: &'a HashMap<u64, HashSet<u64>>,
        resealing: &'a mut dyn Resealing,
        strays: Strays,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            shared: shared.clone(),
            catalogue: shared.catalogue(),
            meant,
            resealing,
            strays,
            free: FreePositions::of(shared, segment)?,
        })
    }
}

impl Change for Replacing<'_> {
    fn keeps_piece(&mut self, id: ExchangeId, position: u64) -> bool {
        match self.meant.get(&id.0) {
            Some(kept) => kept.contains(&position),
            None => !self.strays.is_piece(&self.shared, &self.catalogue, id, position),
        }
    }

    fn keeps_row(&mut self, row: &Summary, group: u64, n: u32) -> bool {
        !is_superseded(&self.shared, &self.catalogue, row.id, (group, n))
    }

    fn replace(
        &mut self,
        stored: &Stored,
        draft: &mut Draft,
    ) -> Result<Option<(Stored, Vec<u8>)>, Stuck> {
        let id = stored.exchange.summary.id;
        if !self.meant.contains_key(&id.0) {
            return Ok(None);
        }
        let mut stored = stored.clone();
        let (shared, catalogue) = (&self.shared, &self.catalogue);
        stored.cut_where(|piece| shared.is_removed(catalogue, piece));
        let free = &mut self.free;
        let mut put = |half: Half, data: &[u8]| {
            let position =
                free.take().ok_or(StoreError::TooLarge { bytes: data.len() as u64, limit: 0 })?;
            draft.piece(shared, &BlockHeader::piece(id, half, position), data)?;
            Ok(Extent { position, bytes: data.len() as u64 })
        };
        let mut bodies = Bodies::of(shared, &stored, Some(&mut put));
        let Some(resealed) = self.resealing.reseal(&stored.exchange, &mut bodies)? else {
            return Ok(None);
        };
        let bytes = encoded(&stored, &resealed);
        let block = Bytes::from(bytes.clone());
        let anew = record(&block, 0..block.len(), resealed.summary);
        let anew = anew.ok_or(Stuck::Damaged("a record in it cannot be sealed"))?;
        Ok(Some((anew, bytes)))
    }
}

/// Tells what no record refers to: pieces that another took the place of or that a crash left, and records
/// that a later one took the place of. What may still run is left alone.
#[derive(Default)]
pub(crate) struct Strays {
    /// The positions that the record of an exchange refers to; none where it is to be left alone.
    known: HashMap<u64, Option<HashSet<u64>>>,
}

impl Strays {
    /// Whether a segment holds any.
    pub(crate) fn any(&mut self, shared: &Shared, segment: &Segment) -> Result<bool, StoreError> {
        let catalogue = shared.catalogue();
        let mut scan = Scan::new(&shared.log, segment, segment.span().start, Care::Headers);
        while let Some(met) = scan.step()? {
            let Met::Good(header, _) = met else { continue };
            let id = ExchangeId(header.first);
            if header.kind == Kind::Piece && self.is_piece(shared, &catalogue, id, header.position)
            {
                return Ok(true);
            }
        }
        let (from, to) = catalogue.groups_of(segment);
        for group in catalogue.groups.get(from..to).unwrap_or_default() {
            if !group.needs_tracking() {
                continue;
            }
            let rows = unless_damaged(shared.rows(&catalogue, group))?.unwrap_or_default();
            let is_stray = |(n, row): (u32, &crate::row::Row)| {
                is_superseded(shared, &catalogue, row.summary.id, (group.position, n))
            };
            if (0..).zip(&rows).any(is_stray) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_piece(
        &mut self,
        shared: &Shared,
        catalogue: &Catalogue,
        id: ExchangeId,
        position: u64,
    ) -> bool {
        let known = self.known.entry(id.0).or_insert_with(|| match shared.stored(id) {
            Ok(Some(stored)) => (!may_run(shared, catalogue, id)).then(|| positions(&stored)),
            // Of an exchange that was never recorded; one that has just begun may be yet.
            Ok(None) if position < shared.sealing.began => Some(HashSet::new()),
            _ => None,
        });
        known.as_ref().is_some_and(|known| !known.contains(&position))
    }
}

/// Whether a later row took the place of one, of an exchange that does not run any more.
pub(super) fn is_superseded(
    shared: &Shared,
    catalogue: &Catalogue,
    id: ExchangeId,
    (group, n): (u64, u32),
) -> bool {
    !may_run(shared, catalogue, id) && !catalogue.is_latest(id.0, group, n)
}

/// Whether the record of an exchange says that it runs, and this recorder began it.
pub(crate) fn may_run(shared: &Shared, catalogue: &Catalogue, id: ExchangeId) -> bool {
    let began = shared.sealing.began;
    catalogue.latest(id.0).is_some_and(|latest| latest.open && latest.position >= began)
}

/// The positions of all pieces that a record refers to.
fn positions(stored: &Stored) -> HashSet<u64> {
    let halves = [Half::Request, Half::Response].into_iter().filter_map(|half| stored.kept(half));
    halves.flat_map(kept_at).collect()
}

fn kept_at(kept: &Kept) -> impl Iterator<Item = u64> + '_ {
    kept.pieces.iter().chain(&kept.veil.pieces).map(|piece| piece.position)
}

/// The positions of the pieces that an exchange keeps when it becomes `resealed`.
pub(crate) fn kept_by(stored: &Stored, resealed: &Resealed) -> HashSet<u64> {
    let changes = |half: Half| match half {
        Half::Request => resealed.request.body.is_some(),
        Half::Response => {
            resealed.response.as_ref().is_some_and(|response| response.body.is_some())
        }
    };
    let halves = [Half::Request, Half::Response].into_iter().filter(|half| !changes(*half));
    halves.filter_map(|half| stored.kept(half)).flat_map(kept_at).collect()
}

/// Positions of a segment that no block has.
struct FreePositions {
    used: HashSet<u64>,
    /// Where blocks began, the next last.
    blocks: Vec<u64>,
    /// How far behind the last of them the next is looked for.
    behind: u64,
    end: u64,
}

impl FreePositions {
    fn of(shared: &Shared, segment: &Segment) -> Result<Self, StoreError> {
        let mut blocks = Vec::new();
        let mut scan = Scan::new(&shared.log, segment, segment.span().start, Care::Headers);
        while let Some(met) = scan.step()? {
            if let Met::Good(header, _) = met {
                blocks.push(header.position);
            }
        }
        let used = blocks.iter().copied().collect();
        blocks.sort_unstable_by(|one, other| other.cmp(one));
        Ok(Self { used, blocks, behind: 0, end: segment.end })
    }

    fn take(&mut self) -> Option<u64> {
        loop {
            let block = *self.blocks.last()?;
            self.behind += 1;
            if self.behind >= HEADER as u64 {
                self.blocks.pop();
                self.behind = 0;
                continue;
            }
            let position = block + self.behind;
            if position < self.end && self.used.insert(position) {
                return Some(position);
            }
        }
    }
}

/// The bytes of the record that `stored` becomes.
fn encoded(stored: &Stored, resealed: &Resealed) -> Vec<u8> {
    let rest = |half: Half, message: Option<&ResealedMessage>| match message {
        Some(ResealedMessage { body: Some(body), .. }) => Bytes::from(body.rest.clone()),
        _ => stored.kept(half).map(|kept| kept.rest.clone()).unwrap_or_default(),
    };
    let request_rest = rest(Half::Request, Some(&resealed.request));
    let response_rest = rest(Half::Response, resealed.response.as_ref());
    let (request_rest, response_rest) = ([request_rest.as_ref()], [response_rest.as_ref()]);
    let response = resealed.response.as_ref();
    let new = NewRecord {
        summary: &resealed.summary,
        request: message(stored, Half::Request, &resealed.request, &request_rest),
        informed: &resealed.informed,
        response: response
            .map(|response| message(stored, Half::Response, response, &response_rest)),
        sealed: &resealed.sealed,
    };
    let mut bytes = Vec::with_capacity(encode::most(&new, &[]));
    encode::record(&mut bytes, &new, &[]);
    bytes
}

fn message<'a>(
    stored: &'a Stored,
    half: Half,
    new: &'a ResealedMessage,
    rest: &'a [&'a [u8]],
) -> NewMessage<'a> {
    let empty = (NewBody::none(), None);
    let known = stored.exchange.message(half).zip(stored.kept(half));
    let (body, veil) = known.map_or(empty, |(message, kept)| {
        let body = NewBody {
            bytes: message.body.bytes,
            end: message.body.end,
            arrivals: &message.body.arrivals,
            pieces: &kept.pieces,
            rest,
            veil: None,
        };
        let veil =
            NewVeil { kept: message.body.kept, pieces: &kept.veil.pieces, rest: &kept.veil.rest };
        (body, Some((veil, message.body.redacted)))
    });
    let body = match (&new.body, veil) {
        (Some(new), Some((veil, _))) => NewBody {
            arrivals: &new.arrivals,
            pieces: &new.pieces,
            veil: Some(NewVeil { pieces: &new.chunks, rest: &new.sealed, ..veil }),
            ..body
        },
        (None, Some((veil, redacted))) => NewBody { veil: redacted.then_some(veil), ..body },
        _ => body,
    };
    NewMessage { head: &new.head, trailers: &new.trailers, body }
}
