//! The value behind a field's colon, read into what it asks; or why it cannot be.

use crate::connection::HttpVersion;
use crate::id::{ExchangeId, SessionId};
use crate::outcome::{Half, Mark, Marks, Outcome};
use crate::time::Timestamp;

use super::expression::Expression;
use super::field::{Field, nearest};
use super::pattern::{Needle, Pattern};
use super::term::Test;
use super::trace::Trace;
use super::value::{Range, around, point};

/// What is wrong with a value, and what it should be.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: String,
    /// The characters of the value that are meant, by offset and number, unless all are.
    pub(super) part: Option<(usize, usize)>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), part: None }
    }

    /// The same about `length` characters from `offset` on.
    pub(super) fn at(self, offset: usize, length: usize) -> Self {
        Self { part: Some((offset, length)), ..self }
    }
}

/// What `field:/expression/` asks.
pub(super) fn expression(field: Field, value: &str) -> Result<Test, Wrong> {
    Ok(match field {
        Field::Client => Test::Client(Pattern::Expression(Expression::read(value)?)),
        Field::Header => header(None, value, true)?,
        Field::RequestHeader => header(Some(Half::Request), value, true)?,
        Field::ResponseHeader => header(Some(Half::Response), value, true)?,
        Field::Body | Field::RequestBody | Field::ResponseBody => {
            body(field, Needle::Expression(Expression::read(value)?))
        }
        _ => Test::Fits(Pattern::Expression(Expression::read(value)?)),
    })
}

/// What `field:value` asks.
pub(super) fn test(field: Field, value: &str, now: Timestamp) -> Result<Test, Wrong> {
    Ok(match field {
        Field::Client => Test::Client(Pattern::exact(value)),
        Field::Route => Test::Fits(Pattern::exact(value)),
        Field::Method => Test::Fits(Pattern::whole(value)),
        Field::Host
        | Field::Path
        | Field::Url
        | Field::Failure
        | Field::Addr
        | Field::Sni
        | Field::Ja4
        | Field::Evidence => Test::Fits(Pattern::part(value)),
        Field::Session => {
            let (low, high) = SessionId::range(&value.to_ascii_lowercase()).map_err(|_| {
                let message = format!("`{value}` is no session id or the beginning of one");
                Wrong::new(message, "session ids begin with `s`, as `wayside sessions` lists them")
            })?;
            Test::Session(low, high)
        }
        Field::Id => {
            let (low, high) = ExchangeId::range(value).map_err(|_| {
                let message = format!("`{value}` is no exchange id or the beginning of one");
                Wrong::new(message, "ids have up to 12 of 0-9 and a-z without i, l, o, u")
            })?;
            Test::Id(low, high)
        }
        Field::Status => status(value)?,
        Field::Connection => Test::Within(Range::numbers(value).ok_or_else(|| {
            Wrong::new(format!("`{value}` is no connection"), "write a number, as `17` or `>=17`")
        })?),
        Field::Latency
        | Field::Wait
        | Field::Connect
        | Field::Upload
        | Field::Download
        | Field::Overhead => Test::Within(Range::durations(value).ok_or_else(|| {
            let hint = "write `>500ms`, `<=1.5s`, `100..200` or the like; units are us, ms, s, m, h";
            Wrong::new(format!("`{value}` is no duration"), hint)
        })?),
        Field::Size | Field::RequestBytes | Field::ResponseBytes => {
            Test::Within(Range::sizes(value).ok_or_else(|| {
                let hint =
                    "write `>10kb`, `0`, `1mib..5mib` or the like; units are b, kb, kib, mb, mib, gb, gib";
                Wrong::new(format!("`{value}` is no size"), hint)
            })?)
        }
        Field::Outcome => {
            let known = Outcome::ALL.map(Outcome::as_str);
            let at = one_of("outcome", value, &known)?;
            Test::Outcome(Outcome::ALL.get(at).copied().unwrap_or_default())
        }
        Field::Mark => marks(value)?,
        Field::Http => versions(value)?,
        Field::Header => header(None, value, false)?,
        Field::RequestHeader => header(Some(Half::Request), value, false)?,
        Field::ResponseHeader => header(Some(Half::Response), value, false)?,
        Field::Body | Field::RequestBody | Field::ResponseBody => body(field, Needle::text(value)),
        Field::Trace => Test::Trace(Trace::read(value)?),
        Field::Since => Test::Started(time(value, now)?, Timestamp(i64::MAX)),
        Field::Until => Test::Started(Timestamp(i64::MIN), time(value, now)?),
        Field::At => {
            let (from, to) = around(value).ok_or_else(|| {
                let hint = "write `2026-11-20T14:05±5m`, or `+-` for `±`; times are UTC unless they say";
                Wrong::new(format!("`{value}` is no time"), hint)
            })?;
            Test::Started(from, to)
        }
    })
}

