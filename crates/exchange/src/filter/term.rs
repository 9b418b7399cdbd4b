//! One term: what it asks, and what a row, an exchange or a block says to it.

use crate::connection::HttpVersion;
use crate::id::{ExchangeId, SessionId};
use crate::outcome::{Half, Marks, Outcome};
use crate::stored::Exchange;
use crate::summary::{EvidenceKind, Summary};
use crate::time::Timestamp;

use super::bodies::Bodies;
use super::field::Field;
use super::pattern::{Needle, Pattern};
use super::value::Range;
use super::{Answer, Zone};

/// One condition, with the text that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// None for a bare word.
    pub(super) field: Option<Field>,
    pub(super) text: String,
    pub(super) test: Test,
}

/// What a term asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Any text of the exchange has this.
    Anywhere(Needle),
    /// The client's name, or its part after the kind of evidence.
    Client(Pattern),
    Session(SessionId, SessionId),
    Id(ExchangeId, ExchangeId),
    /// The text of the field fits.
    Fits(Pattern),
    /// The number of the field is within.
    Within(Range),
    NoStatus,
    Outcome(Outcome),
    /// Any of these marks, or with none: no mark at all.
    Marks(Marks),
    Versions(&'static [HttpVersion]),
    /// Started between, both included.
    Started(Timestamp, Timestamp),
    Header {
        half: Option<Half>,
        name: String,
        value: Option<Pattern>,
    },
    Body {
        half: Option<Half>,
        needle: Needle,
    },
}

const BOTH: [Half; 2] = [Half::Request, Half::Response];

impl Term {
    pub(super) fn needs_bodies(&self) -> bool {
        matches!(self.test, Test::Anywhere(_) | Test::Body { .. })
    }

    pub(super) fn on_summary(&self, row: &Summary) -> Answer {
        match &self.test {
            Test::Anywhere(needle) if is_in_row(needle, row) => Answer::Yes,
            Test::Anywhere(_) | Test::Header { .. } => Answer::Unknown,
            Test::Body { half, .. } => {
                let bytes = |half| match half {
                    Half::Request => row.request_bytes,
                    Half::Response => row.response_bytes,
                };
                let any =
                    BOTH.into_iter().any(|of| half.is_none_or(|half| half == of) && bytes(of) > 0);
                if any { Answer::Unknown } else { Answer::No }
            }
            Test::Client(pattern) => client_fits(pattern, &row.client).into(),
            Test::Session(low, high) => (*low <= row.session && row.session <= *high).into(),
            Test::Id(low, high) => (*low <= row.id && row.id <= *high).into(),
            Test::Fits(pattern) => self.text_fits(pattern, row).into(),
            Test::Within(range) => self.number(row).is_some_and(|n| range.contains(n)).into(),
            Test::NoStatus => row.status.is_none().into(),
            Test::Outcome(outcome) => (row.outcome == *outcome).into(),
            Test::Marks(marks) if marks.is_empty() => row.marks.is_empty().into(),
            Test::Marks(marks) => (row.marks.0 & marks.0 != 0).into(),
            Test::Versions(versions) => versions.contains(&row.http_version).into(),
            Test::Started(from, to) => (*from <= row.started_at && row.started_at <= *to).into(),
        }
    }

    /// As [`Term::on_summary`], with the heads at hand: only bodies can be unknown.
    pub(super) fn on_heads(&self, exchange: &Exchange) -> Answer {
        match (&self.test, self.on_summary(&exchange.summary)) {
            (_, answer @ (Answer::Yes | Answer::No)) => answer,
            (Test::Header { half, name, value }, _) => {
                has_field(exchange, *half, name, value.as_ref()).into()
            }
            (Test::Anywhere(needle), _) if is_in_heads(needle, exchange) => Answer::Yes,
            (Test::Anywhere(_), _) => {
                let any = BOTH.into_iter().filter_map(|half| exchange.message(half));
                if any.into_iter().any(|message| message.body.bytes > 0) {
                    Answer::Unknown
                } else {
                    Answer::No
                }
            }
            _ => Answer::Unknown,
        }
    }

    /// As [`Term::on_heads`], with the bodies at hand.
    pub(super) fn on_bodies(&self, exchange: &Exchange, bodies: &mut Bodies<'_>) -> Answer {
        match (&self.test, self.on_heads(exchange)) {
            (_, answer @ (Answer::Yes | Answer::No)) => answer,
            (Test::Anywhere(needle), _) => {
                BOTH.into_iter().any(|half| bodies.have(half, needle)).into()
            }
            (Test::Body { half, needle }, _) => BOTH
                .into_iter()
                .any(|of| half.is_none_or(|half| half == of) && bodies.have(of, needle))
                .into(),
            _ => Answer::No,
        }
    }

