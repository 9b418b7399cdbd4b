//! Text that comes in runs: what is found in each, and how much of it can be told from what follows.
//!
//! The end of a run is held back until more has come: as far as a name or a number may reach, and from
//! where a secret begins that does not end yet. A secret that is longer than may be held is taken out
//! as it comes.

use std::cmp::Reverse;

use super::hit::{Hit, Until, Written, byte};
use super::kind::{Kind, is_binary};
use super::multipart::{Inside, Parts, Stretch};
use super::{Ending, Seeking, StandIn, Taken, cards, form, markup, members, patterns};
use crate::credentials::url::decoded;
use crate::rules::{Pointed, Walker};
use crate::secrets::is_token;

/// What is held back of a run, since a name, a number or a mark may reach beyond it.
const HOLD: usize = 512;
/// The most that is held back for a secret that does not end.
const MOST_HELD: usize = 64 << 10;
/// Where little may be held.
const CROWDED: usize = 4 << 10;
/// What is held back within a longer one: more than anything that may end it.
const KEEP: usize = 128;
/// A longer secret is known by its beginning, so that its token is the same however it came.
pub(super) const KNOWN_BY: usize = 4096;
/// Fewer bytes do not tell what they are.
const TELLING: usize = 64;

/// The state of one text.
#[derive(Clone, Debug)]
pub(super) struct Text {
    kind: Kind,
    parts: Option<Parts>,
    walker: Walker,
    /// Some of it is decided.
    has_begun: bool,
    /// What ends the secret in which the next run begins.
    inside: Option<Until>,
}

impl Text {
    pub(super) fn new(kind: Kind, parts: Option<Parts>) -> Self {
        Self { kind, parts, walker: Walker::default(), has_begun: false, inside: None }
    }

