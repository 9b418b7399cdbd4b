//! One term: what it asks, and what a row, an exchange or a block says to it.

use std::borrow::Cow;

use crate::connection::HttpVersion;
use crate::glance::{Details, Glance};
use crate::head::{as_text, lines, split_field};
use crate::id::{ExchangeId, SessionId};
use crate::outcome::{Half, Marks, Outcome};
use crate::summary::EvidenceKind;
use crate::time::{Micros, Timestamp};

use super::bodies::Bodies;
use super::field::Field;
use super::pattern::{Needle, Pattern};
use super::subject::Subject;
use super::trace::Trace;
use super::value::Range;
use super::{Answer, Zone};

/// One condition, with the text that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// None for a bare word.
    pub(super) field: Option<Field>,
    pub(super) text: String,
    /// Whether the text is, or ends with, a regular expression between slashes.
    pub(super) slashed: bool,
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
    /// A head has this id.
    Trace(Trace),
}

/// A session is named after the exchange that was recorded first; those that ended later may have
/// started before it, though never so long: what goes on for more than a moment is recorded while it
/// does.
const BEFORE_ITS_NAME: Micros = Micros(3_600_000_000);

const BOTH: [Half; 2] = [Half::Request, Half::Response];

impl Term {
    pub(super) fn needs_bodies(&self) -> bool {
        matches!(self.test, Test::Anywhere(_) | Test::Body { .. })
    }

    pub(super) fn on_row(&self, row: &Glance<'_>, details: &dyn Details) -> Answer {
        match &self.test {
            Test::Anywhere(needle) if is_in_row(needle, row, details) => Answer::Yes,
            Test::Anywhere(_) | Test::Header { .. } | Test::Trace(_) => Answer::Unknown,
            Test::Body { half, .. } => {
                let bytes = |half| match half {
                    Half::Request => row.request_bytes,
                    Half::Response => row.response_bytes,
                };
                let any =
                    BOTH.into_iter().any(|of| half.is_none_or(|half| half == of) && bytes(of) > 0);
                if any { Answer::Unknown } else { Answer::No }
            }
            Test::Client(pattern) => client_fits(pattern, row.client).into(),
            Test::Session(low, high) => (*low <= row.session && row.session <= *high).into(),
            Test::Id(low, high) => (*low <= row.id && row.id <= *high).into(),
            Test::Fits(pattern) => self.text_fits(pattern, row, details).into(),
            Test::Within(range) => self.number(row).is_some_and(|n| range.contains(n)).into(),
            Test::NoStatus => row.status.is_none().into(),
            Test::Outcome(outcome) => (row.outcome == *outcome).into(),
            Test::Marks(marks) if marks.is_empty() => row.marks.is_empty().into(),
            Test::Marks(marks) => (row.marks.0 & marks.0 != 0).into(),
            Test::Versions(versions) => versions.contains(&row.http_version).into(),
            Test::Started(from, to) => (*from <= row.started_at && row.started_at <= *to).into(),
        }
    }

    /// As [`Term::on_row`], with the heads at hand: only bodies can be unknown.
    pub(super) fn on_heads(&self, subject: &Subject<'_>) -> Answer {
        match (&self.test, self.on_row(&subject.row, subject.details)) {
            (_, answer @ (Answer::Yes | Answer::No)) => answer,
            (Test::Header { half, name, value }, _) => {
                has_field(subject, *half, name, value.as_ref()).into()
            }
            (Test::Trace(trace), _) => trace.is_in(subject).into(),
            (Test::Anywhere(needle), _) if is_in_heads(needle, subject) => Answer::Yes,
            (Test::Anywhere(_), _) if subject.parts().all(|part| part.body_bytes == 0) => {
                Answer::No
            }
            _ => Answer::Unknown,
        }
    }