    /// Whether a block may hold an exchange that the term matches.
    pub(super) fn may_match(&self, zone: &dyn Zone) -> bool {
        let has = |text: &str| zone.may_have_text(text);
        match &self.test {
            Test::Anywhere(needle) | Test::Body { needle, .. } => has(needle.text()),
            Test::Header { name, value, .. } => {
                has(name) && value.as_ref().is_none_or(|value| value.parts().all(has))
            }
            Test::Client(pattern) => match pattern.only() {
                Some(name) => {
                    let of_kind = |kind: &EvidenceKind| format!("{}:{name}", kind.as_str());
                    zone.may_have_client(name)
                        || EvidenceKind::ALL.iter().any(|kind| zone.may_have_client(&of_kind(kind)))
                }
                None => pattern.parts().all(has),
            },
            Test::Session(low, high) => low != high || zone.may_have_session(*low),
            Test::Fits(pattern) => match self.field {
                Some(Field::Route) if self.text.starts_with('/') => true,
                Some(Field::Route) => pattern.only().is_none_or(|route| zone.may_have_route(route)),
                Some(Field::Url | Field::Host | Field::Path) => pattern.parts().all(has),
                _ => true,
            },
            Test::Within(range) => match self.field {
                Some(Field::Status) => {
                    // A status beyond the five classes makes all of them possible.
                    let class = |status: u64| (status / 100).clamp(1, 5) as u8;
                    range.low <= range.high
                        && (class(range.low)..=class(range.high))
                            .any(|class| zone.may_have_status(class))
                }
                Some(Field::Latency) => range.low <= zone.longest_latency().0,
                _ => true,
            },
            Test::NoStatus => zone.may_have_status(0),
            Test::Started(from, to) => {
                let (earliest, latest) = zone.times();
                *from <= latest && earliest <= *to
            }
            _ => true,
        }
    }

    fn number(&self, row: &Summary) -> Option<u64> {
        let timing = &row.timing;
        Some(match self.field? {
            Field::Status => u64::from(row.status?),
            Field::Connection => row.connection,
            Field::Latency => row.latency().0,
            Field::Wait => timing.wait.0,
            Field::Connect => timing.connect.0,
            Field::Upload => timing.upload.0,
            Field::Download => timing.download.0,
            Field::Overhead => timing.overhead.0,
            Field::Size => row.request_bytes.saturating_add(row.response_bytes),
            Field::RequestBytes => row.request_bytes,
            Field::ResponseBytes => row.response_bytes,
            _ => return None,
        })
    }

    fn text_fits(&self, pattern: &Pattern, row: &Summary) -> bool {
        match self.field {
            Some(Field::Method) => pattern.fits(&row.method),
            Some(Field::Host) => pattern.fits(&row.host),
            Some(Field::Path) => pattern.fits(row.path()),
            Some(Field::Url) => pattern.fits(&row.url()),
            Some(Field::Route) if self.text.starts_with('/') => {
                row.route.split_once(' ').is_some_and(|(_, template)| pattern.fits(template))
            }
            Some(Field::Route) => pattern.fits(&row.route),
            Some(Field::Failure) => row.failure.as_ref().is_some_and(|failure| {
                pattern.fits(&failure.reason)
                    || self.text.eq_ignore_ascii_case(failure.side.as_str())
            }),
            Some(Field::Addr) => pattern.fits(&row.client_addr.to_string()),
            Some(Field::Sni) => {
                row.tls.as_ref().and_then(|tls| tls.sni.as_ref()).is_some_and(|s| pattern.fits(s))
            }
            Some(Field::Evidence) => row.evidence.iter().any(|evidence| {
                pattern.fits(&evidence.to_string())
                    || self.text.eq_ignore_ascii_case(evidence.kind.as_str())
            }),
            _ => false,
        }
    }
}

impl From<bool> for Answer {
    fn from(matches: bool) -> Self {
        if matches { Answer::Yes } else { Answer::No }
    }
}

/// Only known kinds count as such, so that a block can be asked for all names that would fit.
fn client_fits(pattern: &Pattern, client: &str) -> bool {
    let token = client.split_once(':').and_then(|(kind, token)| {
        EvidenceKind::ALL.iter().any(|known| known.as_str() == kind).then_some(token)
    });
    pattern.fits(client) || token.is_some_and(|token| pattern.fits(token))
}

fn has_field(exchange: &Exchange, half: Option<Half>, name: &str, value: Option<&Pattern>) -> bool {
    let fits = |(field, text): (String, String)| {
        field.eq_ignore_ascii_case(name) && value.is_none_or(|value| value.fits(&text))
    };
    let asked = BOTH.into_iter().filter(|of| half.is_none_or(|half| half == *of));
    asked.filter_map(|half| exchange.message(half)).any(|message| {
        message.head.fields_as_text().any(fits)
            || crate::view::fields_of(&message.trailers).into_iter().any(fits)
    }) || half != Some(Half::Request)
        && exchange.informed.iter().any(|head| head.fields_as_text().any(fits))
}

fn is_in_row(needle: &Needle, row: &Summary) -> bool {
    needle.is_in(row.url().as_bytes())
        || needle.is_in(row.client.as_bytes())
        || row.failure.as_ref().is_some_and(|failure| needle.is_in(failure.reason.as_bytes()))
        || row.evidence.iter().any(|evidence| needle.is_in(evidence.to_string().as_bytes()))
}

fn is_in_heads(needle: &Needle, exchange: &Exchange) -> bool {
    let messages = BOTH.into_iter().filter_map(|half| exchange.message(half));
    messages
        .into_iter()
        .flat_map(|message| [&message.head.0[..], &message.trailers])
        .chain(exchange.informed.iter().map(|head| &head.0[..]))
        .any(|bytes| needle.is_in(crate::head::as_text(bytes).as_bytes()))
}
