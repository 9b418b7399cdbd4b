//! WebSocket messages (RFC 6455), masked, in fragments or compressed (RFC 7692): each is searched as a
//! whole, and one with a secret in it is stored as a single frame without.
//!
//! Compression goes on from message to message. Once one was replaced, those behind it are stored
//! uncompressed, since they could not be unpacked without it.

mod frame;

use wayside_exchange::websocket::{CLOSE, CONTINUATION, Header, TEXT};
use wayside_exchange::{Half, HeadView};

use super::kind::{Kind, is_text};
use super::text::{KNOWN_BY, Text};
use super::{Ending, Seeking, StandIn, Taken};
use frame::{Inflate, Read};

/// The longest message that is held until it is whole.
const MOST_HELD: usize = 256 << 10;
/// Where little may be held.
const CROWDED: usize = 16 << 10;

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    inflate: Option<Inflate>,
    /// Compressed messages are stored uncompressed from now on.
    is_unpacked: bool,
    /// The message that is passing, too long to be searched.
    passing: Option<Passing>,
    /// It cannot be told any more where messages begin, or what is in them.
    is_lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Passing {
    /// Bytes of its frame that are still to come.
    left: u64,
    /// No frame comes behind this one.
    is_last: bool,
    is_sealed: bool,
}

impl Frames {
    /// Those of a connection that has become one of WebSocket; none for any other exchange.
    pub(super) fn of(half: Half, request: HeadView<'_>, response: HeadView<'_>) -> Option<Self> {
        let upgraded = response.status() == Some(101) && request.field("upgrade").is_some();
        let protocol =
            if upgraded { request.field("upgrade") } else { request.pseudo(b":protocol") };
        if !protocol?.eq_ignore_ascii_case(b"websocket") || response.is_empty() {
            return None;
        }
        let extensions = response.field("sec-websocket-extensions").unwrap_or_default();
        let inflate = Inflate::of(extensions, half);
        Some(Self { inflate, is_unpacked: false, passing: None, is_lost: false })
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    pub(super) fn find(
        &mut self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> usize {
        let mut at = 0;
        while at < run.len() && !self.is_lost {
            if self.passing.is_some() {
                let passed = self.pass(run, at, taken);
                if passed == at && !ending.is_last() {
                    return at;
                }
                at = if passed == at { self.give_up(run, at, taken) } else { passed };
                continue;
            }
            let rest = run.get(at..).unwrap_or_default();
            match frame::read(rest) {
                Read::Control(length) => at += length,
                Read::Nonsense => at = self.give_up(run, at, taken),
                Read::Whole(message) => {
                    let end = at + message.length;
                    if let Some(stand_in) = self.searched(seeking, &message) {
                        taken.push(Taken { range: at..end, stand_in: stand_in.into() });
                    }
                    at = end;
                }
                Read::Part(header) if ending.is_last() => {
                    at = self.broken_off(seeking, header, run, at, taken);
                }
                Read::Part(header) => {
                    let most = if ending == Ending::Crowded { CROWDED } else { MOST_HELD };
                    let Some(header) = header.filter(|_| rest.len() > most) else { return at };
                    at = self.begin_to_pass(seeking, header, run, at, taken);
                }
            }
        }
        if self.is_lost { self.give_up(run, at, taken) } else { at }
    }

    /// What is stored in the place of a message; none where that is the message itself.
    fn searched(&mut self, seeking: &mut Seeking<'_>, message: &frame::Message) -> Option<Vec<u8>> {
        let header = message.header;
        let mut payload = std::borrow::Cow::Borrowed(&message.payload);
        if header.is_deflated {
            let inflated = self.inflate.as_mut().and_then(|inflate| inflate.message(&payload));
            let Some(inflated) = inflated else {
                self.is_lost = true;
                return Some(Vec::new());
            };
            payload = std::borrow::Cow::Owned(inflated);
        }
        let found = search(seeking, header.opcode, &payload, Ending::Whole);
        if found.is_empty() && !(header.is_deflated && self.is_unpacked) {
            return None;
        }
        self.is_unpacked |= header.is_deflated
            && self.inflate.as_ref().is_some_and(|inflate| inflate.keeps_context);
        let plain = Taken::apply(&payload, &found);
        let mut stand_in = frame::write(&header, &plain);
        stand_in.extend_from_slice(&message.controls);
        Some(stand_in)
    }

    /// A message of which no more comes.
    fn broken_off(
        &mut self,
        seeking: &mut Seeking<'_>,
        header: Option<Header>,
        run: &[u8],
        at: usize,
        taken: &mut Vec<Taken>,
    ) -> usize {
        let Some(header) = header.filter(|header| !header.is_deflated) else {
            return self.give_up(run, at, taken);
        };
        let payload = frame::beginning(run.get(at..).unwrap_or_default());
        if !search(seeking, header.opcode, &payload, Ending::Cut).is_empty() {
            return self.give_up(run, at, taken);
        }
        run.len()
    }

    /// A message that is too long: what may be text is taken out, and a frame says so.
    fn begin_to_pass(
        &mut self,
        seeking: &mut Seeking<'_>,
        header: Header,
        run: &[u8],
        at: usize,
        taken: &mut Vec<Taken>,
    ) -> usize {
        if header.is_deflated {
            return self.give_up(run, at, taken);
        }
        let payload = frame::beginning(run.get(at..).unwrap_or_default());
        let sample = payload.get(..1024).unwrap_or(&payload);
        let is_sealed = header.opcode == TEXT || is_text(sample) || seeking.rules.is_strict();
        let start = at + header.bytes;
        if is_sealed {
            let sealed = seeking.fingerprints.token(payload.get(..KNOWN_BY).unwrap_or(&payload));
            taken.push(Taken { range: at..start, stand_in: frame::write(&header, &sealed).into() });
        }
        self.passing = Some(Passing { left: header.length, is_last: header.is_last, is_sealed });
        start
    }

    /// Goes on with a message that is too long; gives where that ends, or the run.
    fn pass(&mut self, run: &[u8], at: usize, taken: &mut Vec<Taken>) -> usize {
        let Some(passing) = &mut self.passing else { return at };
        let mut end = at + passing.left.min((run.len() - at) as u64) as usize;
        passing.left -= (end - at) as u64;
        if end == at {
            if passing.is_last {
                self.passing = None;
                return at;
            }
            let rest = run.get(at..).unwrap_or_default();
            let Some(header) = Header::parse(rest) else { return at };
            end = at + header.bytes;
            passing.left = header.length;
            passing.is_last = header.is_last && header.opcode == CONTINUATION;
            self.is_lost = header.opcode != CONTINUATION && header.opcode < CLOSE;
        }
        if passing.is_sealed {
            taken.push(Taken { range: at..end, stand_in: StandIn::new() });
        }
        if passing.left == 0 && passing.is_last {
            self.passing = None;
        }
        end
    }

    /// All that comes from `at` on is taken out.
    fn give_up(&mut self, run: &[u8], at: usize, taken: &mut Vec<Taken>) -> usize {
        self.is_lost = true;
        if at < run.len() {
            taken.push(Taken { range: at..run.len(), stand_in: StandIn::new() });
        }
        run.len()
    }
}

fn search(seeking: &mut Seeking<'_>, opcode: u8, payload: &[u8], ending: Ending) -> Vec<Taken> {
    let kind = match Kind::sniffed(payload) {
        Kind::Opaque if opcode == TEXT => Kind::Loose,
        Kind::Opaque => Kind::Binary,
        kind => kind,
    };
    let mut found = Vec::new();
    Text::new(kind, None).find(seeking, payload, ending, &mut found);
    found
}

/// The length of a frame's header, and of its payload.
#[cfg(test)]
pub(super) fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    Header::parse(bytes).map(|header| (header.bytes, header.length as usize))
}
