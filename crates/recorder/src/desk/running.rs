//! An exchange that is being put together. Its buffers are used again for later ones.

use std::sync::Arc;

use bytes::Bytes;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{
    BodyEnd, Connection, ExchangeId, Failure, Half, HeadView, HttpVersion, Mark, Marks, Outcome,
    SessionId, Timestamp, Timing,
};
use wayside_identity::{Credentials, Ending, NamedInBody};
use wayside_store::seal::SealingKey;
use wayside_store::{Extent, StoreError, Writer};

use super::veil::{Parts, Veil};

/// Bytes of a body at which they are written ahead of the exchange's record.
const LARGE: usize = 128 << 10;
/// Bytes below which a body is not worth a piece of its own.
const SMALL: usize = 4 << 10;
/// Bytes of a body's buffer that are kept for the next exchange.
const KEPT: usize = 64 << 10;
/// Arrivals that are kept of one body. Beyond that every other one goes: the bytes stay whole, their
/// times grow coarser.
const MOST_ARRIVALS: usize = 64 << 10;

/// One exchange, so far.
#[derive(Debug, Default)]
pub(super) struct Running {
    pub(super) id: ExchangeId,
    pub(super) started_at: Timestamp,
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) version: HttpVersion,
    pub(super) request: Part,
    pub(super) informed: Vec<Bytes>,
    pub(super) response: Part,
    pub(super) outcome: Outcome,
    pub(super) failure: Option<Failure>,
    pub(super) timing: Timing,
    pub(super) marks: Marks,
    /// Something has happened since it was last written.
    pub(super) fresh: bool,
    /// When it was last written while it ran.
    pub(super) glanced: Timestamp,
    /// The session that it was placed in when it was first written.
    pub(super) session: Option<SessionId>,
    /// What looks for the client's name in the request's body, where it is to be looked for.
    pub(super) named: Option<Box<NamedInBody>>,
}

/// One half of it.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) head: Vec<u8>,
    pub(super) trailers: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) pieces: Vec<Extent>,
    pub(super) arrivals: Vec<Arrival>,
    /// Bytes that passed.
    pub(super) bytes: u64,
    /// Bytes that were kept, written ahead or not.
    pub(super) kept: u64,
    pub(super) end: Option<BodyEnd>,
    /// Nothing more is kept: what would follow a gap would pass for the body.
    pub(super) closed: bool,
    /// What looks for secrets in it; none where nothing is to be looked for.
    pub(super) veil: Option<Box<Veil>>,
    /// Whether it is known how it is searched.
    is_known: bool,
}

impl Running {
    pub(super) fn begin(
        &mut self,
        id: ExchangeId,
        at: Timestamp,
        connection: &Arc<Connection>,
        version: HttpVersion,
        head: &[u8],
    ) {
        self.id = id;
        self.started_at = at;
        self.glanced = at;
        self.connection = Some(Arc::clone(connection));
        self.version = version;
        self.request.head.extend_from_slice(head);
        self.fresh = true;
    }

    pub(super) fn begin_failed(
        &mut self,
        id: ExchangeId,
        at: Timestamp,
        connection: &Arc<Connection>,
        failure: &Failure,
    ) {
        self.begin(id, at, connection, HttpVersion::default(), &[]);
        self.end(Outcome::Refused, Some(failure), Timing::default());
    }

    pub(super) fn answered(&mut self, head: &[u8]) {
        self.response.head.clear();
        self.response.head.extend_from_slice(head);
        self.fresh = true;
    }

    /// Decides how a body is searched, before its first byte is kept.
    pub(super) fn look_at(&mut self, half: Half, credentials: &Credentials) {
        if std::mem::replace(&mut self.part(half).is_known, true) {
            return;
        }
        let (request, response) = (HeadView(&self.request.head), HeadView(&self.response.head));
        if half == Half::Request {
            self.named = credentials.named_in_body(request).map(Box::new);
        }
        let search = credentials.search(half, request, response);
        let veil = search.is_needed().then(|| Box::new(Veil::new(half, search)));
        self.part(half).veil = veil;
    }

    /// Whether a body may go to the store as it comes.
    pub(super) fn is_plain(&self, half: Half) -> bool {
        match half {
            Half::Request => self.request.veil.is_none(),
            Half::Response => self.response.veil.is_none(),
        }
    }

    /// Searches what has gathered of a body.
    pub(super) fn settle(&mut self, half: Half, ending: Ending, credentials: &mut Credentials) {
        let part = self.part(half);
        if let Some(veil) = &mut part.veil {
            veil.settle(&mut part.body, &mut part.arrivals, ending, credentials);
        }
    }

    /// Bytes of a body have passed. Says how many of them are to be kept, by [`Running::gather`] or
    /// [`Running::write_run`].
    pub(super) fn passed(
        &mut self,
        half: Half,
        at: Option<Timestamp>,
        data: &[u8],
        limit: Option<u64>,
    ) -> usize {
        self.fresh = true;
        let part = self.part(half);
        let room = match limit {
            _ if part.closed => 0,
            Some(limit) => limit.saturating_sub(part.kept),
            None => u64::MAX,
        };
        let take = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        if let (Some(at), true) = (at, take > 0) {
            part.arrived(at);
        }
        part.kept += take as u64;
        part.bytes += data.len() as u64;
        if take < data.len() && !part.closed {
            part.closed = true;
            self.marks.insert(Mark::OverLimit);
        }
        take
    }

    /// Keeps bytes until there are more of them.
    pub(super) fn gather(&mut self, half: Half, data: &[u8]) {
        self.part(half).body.extend_from_slice(data);
    }

