//! The bodies of one exchange while a filter asks for them: each read and decoded at most once.

use std::borrow::Cow;

use crate::content;
use crate::outcome::Half;

use super::pattern::Needle;
use super::subject::{Part, Subject};

/// How much of a body is searched once its content codings are undone; a body without any is
/// searched whole.
pub const SEARCHED: usize = 64 * 1024 * 1024;

/// Gives a body as transferred.
pub(super) type Read<'a, 'r> = &'r mut dyn FnMut(Half) -> Option<Cow<'a, [u8]>>;

/// The bodies of one exchange.
pub(super) struct Bodies<'a, 'r> {
    subject: &'r Subject<'a>,
    read: Read<'a, 'r>,
    request: Option<Cow<'a, [u8]>>,
    response: Option<Cow<'a, [u8]>>,
}

impl<'a, 'r> Bodies<'a, 'r> {
    pub(super) fn new(subject: &'r Subject<'a>, read: Read<'a, 'r>) -> Self {
        Self { subject, read, request: None, response: None }
    }

    /// Whether the body of `half`, decoded, has `needle`.
    pub(super) fn have(&mut self, half: Half, needle: &Needle) -> bool {
        let Self { subject, read, request, response } = self;
        let Some(part) = subject.part(half).filter(|part| part.body_bytes > 0) else {
            return false;
        };
        let kept = match half {
            Half::Request => request,
            Half::Response => response,
        };
        needle.is_in(kept.get_or_insert_with(|| decoded(part, read(half).unwrap_or_default())))
    }
}

/// The body as meant; as transferred where it cannot be decoded.
fn decoded<'a>(part: &Part<'_>, bytes: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    let mut codings = String::new();
    for (_, value) in part.head.fields().filter(|(name, _)| is_content_encoding(name)) {
        if !value.is_empty() && !value.eq_ignore_ascii_case(b"identity") {
            codings.push_str(if codings.is_empty() { "" } else { "," });
            codings.push_str(&String::from_utf8_lossy(value));
        }
    }
    if codings.is_empty() {
        return bytes;
    }
    match content::decode(&codings, &bytes, SEARCHED) {
        Ok(decoded) => Cow::Owned(decoded.bytes),
        Err(_) => bytes,
    }
}

fn is_content_encoding(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-encoding")
}
