//! Finds the secrets in a body as it is recorded, run by run, and says what stands in their place.
//!
//! A body is searched by what it is: text for names and forms of secrets, WebSocket by message, a coded
//! body decoded. Whatever was replaced can be put back, since a patch says what stood where. Memory is
//! bounded whatever the body's length: what cannot be searched in bounded memory is taken out whole.

mod bits;
mod cards;
mod coded;
mod form;
mod hit;
mod kind;
mod markup;
mod members;
mod multipart;
mod names;
mod patterns;
mod text;
mod websocket;

use std::ops::Range;

use smallvec::SmallVec;
use wayside_exchange::{Half, HeadView};

use crate::credentials::fingerprint::Fingerprints;
use crate::rules::Rules;
use coded::Coded;
pub(crate) use hit::Hit;
use kind::Kind;
use multipart::Parts;
use text::Text;
use websocket::Frames;

/// Whether more of a body comes behind a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// More may come; what cannot be decided yet is held back.
    More,
    /// More may come, and as little as possible may be held back.
    Crowded,
    /// Nothing more is kept, and the body may go on: half a secret at the end is one.
    Cut,
    /// It was the last of a whole body.
    Whole,
}

/// Bytes that a token has room in.
pub(crate) const TOKEN_ROOM: usize = 32;

/// What is stored in the place of something: nearly always a token, which needs no memory of its own.
pub type StandIn = SmallVec<[u8; TOKEN_ROOM]>;

/// Something that is taken out of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Where it is.
    pub range: Range<usize>,
    /// What is stored in its place.
    pub stand_in: StandIn,
}

/// The search through one body.
#[derive(Clone, Debug)]
pub struct BodySearch(Form);

#[derive(Clone, Debug)]
enum Form {
    /// Nothing is looked for.
    Opaque,
    Text(Box<Text>),
    Coded(Box<Coded>),
    WebSocket(Box<Frames>),
    /// All that comes is taken out.
    Sealed,
}

/// What a search goes by, and what it writes in the place of secrets.
pub(crate) struct Seeking<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) fingerprints: &'a mut Fingerprints,
    /// Used again, since nearly always it stays empty.
    pub(crate) hits: Vec<Hit>,
}

impl Ending {
    /// Whether nothing more is kept.
    pub fn is_last(self) -> bool {
        matches!(self, Ending::Cut | Ending::Whole)
    }
}

impl BodySearch {
    /// The search through the body of `half` of an exchange with these heads.
    pub(crate) fn of(
        rules: &Rules,
        half: Half,
        request: HeadView<'_>,
        response: HeadView<'_>,
    ) -> Self {
        if rules.seals_nothing() {
            return Self(Form::Opaque);
        }
        let head = if half == Half::Request { request } else { response };
        let (mut media_type, mut codings): (Option<&[u8]>, Vec<&[u8]>) = (None, Vec::new());
        for (name, value) in head.fields() {
            match name.len() {
                12 if name.eq_ignore_ascii_case(b"content-type") => media_type = Some(value),
                16 if name.eq_ignore_ascii_case(b"content-encoding") => codings.push(value),
                _ => {}
            }
        }
        if let Some(frames) = Frames::of(half, request, response) {
            return Self(Form::WebSocket(Box::new(frames)));
        }
        let kind = media_type.map_or(Kind::Sniffed, Kind::of);
        if kind == Kind::Opaque {
            return Self(if rules.is_strict() { Form::Sealed } else { Form::Opaque });
        }
        let text = Text::new(kind, media_type.and_then(parts));
        if codings.is_empty() {
            return Self(Form::Text(Box::new(text)));
        }
        let codings = String::from_utf8_lossy(&codings.join(b", ".as_slice())).into_owned();
        Self(if codings.eq_ignore_ascii_case("identity") {
            Form::Text(Box::new(text))
        } else {
            Form::Coded(Box::new(Coded::new(codings, text)))
        })
    }

    /// Whether runs have to be searched at all.
    pub fn is_needed(&self) -> bool {
        !matches!(self.0, Form::Opaque)
    }

    pub(crate) fn find(
        &mut self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> usize {
        match &mut self.0 {
            Form::Opaque => run.len(),
            Form::Text(text) => text.find(seeking, run, ending, taken),
            Form::Coded(coded) => {
                let decided = coded.find(seeking, run, ending, taken);
                if decided > 0 && !ending.is_last() {
                    // Only its beginning could be read.
                    self.0 = Form::Sealed;
                }
                decided
            }
            Form::WebSocket(frames) => {
                let decided = frames.find(seeking, run, ending, taken);
                if frames.is_lost() {
                    self.0 = Form::Sealed;
                }
                decided
            }
            Form::Sealed => {
                if !run.is_empty() {
                    taken.push(Taken { range: 0..run.len(), stand_in: StandIn::new() });
                }
                run.len()
            }
        }
    }
}

/// What is a secret by its form in the value of a header field, or in a URL; in order.
pub(crate) fn find_by_form(text: &[u8], rules: &Rules) -> Vec<Range<usize>> {
    let mut hits = Vec::new();
    patterns::find(text, rules, false, &mut hits);
    hits.retain(|hit| hit.written != hit::Written::Later && !hit.range.is_empty());
    hits.sort_by_key(|hit| hit.range.start);
    let mut places: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match places.last_mut() {
            Some(last) if hit.range.start < last.end => last.end = last.end.max(hit.range.end),
            _ => places.push(hit.range),
        }
    }
    places
}

/// Whether the values of a field of this name are secrets.
pub(crate) fn is_secret_name(name: &[u8], rules: &Rules) -> bool {
    names::is_secret(name, rules)
}

/// The parts of a `multipart` body.
fn parts(media_type: &[u8]) -> Option<Parts> {
    let is_multipart = media_type.get(..10).is_some_and(|s| s.eq_ignore_ascii_case(b"multipart/"));
    let boundary = is_multipart.then(|| kind::parameter(media_type, b"boundary")).flatten();
    boundary.filter(|boundary| !boundary.is_empty()).map(Parts::new)
}

#[cfg(test)]
mod tests;
