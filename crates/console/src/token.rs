//! The secret that whoever looks over TCP must show.

use std::fmt::{self, Write as _};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;

use crate::error::ConsoleError;

/// Random bytes in a token of our own: 192 bits.
const BYTES: usize = 24;
/// What a chosen token needs: 128 bits when it is random hexadecimal is 32, random base 64 is 22.
const LEAST: usize = 22;

/// A token. It is shown by [`Token::reveal`] only, never by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A fresh one that nobody can guess.
    pub fn random() -> Result<Self, ConsoleError> {
        let mut bytes = [0_u8; BYTES];
        rand::fill(&mut bytes).map_err(|_| ConsoleError::Random)?;
        let mut text = String::with_capacity(2 * BYTES);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// One that somebody chose, at least 22 characters that need no escaping in a URL.
    pub fn chosen(text: &str) -> Result<Self, ConsoleError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        if text.len() < LEAST || !plain {
            return Err(ConsoleError::Token { least: LEAST });
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for the one who started the recorder.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is this token, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, shown: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), shown.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_token_is_long_never_the_same_and_never_debugged() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.reveal().len(), 48);
        assert!(one.is(one.reveal()) && !one.is(other.reveal()) && !one.is(""));
        assert!(!one.is(&one.reveal()[1..]));
        assert!(!format!("{one:?}").contains(one.reveal()));
    }

    #[test]
    fn a_chosen_token_must_be_long_and_plain() {
        assert!(Token::chosen("short").is_err());
        assert!(Token::chosen("a token with; a semicolon").is_err());
        assert!(Token::chosen("0123456789abcdef0123456789abcdef").is_ok());
    }
}
