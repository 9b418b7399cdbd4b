//! Bodies in a content coding: decoded in memory, searched, and where something is found coded anew.
//!
//! A body that is longer than may be held, or unpacks to more than is searched, is kept whole under the
//! seal, and in its place its beginning, without the secrets.

use wayside_exchange::content;

use super::kind::is_text;
use super::text::Text;
use super::{Ending, Seeking, Taken};

/// The longest that is held until it is whole.
const MOST_HELD: usize = 1 << 20;
/// The most that one is unpacked to.
const MOST: usize = 16 << 20;
/// The most of the beginning of one that is longer.
const BEGINNING: usize = 1 << 20;

/// Bytes that tell a body that is not coded at all.
const SAMPLE: usize = 64;

/// A body in codings.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    codings: String,
    /// What it is once it is decoded.
    text: Text,
}

impl Coded {
    pub(super) fn new(codings: String, text: Text) -> Self {
        Self { codings, text }
    }

    /// Nothing is decided before the end, unless the body is too long for that.
    pub(super) fn find(
        &self,
        seeking: &mut Seeking<'_>,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> usize {
        if ending == Ending::More && run.len() < MOST_HELD || run.is_empty() {
            return 0;
        }
        let limit = if ending.is_last() { MOST } else { BEGINNING };
        let mut text = self.text.clone();
        if is_text(run.get(..SAMPLE).unwrap_or(run)) {
            let ending = if ending.is_last() { ending } else { Ending::Cut };
            return text.find(seeking, run, ending, taken);
        }
        let Ok(decoded) = content::decode(&self.codings, run, limit) else {
            // It is not in the coding that its head names, or in none that is known: perhaps in none.
            let ending = if ending.is_last() { ending } else { Ending::Cut };
            return text.find(seeking, run, ending, taken);
        };
        // What was cut goes on to where it was cut: there is no more that could be read.
        let is_beginning = !ending.is_last() || decoded.truncated && decoded.bytes.len() >= limit;
        let whole = ending == Ending::Whole && !decoded.truncated;
        let inner = if whole { Ending::Whole } else { Ending::Cut };
        let mut found = Vec::new();
        text.find(seeking, &decoded.bytes, inner, &mut found);
        if found.is_empty() && !is_beginning {
            return run.len();
        }
        let plain = Taken::apply(&decoded.bytes, &found);
        let stand_in = content::encode(&self.codings, &plain).unwrap_or_default();
        taken.push(Taken { range: 0..run.len(), stand_in: stand_in.into() });
        run.len()
    }
}

impl Taken {
    /// `run` with everything that was taken out of it replaced.
    pub fn apply(run: &[u8], taken: &[Taken]) -> Vec<u8> {
        let mut stored = Vec::new();
        Self::apply_to(run, taken, &mut stored);
        stored
    }

    /// Appends to `stored` what is stored of `run`.
    pub fn apply_to(run: &[u8], taken: &[Taken], stored: &mut Vec<u8>) {
        stored.reserve(run.len() + taken.iter().map(|one| one.stand_in.len()).sum::<usize>());
        let mut at = 0;
        for one in taken {
            stored.extend_from_slice(run.get(at..one.range.start).unwrap_or_default());
            stored.extend_from_slice(&one.stand_in);
            at = one.range.end;
        }
        stored.extend_from_slice(run.get(at..).unwrap_or_default());
    }
}
