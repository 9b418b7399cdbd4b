//! The bodies of one exchange while a filter asks for them: each read and decoded at most once.

use bytes::Bytes;

use crate::content;
use crate::outcome::Half;
use crate::stored::Exchange;

use super::pattern::Needle;

/// How much of a body is searched once its content codings are undone; a body without any is
/// searched whole.
pub const SEARCHED: usize = 64 * 1024 * 1024;

/// The bodies of one exchange.
pub(super) struct Bodies<'a> {
    exchange: &'a Exchange,
    read: &'a mut dyn FnMut(Half) -> Option<Bytes>,
    request: Option<Bytes>,
    response: Option<Bytes>,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(
        exchange: &'a Exchange,
        read: &'a mut dyn FnMut(Half) -> Option<Bytes>,
    ) -> Self {
        Self { exchange, read, request: None, response: None }
    }

    /// Whether the body of `half`, decoded, has `needle`.
    pub(super) fn have(&mut self, half: Half, needle: &Needle) -> bool {
        let Self { exchange, read, request, response } = self;
        let kept = match half {
            Half::Request => request,
            Half::Response => response,
        };
        let bytes = kept.get_or_insert_with(|| {
            let bytes = read(half).unwrap_or_default();
            decoded(exchange, half, bytes)
        });
        needle.is_in(bytes)
    }
}

/// The body as meant; as transferred where it cannot be decoded.
fn decoded(exchange: &Exchange, half: Half, bytes: Bytes) -> Bytes {
    let Some(message) = exchange.message(half) else { return bytes };
    let codings: Vec<String> = message
        .head
        .fields_as_text()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("identity"))
        .collect();
    if codings.is_empty() {
        return bytes;
    }
    match content::decode(&codings.join(","), &bytes, SEARCHED) {
        Ok(decoded) => decoded.bytes.into(),
        Err(_) => bytes,
    }
}