fn time(value: &str, now: Timestamp) -> Result<Timestamp, Wrong> {
    point(value, now).ok_or_else(|| {
        let hint = "write `2h` or `7d` back from now, or `2026-11-20T14:05`; times are UTC unless they say";
        Wrong::new(format!("`{value}` is no time"), hint)
    })
}

fn status(value: &str) -> Result<Test, Wrong> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(Test::NoStatus);
    }
    Range::statuses(value).map(Test::Within).ok_or_else(|| {
        let hint = "write `500`, `>=500`, `5xx`, `400..499` or `none`";
        Wrong::new(format!("`{value}` is no status"), hint)
    })
}

fn marks(value: &str) -> Result<Test, Wrong> {
    let mut known = Mark::ALL.map(Mark::as_str).to_vec();
    known.extend(["any", "none"]);
    let at = one_of("mark", value, &known)?;
    let mut marks = Marks::default();
    match (Mark::ALL.get(at), value.eq_ignore_ascii_case("any")) {
        (Some(&mark), _) => marks.insert(mark),
        (None, true) => Mark::ALL.into_iter().for_each(|mark| marks.insert(mark)),
        (None, false) => {}
    }
    Ok(Test::Marks(marks))
}

fn versions(value: &str) -> Result<Test, Wrong> {
    let lower = value.to_ascii_lowercase();
    Ok(Test::Versions(match lower.strip_prefix("http/").unwrap_or(&lower) {
        "2" | "2.0" | "h2" => &[HttpVersion::Http2],
        "1.1" => &[HttpVersion::Http11],
        "1.0" => &[HttpVersion::Http10],
        "1" => &[HttpVersion::Http10, HttpVersion::Http11],
        _ => {
            let message = format!("`{value}` is no version of HTTP that is recorded");
            let hint = "write `2`, `1.1`, `1.0` or `1`; to search for a text with a colon, put it in quotes";
            return Err(Wrong::new(message, hint));
        }
    }))
}

fn body(field: Field, needle: Needle) -> Test {
    let half = match field {
        Field::RequestBody => Some(Half::Request),
        Field::ResponseBody => Some(Half::Response),
        _ => None,
    };
    Test::Body { half, needle }
}

fn header(half: Option<Half>, value: &str, slashed: bool) -> Result<Test, Wrong> {
    let (name, wanted) = match value.split_once('=') {
        Some((name, wanted)) if slashed => {
            let expression = Expression::read(wanted).map_err(|wrong| {
                let (offset, length) = wrong.part.unwrap_or((0, wanted.chars().count()));
                wrong.at(name.chars().count() + 1 + offset, length)
            })?;
            (name, Some(Pattern::Expression(expression)))
        }
        Some((name, wanted)) => (name, Some(Pattern::whole(wanted))),
        None => (value, None),
    };
    // RFC 9110 section 5.6.2.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        let hint = "write `header:x-version`, `header:x-version=2` or `header:accept=*json*`";
        return Err(Wrong::new(format!("`{name}` is no header name"), hint));
    }
    Ok(Test::Header { half, name: name.to_ascii_lowercase(), value: wanted })
}

/// Which of `known` it is; `-` serves as `_`.
fn one_of(what: &str, value: &str, known: &[&str]) -> Result<usize, Wrong> {
    let word = value.to_ascii_lowercase().replace('-', "_");
    known.iter().position(|name| *name == word).ok_or_else(|| {
        let hint = match nearest(&word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of `{}`", known.join("`, `")),
        };
        Wrong::new(format!("`{value}` is no {what}"), hint)
    })
}
