//! The id under which a request is known beyond this proxy: of a trace, or of a request that other services
//! pass on, in whichever header field it came.

use crate::head::{as_text, lines, split_field};

use super::read::Wrong;
use super::subject::Subject;

/// An id that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// In lower case.
    id: String,
    /// Its hexadecimal digits without zeros in front, where it is nothing else.
    digits: Option<String>,
}

/// How an id stands in the value of a field.
#[derive(Clone, Copy)]
enum Form {
    /// The value is the id.
    Whole,
    /// The id is what stands before this character.
    Before(char),
    /// A version of two digits, then the id and what follows (W3C Trace Context, `traceparent`).
    Versioned,
    /// `Root=1-67891233-abcdef012345678912345678;Parent=...` (AWS X-Ray).
    Root,
}

const FIELDS: [(&str, Form); 14] = [
    ("traceparent", Form::Versioned),
    ("traceresponse", Form::Versioned),
    ("b3", Form::Before('-')),
    ("x-b3-traceid", Form::Whole),
    ("x-request-id", Form::Whole),
    ("x-correlation-id", Form::Whole),
    ("request-id", Form::Whole),
    ("correlation-id", Form::Whole),
    ("x-trace-id", Form::Whole),
    ("x-datadog-trace-id", Form::Whole),
    ("x-amzn-trace-id", Form::Root),
    ("x-cloud-trace-context", Form::Before('/')),
    ("uber-trace-id", Form::Before(':')),
    ("sentry-trace", Form::Before('-')),
];

/// The digits of an X-Ray id before and behind its second hyphen.
const XRAY: (usize, usize) = (8, 24);

impl Trace {
    /// Reads an id, or a whole value of `traceparent`.
    pub(super) fn read(value: &str) -> Result<Self, Wrong> {
        let id = in_traceparent(value).unwrap_or(value).to_ascii_lowercase();
        let all = of_xray(&id).unwrap_or_else(|| id.clone());
        let is_hexadecimal = all.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = is_hexadecimal.then(|| all.trim_start_matches('0').to_owned());
        if digits.as_ref().is_some_and(String::is_empty) {
            let hint = "write it as it stands in `traceparent` or `X-Request-Id`, 32 hexadecimal digits or others";
            return Err(Wrong::new(format!("`{value}` is no trace's id"), hint));
        }
        Ok(Self { id, digits })
    }

    /// Whether an exchange has it in one of its heads.
    pub(super) fn is_in(&self, subject: &Subject<'_>) -> bool {
        subject.parts().any(|part| {
            let trailers = lines(part.trailers).filter_map(split_field);
            part.head.fields().chain(trailers).any(|(name, value)| self.is_value(name, value))
        })
    }

    fn is_value(&self, name: &[u8], value: &[u8]) -> bool {
        let Some((_, form)) =
            FIELDS.iter().find(|(of, _)| name.eq_ignore_ascii_case(of.as_bytes()))
        else {
            return false;
        };
        let value = as_text(value);
        form.ids(value.trim()).any(|id| self.is(id))
    }

    fn is(&self, id: &str) -> bool {
        let same = |digits: &String| {
            let xray = of_xray(id);
            let id = xray.as_deref().unwrap_or(id);
            id.trim_start_matches('0').eq_ignore_ascii_case(digits)
        };
        id.eq_ignore_ascii_case(&self.id) || self.digits.as_ref().is_some_and(same)
    }

    /// Whether it may be where `has` tells which texts there may be.
    pub(super) fn may_be_where(&self, has: &dyn Fn(&str) -> bool) -> bool {
        let digits = self.digits.as_deref();
        has(digits.unwrap_or(&self.id)) || digits.and_then(as_xray).is_some_and(|id| has(&id))
    }
}

impl Form {
    fn ids(self, value: &str) -> impl Iterator<Item = &str> {
        let one = match self {
            Form::Whole => Some(value),
            Form::Before(end) => value.split(end).next(),
            Form::Versioned => value.split('-').nth(1),
            Form::Root => None,
        };
        let root = matches!(self, Form::Root);
        let roots = value.split(';').filter(move |_| root);
        one.into_iter().chain(roots.filter_map(|part| part.trim().strip_prefix("Root=")))
    }
}

