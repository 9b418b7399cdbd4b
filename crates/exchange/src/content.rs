//! Bodies as they were meant: content codings undone (RFC 9110 section 8.4), text told from bytes.
//!
//! Output is bounded, by what the caller wants and by what came: a small body that unpacks to a huge
//! one costs little memory. A body that was cut gives what can be read of it.

mod coding;
mod recoding;
mod text;

pub use recoding::encode;
pub use text::is_text;

/// A body without its content codings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The body, or its beginning.
    pub bytes: Vec<u8>,
    /// Whether there is more: beyond the limit, or behind where the input was cut or damaged.
    pub truncated: bool,
}

/// Why a body cannot be decoded at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A coding that this program does not know.
    #[error("content coding `{0}` is not known; known are `gzip`, `deflate`, `br` and `zstd`")]
    UnknownCoding(String),
    /// More codings on top of each other than any honest sender uses.
    #[error("{0} content codings on top of each other are too many")]
    TooManyCodings(usize),
    /// Not even the beginning is in the coding that the header names.
    #[error("the body is not in the content coding `{coding}` that its header names")]
    Malformed {
        /// The coding.
        coding: String,
        /// What the decoder says.
        reason: String,
    },
}

/// More than one is rare, more than two is unheard of.
const MOST_CODINGS: usize = 5;

/// Honest text packs to a hundredth at best, and hostile zeros to a thousandth or far less: beyond
/// this many times the body as it came, and beyond [`ALWAYS`], the rest is left out.
const MOST_TIMES: usize = 100;
/// So much of a body is decoded however small it came.
const ALWAYS: usize = 8 << 20;

/// Undoes `codings`, the value of `Content-Encoding` (several separated by commas, in the order in
/// which they were applied), giving at most `limit` bytes, and of a body that unpacks to more than
/// eight mebibytes at most a hundred times what came.
pub fn decode(codings: &str, bytes: &[u8], limit: usize) -> Result<Decoded, ContentError> {
    let names: Vec<&str> = codings
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .collect();
    if names.len() > MOST_CODINGS {
        return Err(ContentError::TooManyCodings(names.len()));
    }
    // An answer to HEAD, or 304, names codings and has no body.
    if bytes.is_empty() {
        return Ok(Decoded::default());
    }
    let limit = limit.min(bytes.len().saturating_mul(MOST_TIMES).max(ALWAYS));
    let mut inner: Option<Decoded> = None;
    for name in names.into_iter().rev() {
        let (input, cut) = match &inner {
            Some(decoded) => (decoded.bytes.as_slice(), decoded.truncated),
            None => (bytes, false),
        };
        let mut decoded = coding::undo(name, input, limit)?;
        decoded.truncated |= cut;
        inner = Some(decoded);
    }
    Ok(inner.unwrap_or_else(|| Decoded {
        bytes: bytes.get(..limit).unwrap_or(bytes).to_vec(),
        truncated: bytes.len() > limit,
    }))
}

#[cfg(test)]
mod tests;
