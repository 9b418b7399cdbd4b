//! The filter language: `client:acme status:>=500 latency:>500ms body:"out of stock" since:2h`.
//!
//! A filter is read once and asked thrice, each time with more at hand: may a block hold a match
//! ([`Zone`]), does a row match ([`Glance`]), does a whole exchange match ([`Subject`]). The first
//! two may say that they do not know; they never deny a match.

mod bodies;
mod error;
mod expression;
mod field;
mod parse;
mod pattern;
mod read;
mod subject;
mod term;
mod trace;
mod tree;
mod value;
mod word;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use bodies::SEARCHED;
pub use error::FilterError;
pub use subject::{Part, Subject};

use bodies::Bodies;
use tree::Tree;

use crate::{Details, ExchangeId, Glance, Half, Micros, SessionId, Timestamp};

/// A filter that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Option<Arc<Tree>>);

/// What a row can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// Heads or bodies must be read.
    Unknown,
}

/// What is known of a block of exchanges without reading it. Every answer may be too generous,
/// never too strict.
pub trait Zone {
    /// The least and the greatest id of an exchange.
    fn ids(&self) -> (ExchangeId, ExchangeId);
    /// The earliest and the latest start of an exchange.
    fn times(&self) -> (Timestamp, Timestamp);
    /// Whether a status of this class may be in it: 1 to 5, or 0 for exchanges without a status.
    /// A status outside of the five classes makes all of them possible.
    fn may_have_status(&self, class: u8) -> bool;
    /// The longest latency in it.
    fn longest_latency(&self) -> Micros;
    /// Whether this client may be in it, under whatever name.
    fn may_have_client(&self, client: &str) -> bool;
    /// Whether clients may stand in it under other names than those they are asked for by.
    fn has_links(&self) -> bool {
        false
    }
    /// Whether this session may be in it.
    fn may_have_session(&self, session: SessionId) -> bool;
    /// Whether this route may be in it.
    fn may_have_route(&self, route: &str) -> bool;
    /// Whether this text may be part of a text that is searched, in any case of ASCII letters: the
    /// URL, host, client, evidence, failure's reason, heads, trailers or decoded bodies of an
    /// exchange in it, each body as far as [`SEARCHED`], and as transferred where it cannot be
    /// decoded.
    fn may_have_text(&self, text: &str) -> bool;
}

impl Filter {
    /// The filter that everything matches.
    pub fn all() -> Self {
        Self::default()
    }

    /// Reads a filter; `now` is what `since:2h` counts back from. An empty one matches everything.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, FilterError> {
        parse::parse(text, now).map(|tree| Self(tree.map(Arc::new)))
    }

    /// Whether everything matches.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an answer may need bodies.
    pub fn needs_bodies(&self) -> bool {
        self.0.as_ref().is_some_and(|tree| tree.needs_bodies())
    }

    /// The same filter, which finds clients also by the names that `of` gives for theirs.
    #[must_use]
    pub fn renamed(&self, of: &dyn Fn(&str) -> Option<String>) -> Self {
        Self(self.0.as_ref().map(|tree| Arc::new(tree.renamed(of))))
    }

    /// Whether a row matches, as far as it can tell.
    pub fn on_row(&self, row: &Glance<'_>, details: &dyn Details) -> Answer {
        match &self.0 {
            Some(tree) => tree.answer(&mut |term| term.on_row(row, details)),
            None => Answer::Yes,
        }
    }

    /// Whether an exchange matches. `body` gives a body as transferred; it is asked only where the
    /// answer depends on it, and at most once for each half.
    pub fn on_exchange<'a>(
        &self,
        subject: &Subject<'a>,
        body: &mut dyn FnMut(Half) -> Option<Cow<'a, [u8]>>,
    ) -> bool {
        let Some(tree) = &self.0 else { return true };
        match tree.answer(&mut |term| term.on_heads(subject)) {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Unknown => {
                let mut bodies = Bodies::new(subject, body);
                tree.answer(&mut |term| term.on_bodies(subject, &mut bodies)) == Answer::Yes
            }
        }
    }

    /// Whether a block may hold a match.
    pub fn may_match(&self, zone: &dyn Zone) -> bool {
        self.0.as_ref().is_none_or(|tree| tree.may_match(zone))
    }
}

/// The filter in a form that is read back as the same filter; empty when everything matches.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(tree) => tree.fmt(f),
            None => Ok(()),
        }
    }
}

/// `text` as a value of a term, whatever is in it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