    /// As [`Term::on_heads`], with the bodies at hand.
    pub(super) fn on_bodies(&self, subject: &Subject<'_>, bodies: &mut Bodies<'_, '_>) -> Answer {
        match (&self.test, self.on_heads(subject)) {
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
            Test::Anywhere(needle) | Test::Body { needle, .. } => needle.may_be_where(&has),
            Test::Header { name, value, .. } => {
                has(name) && value.as_ref().is_none_or(|value| value.may_be_where(&has))
            }
            Test::Trace(trace) => trace.may_be_where(&has),
            Test::Client(pattern) => match pattern.only() {
                None if zone.has_links() => true,
                Some(name) => {
                    let of_kind = |kind: &EvidenceKind| format!("{}:{name}", kind.as_str());
                    let is_known = zone.may_have_client(name)
                        || EvidenceKind::ALL
                            .iter()
                            .any(|kind| zone.may_have_client(&of_kind(kind)));
                    is_known && (zone.has_links() || has(name))
                }
                None => pattern.may_be_where(&has),
            },
            Test::Session(low, high) => {
                let earliest = low.0.started_at().minus(BEFORE_ITS_NAME);
                earliest <= zone.times().1 && (low != high || zone.may_have_session(*low))
            }
            Test::Fits(pattern) => match self.field {
                Some(Field::Route) if self.text.starts_with('/') => true,
                Some(Field::Route) => pattern.only().is_none_or(|route| zone.may_have_route(route)),
                Some(Field::Url | Field::Host | Field::Path | Field::Ja4) => {
                    pattern.may_be_where(&has)
                }
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
            Test::Id(low, high) => {
                let (first, last) = zone.ids();
                *low <= last && first <= *high
            }
            Test::NoStatus => zone.may_have_status(0),
            Test::Started(from, to) => {
                let (earliest, latest) = zone.times();
                *from <= latest && earliest <= *to
            }
            _ => true,
        }
    }

    /// The term that asks for the client by another name.
    pub(super) fn renamed(&self, of: &dyn Fn(&str) -> Option<String>) -> Option<Term> {
        let Test::Client(pattern) = &self.test else { return None };
        let name = of(pattern.only()?)?;
        let test = Test::Client(Pattern::exact(&name));
        Some(Term { text: name, slashed: false, test, ..self.clone() })
    }

    fn number(&self, row: &Glance<'_>) -> Option<u64> {
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

    fn text_fits(&self, pattern: &Pattern, row: &Glance<'_>, details: &dyn Details) -> bool {
        match self.field {
            Some(Field::Method) => pattern.fits(row.method),
            Some(Field::Host) => pattern.fits(row.host),
            Some(Field::Path) => pattern.fits(row.path()),
            Some(Field::Url) => pattern.fits(&row.url()),
            Some(Field::Route) if self.text.starts_with('/') => {
                row.route.split_once(' ').is_some_and(|(_, template)| pattern.fits(template))
            }
            Some(Field::Route) => pattern.fits(row.route),
            Some(Field::Failure) => details.failure().is_some_and(|failure| {
                pattern.fits(&failure.reason)
                    || self.text.eq_ignore_ascii_case(failure.side.as_str())
            }),
            Some(Field::Addr) => pattern.fits(&details.client_addr().to_string()),
            Some(Field::Sni) => details
                .tls()
                .is_some_and(|tls| tls.sni.as_ref().is_some_and(|sni| pattern.fits(sni))),
            Some(Field::Ja4) => details
                .tls()
                .is_some_and(|tls| tls.ja4.as_ref().is_some_and(|ja4| pattern.fits(ja4))),
            Some(Field::Evidence) => details.evidence().iter().any(|evidence| {
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

fn has_field(
    subject: &Subject<'_>,
    half: Option<Half>,
    name: &str,
    value: Option<&Pattern>,
) -> bool {
    let fits = |(field, text): (&[u8], &[u8])| {
        field.eq_ignore_ascii_case(name.as_bytes())
            && value.is_none_or(|value| value.fits(&as_text(text)))
    };
    let asked = BOTH.into_iter().filter(|of| half.is_none_or(|half| half == *of));
    asked.filter_map(|half| subject.part(half)).any(|part| {
        part.head.fields().any(fits) || lines(part.trailers).filter_map(split_field).any(fits)
    }) || half != Some(Half::Request) && subject.informed.iter().any(|head| head.fields().any(fits))
}

fn is_in_row(needle: &Needle, row: &Glance<'_>, details: &dyn Details) -> bool {
    // The client's own name stands in the evidence; what it is called besides is no text of the exchange.
    needle.is_in(row.url().as_bytes())
        || details.failure().is_some_and(|failure| needle.is_in(failure.reason.as_bytes()))
        || details.evidence().iter().any(|evidence| needle.is_in(evidence.to_string().as_bytes()))
        || details.tls().is_some_and(|tls| {
            tls.client_certificate.as_ref().is_some_and(|certificate| {
                [&certificate.name, &certificate.subject]
                    .into_iter()
                    .any(|text| needle.is_in(text.as_bytes()))
            })
        })
}

fn is_in_heads(needle: &Needle, subject: &Subject<'_>) -> bool {
    subject
        .parts()
        .flat_map(|part| [part.head.0, part.trailers])
        .chain(subject.informed.iter().map(|head| head.0))
        .any(|bytes| needle.is_in(as_utf8(bytes).as_ref()))
}

/// See [`as_text`]; what is UTF-8 already is not copied.
fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Cow::Borrowed(bytes),
        Err(_) => Cow::Owned(as_text(bytes).into_bytes()),
    }
}