    /// Finds the secrets in `run`; gives how many bytes of it are decided.
    pub(super) fn find(
        &mut self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> usize {
        let mut start = 0;
        if let Some(until) = &self.inside {
            let end = until.find(run);
            let decided = match end {
                Some(end) => end,
                None if ending.is_last() => run.len(),
                None => kept_back(run, until),
            };
            if decided > 0 {
                taken.push(Taken { range: 0..decided, stand_in: StandIn::new() });
            }
            if end.is_none() {
                self.advance(seeking, run.get(..decided).unwrap_or_default());
                return decided;
            }
            start = decided;
        }
        let rest = run.get(start..).unwrap_or_default();
        let was = taken.len();
        self.inside = None;
        let decided = self.find_anew(seeking, rest, ending, taken).unwrap_or(0);
        for more in taken.iter_mut().skip(was) {
            more.range = start + more.range.start..start + more.range.end;
        }
        self.advance(seeking, run.get(..start + decided).unwrap_or_default());
        start + decided
    }

    /// None while it cannot be told what the text is.
    fn find_anew(
        &mut self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> Option<usize> {
        let kind = match self.kind {
            // Each part has one of its own.
            _ if self.parts.is_some() => Kind::Loose,
            Kind::Sniffed if run.len() < TELLING && !ending.is_last() => return None,
            Kind::Sniffed => Kind::sniffed(run),
            // Some senders, curl among them, call everything a form.
            Kind::Json | Kind::Form | Kind::Markup if !self.has_begun && is_binary(run) => {
                Kind::Opaque
            }
            known => known,
        };
        let is_whole_secret =
            seeking.rules.is_strict() && matches!(kind, Kind::Opaque | Kind::Binary);
        if kind == Kind::Opaque || is_whole_secret {
            self.kind = kind;
            if is_whole_secret && !run.is_empty() {
                taken.push(Taken { range: 0..run.len(), stand_in: StandIn::new() });
                self.inside = Some(Until::End);
            }
            return Some(run.len());
        }
        let mut hits = std::mem::take(&mut seeking.hits);
        hits.clear();
        let stretches = self.collect(seeking, run, kind, ending, &mut hits);
        let mut decided = run.len();
        if !ending.is_last() {
            let most = if ending == Ending::Crowded { CROWDED } else { MOST_HELD };
            decided = self.cut(run, most, &mut hits, &stretches);
        }
        if let Some(parts) = &mut self.parts
            && let Some(stretch) = stretches.iter().rfind(|stretch| stretch.start <= decided)
        {
            parts.inside = stretch.inside;
        }
        hits.retain(|hit| {
            hit.written != Written::Later && hit.range.start < decided && !hit.range.is_empty()
        });
        emit(seeking, run, &mut hits, taken);
        self.has_begun |= decided > 0;
        if decided > 0 && self.parts.is_none() {
            self.kind = kind;
        }
        seeking.hits = hits;
        Some(decided)
    }

    fn collect(
        &self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        kind: Kind,
        ending: Ending,
        hits: &mut Vec<Hit>,
    ) -> Vec<Stretch> {
        let Some(parts) = &self.parts else {
            search(seeking, run, kind, ending, hits);
            if kind == Kind::Json && !seeking.rules.pointers.is_empty() {
                let mut pointed = Vec::new();
                self.walker.clone().walk(run, &seeking.rules.pointers, &mut pointed);
                hits.extend(pointed.into_iter().map(|pointed| of_pointer(pointed, run.len())));
            }
            return Vec::new();
        };
        let stretches = parts.split(run, seeking.rules, hits);
        for stretch in &stretches {
            let Inside::Value(kind) = stretch.inside else { continue };
            let text = run.get(stretch.start..stretch.end).unwrap_or_default();
            let kind = if kind == Kind::Sniffed { Kind::sniffed(text) } else { kind };
            let is_opaque = matches!(kind, Kind::Opaque | Kind::Binary);
            if is_opaque && seeking.rules.is_strict() && !text.is_empty() {
                hits.push(Hit::whole(stretch.start, stretch.start..stretch.end));
            }
            if is_opaque {
                continue;
            }
            let before = hits.len();
            let is_last = stretch.end == run.len();
            search(seeking, text, kind, if is_last { ending } else { Ending::Whole }, hits);
            for hit in hits.iter_mut().skip(before) {
                hit.from += stretch.start;
                hit.range = hit.range.start + stretch.start..hit.range.end + stretch.start;
                if !is_last {
                    hit.until = None;
                }
            }
            // What would go on in a part that has ended is nothing.
            let mut n = 0;
            hits.retain(|hit| {
                n += 1;
                n <= before || is_last || hit.written != Written::Later
            });
        }
        stretches
    }

    /// How much of a run that is not the last can be decided, where at most `most` may be held back.
    fn cut(
        &mut self,
        run: &[u8],
        most: usize,
        hits: &mut Vec<Hit>,
        stretches: &[Stretch],
    ) -> usize {
        let mut cut = run.len().saturating_sub(HOLD);
        let open = hits.iter().filter(|hit| hit.until.is_some()).min_by_key(|hit| hit.from);
        if let Some(open) = open.filter(|open| open.from < run.len()) {
            if run.len() - open.from > most {
                let (from, start) = (open.from, open.range.start);
                let until = open.until.clone().unwrap_or(Until::End);
                let end = kept_back(run, &until).max(start);
                hits.retain(|hit| hit.range.end <= from);
                hits.push(Hit::whole(from, start..end));
                self.inside = Some(until);
                return end;
            }
            cut = cut.min(open.from);
        }
        hits.sort_by_key(|hit| hit.range.start);
        for hit in hits.iter().filter(|hit| hit.until.is_none()) {
            if hit.from < cut && hit.range.end > cut {
                cut = hit.range.end;
            }
        }
        hits.retain(|hit| hit.range.end <= cut);
        // A part's head is read as a whole.
        let head = stretches.iter().find(|stretch| {
            let at = run.get(stretch.start..).unwrap_or_default();
            stretch.inside == Inside::Between
                && (stretch.start..stretch.end).contains(&cut)
                && at.starts_with(b"--")
                && run.len() - stretch.start < most
        });
        head.map_or(cut, |head| head.start)
    }

    /// The pointers' way down goes on behind what is decided.
    fn advance(&mut self, seeking: &Seeking<'_>, decided: &[u8]) {
        if !seeking.rules.pointers.is_empty() {
            self.walker.walk(decided, &[], &mut Vec::new());
        }
    }
}

fn search(seeking: &mut Seeking<'_>, run: &[u8], kind: Kind, ending: Ending, hits: &mut Vec<Hit>) {
    let rules = seeking.rules;
    match kind {
        Kind::Json | Kind::Page => members::find(run, rules, false, hits),
        Kind::Loose => members::find(run, rules, true, hits),
        Kind::Form => form::find(run, rules, hits),
        Kind::Markup => markup::find(run, rules, hits),
        Kind::Binary => return patterns::find_in_binary(run, hits),
        Kind::Sniffed | Kind::Opaque => return,
    }
    let is_cut = ending == Ending::Cut;
    patterns::find(run, rules, is_cut, hits);
    cards::find(run, is_cut, hits);
}

fn of_pointer(pointed: Pointed, length: usize) -> Hit {
    let Pointed { range, is_string, open } = pointed;
    let end = (!open).then_some(range.end);
    if is_string {
        return Hit::ending(range.start - 1, range.start, end, length, Until::Quote(b'"', 0));
    }
    let until = Until::Any(b",]} \t\r\n");
    Hit::ending(range.start, range.start, end, length, until).written(Written::Quoted(0))
}

/// How much of a run within a secret is surely of it.
fn kept_back(run: &[u8], until: &Until) -> usize {
    if *until == Until::End {
        return run.len();
    }
    let mut end = run.len().saturating_sub(KEEP);
    while end > 0 && byte(run, end - 1) == b'\\' {
        end -= 1;
    }
    end
}

/// Puts a token in the place of each hit. Those that overlap are one.
fn emit(seeking: &mut Seeking<'_>, run: &[u8], hits: &mut [Hit], taken: &mut Vec<Taken>) {
    let place = |hit: &Hit| (hit.range.start, Reverse(hit.range.end));
    // Nearly always one search found all of them.
    if !hits.is_sorted_by_key(place) {
        hits.sort_by_key(place);
    }
    taken.reserve(hits.len());
    let mut hits = hits.iter().peekable();
    while let Some(hit) = hits.next() {
        let mut range = hit.range.clone();
        while let Some(next) = hits.next_if(|next| next.range.start < range.end) {
            range.end = range.end.max(next.range.end);
        }
        let secret = run.get(range.clone()).unwrap_or_default();
        // A recording that is searched again has tokens already, and so has what came from one.
        if is_token(secret) {
            continue;
        }
        let stand_in = stand_in(seeking, secret, hit.written);
        taken.push(Taken { range, stand_in });
    }
}

fn stand_in(seeking: &mut Seeking<'_>, secret: &[u8], written: Written) -> StandIn {
    let known_by = secret.get(..KNOWN_BY).unwrap_or(secret);
    let mut token = match written {
        Written::Form => seeking.fingerprints.token(&decoded(known_by)),
        _ => seeking.fingerprints.token(known_by),
    };
    match written {
        Written::Quoted(level) => {
            let slashes = std::iter::repeat_n(b'\\', level);
            let quote: StandIn = slashes.chain([b'"']).collect();
            token.insert_from_slice(0, &quote);
            token.extend_from_slice(&quote);
            token
        }
        Written::SameLength => {
            token.resize(secret.len(), b'_');
            token
        }
        Written::Plain | Written::Form | Written::Later => token,
    }
}
