//! What a collector's answer means, as the specification of OTLP/HTTP says.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use wayside_exchange::cause::chain;
use wayside_exchange::{Micros, Timestamp};
use wayside_transport::post::{PostError, Posted};

use crate::clock;
use crate::metrics::{Fields, Value};

/// How much is kept of what a collector says.
const LONGEST: usize = 200;

/// What became of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken, but for so many figures; what the collector had to say about it.
    Taken { rejected: u64, said: Option<String> },
    /// It may be taken later, but not within this time.
    Later { reason: String, pause: Option<Duration> },
    /// It will never be.
    Never { reason: String },
}

impl Answer {
    pub(super) fn of(posted: Result<Posted, PostError>) -> Self {
        let Posted { status, headers, body } = match posted {
            Ok(posted) => posted,
            Err(error) => return Self::Later { reason: chain(&error), pause: None },
        };
        let reason = format!("it answered {status}");
        match status {
            status if status.is_success() => taken(&body),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Self::Later { reason, pause: pause(&headers, clock::now()) }
            }
            status if status.is_redirection() => {
                Self::Never { reason: format!("{reason}, and redirects are not followed") }
            }
            _ => Self::Never { reason },
        }
    }
}

/// Reads the `partial_success` of an `ExportMetricsServiceResponse`: `rejected_data_points`, `error_message`.
fn taken(body: &[u8]) -> Answer {
    let (mut rejected, mut said) = (0, None);
    for (field, value) in Fields::of(body) {
        let (1, Value::Bytes(partial)) = (field, value) else { continue };
        for one in Fields::of(partial) {
            match one {
                (1, Value::Number(count)) => rejected = count,
                (2, Value::Bytes(text)) if !text.is_empty() => {
                    said = Some(String::from_utf8_lossy(text).chars().take(LONGEST).collect());
                }
                _ => {}
            }
        }
    }
    if rejected > 0 && said.is_none() {
        said = Some(format!("it rejected {rejected} figures"));
    }
    Answer::Taken { rejected, said }
}

/// What `Retry-After` says: seconds, or a date (RFC 9110 section 10.2.3).
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let Micros(micros) = Timestamp::parse_http_date(text)?.since(now);
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &'static [u8]) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(value).expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        Answer::of(Ok(Posted { status, headers, body: Bytes::from_static(body) }))
    }

    #[test]
    fn what_may_be_tried_again_is_what_the_specification_names() {
        let pause = Some(Duration::from_secs(7));
        for status in [429, 502, 503, 504] {
            let answered = answer(status, Some("7"), b"");
            assert!(matches!(answered, Answer::Later { pause: asked, .. } if asked == pause));
        }
        for status in [301, 400, 401, 404, 413, 500, 501] {
            assert!(matches!(answer(status, Some("7"), b""), Answer::Never { .. }), "{status}");
        }
        assert_eq!(answer(200, None, b""), Answer::Taken { rejected: 0, said: None });
    }

    #[test]
    fn retry_after_may_be_a_date() {
        let mut headers = HeaderMap::new();
        let date = HeaderValue::from_static("Fri, 20 Nov 2026 14:05:30 GMT");
        headers.insert(header::RETRY_AFTER, date);
        let now = Timestamp::parse("2026-11-20T14:05:00Z").expect("a time");
        assert_eq!(pause(&headers, now), Some(Duration::from_secs(30)));
        let later = now.plus(Micros(60_000_000));
        assert_eq!(pause(&headers, later), Some(Duration::ZERO));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("soon"));
        assert_eq!(pause(&headers, now), None);
    }

    #[test]
    fn what_was_rejected_of_what_was_taken_is_counted_and_said() {
        let said = Some("too old".to_owned());
        let partial = b"\x0a\x0b\x08\x03\x12\x07too old";
        assert_eq!(answer(200, None, partial), Answer::Taken { rejected: 3, said });
        let said = Some("it rejected 3 figures".to_owned());
        assert_eq!(answer(200, None, b"\x0a\x02\x08\x03"), Answer::Taken { rejected: 3, said });
        assert_eq!(answer(200, None, b"ok\n"), Answer::Taken { rejected: 0, said: None });
    }
}
