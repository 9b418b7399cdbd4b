//! A whole exchange as a filter looks at it: borrowed, so that a scan of the store copies nothing.

use crate::glance::{Details, Glance};
use crate::head::HeadView;
use crate::outcome::Half;
use crate::stored::{Exchange, Message};

/// An exchange with its heads at hand.
#[derive(Clone)]
pub struct Subject<'a> {
    /// Its row.
    pub row: Glance<'a>,
    /// What else its row says.
    pub details: &'a dyn Details,
    /// The request.
    pub request: Part<'a>,
    /// The heads of interim responses.
    pub informed: Vec<HeadView<'a>>,
    /// The final response; none when there was none.
    pub response: Option<Part<'a>>,
}

/// One half of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// Start line and header fields.
    pub head: HeadView<'a>,
    /// Trailer lines.
    pub trailers: &'a [u8],
    /// True length of the body as transferred.
    pub body_bytes: u64,
}

impl<'a> Subject<'a> {
    pub(super) fn part(&self, half: Half) -> Option<&Part<'a>> {
        match half {
            Half::Request => Some(&self.request),
            Half::Response => self.response.as_ref(),
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        std::iter::once(&self.request).chain(&self.response)
    }
}

impl<'a> From<&'a Exchange> for Subject<'a> {
    fn from(exchange: &'a Exchange) -> Self {
        Self {
            row: exchange.summary.glance(),
            details: &exchange.summary,
            request: Part::from(&exchange.request),
            informed: exchange.informed.iter().map(|head| head.view()).collect(),
            response: exchange.response.as_ref().map(Part::from),
        }
    }
}

impl<'a> From<&'a Message> for Part<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            head: message.head.view(),
            trailers: &message.trailers,
            body_bytes: message.body.bytes,
        }
    }
}