    pub(super) fn shed(&mut self, half: Half, bytes: u64) {
        self.marks.insert(Mark::CaptureShed);
        let part = self.part(half);
        part.bytes += bytes;
        part.closed = true;
    }

    pub(super) fn body_ended(&mut self, half: Half, end: BodyEnd, trailers: &[u8]) {
        if end == BodyEnd::Cut {
            self.marks.insert(match half {
                Half::Request => Mark::RequestBodyCut,
                Half::Response => Mark::ResponseBodyCut,
            });
        }
        let part = self.part(half);
        part.end = Some(end);
        part.trailers.extend_from_slice(trailers);
    }

    pub(super) fn end(&mut self, outcome: Outcome, failure: Option<&Failure>, timing: Timing) {
        self.outcome = outcome;
        self.failure = failure.cloned();
        self.timing = timing;
    }

    /// Whether so much of a body has gathered that it should not wait for the end.
    pub(super) fn is_large(&self, half: Half) -> bool {
        self.gathered(half) >= LARGE
    }

    /// Whether so much of a body has gathered that writing it ahead saves memory.
    pub(super) fn is_worth_writing(&self, half: Half) -> bool {
        self.gathered(half) >= SMALL
    }

    /// Bytes of a body that have gathered.
    pub(super) fn gathered(&self, half: Half) -> usize {
        match half {
            Half::Request => self.request.gathered(),
            Half::Response => self.response.gathered(),
        }
    }

    /// About how many bytes writing it as it stands would take.
    pub(super) fn weight(&self) -> usize {
        [&self.request, &self.response]
            .map(|part| {
                part.head.len() + part.gathered() + 16 * (part.pieces.len() + part.arrivals.len())
            })
            .iter()
            .sum()
    }

    /// Writes what has gathered of a body, as far as it is decided.
    pub(super) fn write_ahead(
        &mut self,
        half: Half,
        writer: &mut Writer,
        key: &SealingKey,
    ) -> Result<(), StoreError> {
        if let Some(mut veil) = self.part(half).veil.take() {
            let written = self.write_veiled(half, &mut veil, writer, key);
            self.part(half).veil = Some(veil);
            return written;
        }
        let mut gathered = std::mem::take(&mut self.part(half).body);
        let written = self.write_run(half, &gathered, writer);
        gathered.clear();
        self.part(half).body = gathered;
        written
    }

    fn write_veiled(
        &mut self,
        half: Half,
        veil: &mut Veil,
        writer: &mut Writer,
        key: &SealingKey,
    ) -> Result<(), StoreError> {
        let (ready, stands_for) = veil.take_ready();
        if !ready.is_empty() {
            let (id, kept) = (self.id, self.part(half).kept);
            if let Err(error) = self.write_run(half, &ready, writer) {
                veil.lost();
                self.part(half).kept = kept.saturating_sub(stands_for);
                let _ = veil.written(ready, id, writer, key);
                return Err(error);
            }
        }
        veil.written(ready, self.id, writer, key)
    }

    /// Writes bytes of a body that counts them already. What cannot be written is gone, and marked.
    pub(super) fn write_run(
        &mut self,
        half: Half,
        data: &[u8],
        writer: &mut Writer,
    ) -> Result<(), StoreError> {
        let id = self.id;
        let part = self.part(half);
        let written = writer.append_piece(id, half, data);
        if let Ok(extent) = written {
            part.pieces.push(extent);
        } else {
            part.kept = part.kept.saturating_sub(data.len() as u64);
            part.closed = true;
            self.marks.insert(Mark::CaptureShed);
        }
        written.map(|_| ())
    }

    /// Makes ready for another exchange.
    pub(super) fn clear(&mut self) {
        let keep = |mut part: Part| {
            part.head.clear();
            part.trailers.clear();
            part.body.clear();
            part.body.shrink_to(KEPT);
            part.pieces.clear();
            part.arrivals.clear();
            Part {
                bytes: 0,
                kept: 0,
                end: None,
                closed: false,
                veil: None,
                is_known: false,
                ..part
            }
        };
        *self = Self {
            request: keep(std::mem::take(&mut self.request)),
            response: keep(std::mem::take(&mut self.response)),
            ..Self::default()
        };
    }

    pub(super) fn part(&mut self, half: Half) -> &mut Part {
        match half {
            Half::Request => &mut self.request,
            Half::Response => &mut self.response,
        }
    }
}

impl Part {
    fn gathered(&self) -> usize {
        self.body.len() + self.veil.as_ref().map_or(0, |veil| veil.ready().len())
    }

    /// What is decided and not written ahead: all of it where nothing is searched.
    pub(super) fn decided(&self) -> Parts<'_> {
        match &self.veil {
            Some(veil) => veil.parts(&self.body),
            None => Parts::from_slice(&[&self.body]),
        }
    }

    /// How a body ended of which nothing more is kept.
    pub(super) fn ending(&self) -> Ending {
        let is_whole = self.end == Some(BodyEnd::Complete) && self.kept == self.bytes;
        if is_whole { Ending::Whole } else { Ending::Cut }
    }

    fn arrived(&mut self, at: Timestamp) {
        if let Some(veil) = &mut self.veil {
            if self.arrivals.len() >= MOST_ARRIVALS {
                veil.thinned(self.arrivals.len());
            }
            veil.arrived();
        }
        if self.arrivals.len() >= MOST_ARRIVALS {
            let mut n = 0_usize;
            self.arrivals.retain(|_| {
                n += 1;
                n % 2 == 1
            });
        }
        self.arrivals.push(Arrival { offset: self.bytes, at });
    }
}
