//! The secret that whoever looks over TCP must show.

mod file;

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;

use crate::error::ConsoleError;

/// Random bytes in a token of our own: 192 bits.
const BYTES: usize = 24;
/// What a chosen token needs: 128 bits when it is random hexadecimal is 32, random base 64 is 22.
const LEAST: usize = 22;

/// How long a pass may wait for its use, and how many may wait.
const PASS_LASTS: Duration = Duration::from_mins(1);
const PASSES: usize = 16;

/// A token. It is shown by [`Token::reveal`] only, never by `Debug`.
#[derive(Clone)]
pub struct Token {
    secret: String,
    /// Shared by all clones: what one gives out, another takes.
    passes: Arc<Mutex<VecDeque<(String, Instant)>>>,
    /// What opens `/metrics` and nothing else.
    metrics: Option<String>,
}

impl Token {
    /// A fresh one that nobody can guess.
    pub fn random() -> Result<Self, ConsoleError> {
        Ok(Self::of(random()?))
    }

    /// One that somebody chose, at least 22 characters that need no escaping in a URL.
    pub fn chosen(text: &str) -> Result<Self, ConsoleError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        if text.len() < LEAST || !plain {
            return Err(ConsoleError::Token { least: LEAST });
        }
        Ok(Self::of(text.to_owned()))
    }

    fn of(secret: String) -> Self {
        Self { secret, passes: Arc::default(), metrics: None }
    }

    /// The secret itself, for the one who started the recorder.
    pub fn reveal(&self) -> &str {
        &self.secret
    }

    /// A pass: what opens the console in the token's place, once and within a minute. It may go where
    /// others could see it, such as into the arguments of a program.
    pub fn pass(&self) -> Result<String, ConsoleError> {
        let pass = random()?;
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        if passes.len() >= PASSES {
            passes.pop_front();
        }
        passes.push_back((pass.clone(), Instant::now()));
        Ok(pass)
    }

    /// The same, beside which `other` opens `/metrics` and nothing else.
    #[must_use]
    pub fn opening_metrics_to(self, other: &Token) -> Self {
        Self { metrics: Some(other.secret.clone()), ..self }
    }

    /// Whether `shown` opens `/metrics`.
    pub(crate) fn opens_metrics(&self, shown: &str) -> bool {
        self.is(shown) || self.metrics.as_ref().is_some_and(|secret| same(secret, shown))
    }

    /// Whether `shown` is this token, or a pass to it, which is used up then.
    pub(crate) fn admits(&self, shown: &str) -> bool {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.retain(|(_, since)| since.elapsed() < PASS_LASTS);
        let used = passes.iter().position(|(pass, _)| same(pass, shown));
        used.is_some_and(|used| passes.remove(used).is_some()) || self.is(shown)
    }

    /// Whether `shown` is this token, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, shown: &str) -> bool {
        same(&self.secret, shown)
    }
}

fn same(secret: &str, shown: &str) -> bool {
    verify_slices_are_equal(secret.as_bytes(), shown.as_bytes()).is_ok()
}

fn random() -> Result<String, ConsoleError> {
    let mut bytes = [0_u8; BYTES];
    rand::fill(&mut bytes).map_err(|_| ConsoleError::Random)?;
    let mut text = String::with_capacity(2 * BYTES);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
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
    fn a_pass_opens_once_and_only_a_few_wait() {
        let token = Token::random().unwrap();
        let pass = token.clone().pass().unwrap();
        assert!(!token.is(&pass), "it is no token");
        assert!(token.admits(&pass) && !token.admits(&pass));
        assert!(token.admits(token.reveal()) && token.admits(token.reveal()));
        let first = token.pass().unwrap();
        for _ in 0..PASSES {
            token.pass().unwrap();
        }
        assert!(!token.admits(&first));
    }

    #[test]
    fn a_chosen_token_must_be_long_and_plain() {
        assert!(Token::chosen("short").is_err());
        assert!(Token::chosen("a token with; a semicolon").is_err());
        assert!(Token::chosen("0123456789abcdef0123456789abcdef").is_ok());
    }
}