/// The trace's id in a whole value of `traceparent` (W3C Trace Context, section 3.2).
pub(super) fn in_traceparent(value: &str) -> Option<&str> {
    let parts: Vec<&str> = value.split('-').collect();
    let hexadecimal = |text: &&str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match parts.as_slice() {
        [version, id, parent, flags] => {
            let is_one = [(version, 2), (id, 32), (parent, 16), (flags, 2)]
                .iter()
                .all(|(text, digits)| hexadecimal(text, *digits));
            is_one.then_some(*id)
        }
        _ => None,
    }
}

/// The 32 digits of an X-Ray id.
fn of_xray(id: &str) -> Option<String> {
    let (seconds, rest) = id.strip_prefix("1-")?.split_once('-')?;
    let digits = format!("{seconds}{rest}");
    let is_one = (seconds.len(), rest.len()) == XRAY;
    (is_one && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// How X-Ray writes an id of 32 digits, zeros in front left out.
fn as_xray(digits: &str) -> Option<String> {
    let digits = format!("{digits:0>32}");
    let (seconds, rest) =
        digits.split_at_checked(XRAY.0).filter(|(_, rest)| rest.len() == XRAY.1)?;
    Some(format!("1-{seconds}-{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn has(id: &str, name: &str, value: &str) -> bool {
        Trace::read(id).is_ok_and(|trace| trace.is_value(name.as_bytes(), value.as_bytes()))
    }

    #[test]
    fn an_id_is_found_in_every_field_that_carries_one() {
        let parent = format!("00-{ID}-00f067aa0ba902b7-01");
        for (name, value) in [
            ("TraceParent", parent.as_str()),
            ("traceresponse", &parent),
            ("b3", &format!("{ID}-e457b5a2e4d86bd1-1")),
            ("X-B3-TraceId", &ID.to_ascii_uppercase()),
            ("X-Request-Id", ID),
            ("X-Correlation-Id", ID),
            ("X-Amzn-Trace-Id", "Self=1-0-1;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=1"),
            ("X-Cloud-Trace-Context", &format!("{ID}/123;o=1")),
            ("uber-trace-id", &format!("{ID}:1:0:1")),
        ] {
            assert!(has(ID, name, value), "{name}: {value}");
            assert!(has(&parent, name, value), "by the whole of traceparent: {name}: {value}");
            assert!(!has("5bf92f3577b34da6a3ce929d0e0e4736", name, value), "{name}: {value}");
        }
        assert!(!has(ID, "x-other", ID) && !has("00f067aa0ba902b7", "traceparent", &parent));
        assert!(has("1-4bf92f35-77b34da6a3ce929d0e0e4736", "traceparent", &parent));
        assert!(has("463ac35c9f6413ad", "x-b3-traceid", "0000000000000000463ac35c9f6413ad"));
        assert!(has("0000000000000000463ac35c9f6413ad", "b3", "463ac35c9f6413ad-a-1"));
        assert!(has("Order-7f:3", "x-request-id", "order-7F:3"));
        assert!(Trace::read("00000000000000000000000000000000").is_err());
    }

    #[test]
    fn blocks_are_passed_over_only_where_no_field_can_have_it() {
        for value in [ID, "1-4bf92f35-77b34da6a3ce929d0e0e4736", "000463ac35c9f6413ad"] {
            for asked in [ID, "1-4bf92f35-77b34da6a3ce929d0e0e4736", "0463ac35c9f6413ad"] {
                let trace = Trace::read(asked).unwrap_or_else(|wrong| panic!("{}", wrong.message));
                if trace.is(value) {
                    assert!(trace.may_be_where(&|text| value.contains(text)), "{asked} in {value}");
                }
            }
        }
        let trace = Trace::read("req-1").unwrap_or_else(|wrong| panic!("{}", wrong.message));
        assert!(!trace.may_be_where(&|_| false));
    }
}
