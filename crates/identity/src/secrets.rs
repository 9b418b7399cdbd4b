//! The secrets that were taken out of a head: their plain form under the seal, and putting them back.

use crate::error::IdentityError;

/// Every token that stands for a secret begins so; twelve hexadecimal digits follow.
pub const TOKEN_PREFIX: &str = "wayside-sealed-";

/// The token put in place of each secret, and the secret; in order, each once.
pub type Secrets = Vec<(String, Vec<u8>)>;

const VERSION: u8 = 1;
const DIGITS: usize = 12;

/// The plain text that is sealed: a version byte, then each pair with 32-bit big-endian lengths.
/// Empty when there are no secrets.
pub fn encode_secrets(secrets: &[(String, Vec<u8>)]) -> Vec<u8> {
    if secrets.is_empty() {
        return Vec::new();
    }
    let bytes: usize = secrets.iter().map(|(token, secret)| 8 + token.len() + secret.len()).sum();
    let mut plain = Vec::with_capacity(1 + bytes);
    plain.push(VERSION);
    for (token, secret) in secrets {
        for part in [token.as_bytes(), secret] {
            // A part is no longer than a head, whose limit is far below 4 GiB.
            plain.extend_from_slice(&(part.len() as u32).to_be_bytes());
            plain.extend_from_slice(part);
        }
    }
    plain
}

/// Reads what [`encode_secrets`] wrote.
pub fn decode_secrets(plain: &[u8]) -> Result<Secrets, IdentityError> {
    let mut rest = match plain.split_first() {
        None => return Ok(Secrets::new()),
        Some((&VERSION, rest)) => rest,
        Some((&other, _)) => return Err(IdentityError::Version(other)),
    };
    let mut secrets = Secrets::new();
    while !rest.is_empty() {
        let damaged = IdentityError::Damaged(plain.len() - rest.len());
        let pair = take(rest).and_then(|(token, rest)| {
            let (secret, rest) = take(rest)?;
            Some((std::str::from_utf8(token).ok()?, secret, rest))
        });
        let (token, secret, after) = pair.ok_or(damaged)?;
        secrets.push((token.to_owned(), secret.to_vec()));
        rest = after;
    }
    Ok(secrets)
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Whether `text` is a token and nothing else.
pub fn is_token(text: &[u8]) -> bool {
    let digits = text.strip_prefix(TOKEN_PREFIX.as_bytes());
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Puts the secrets back in place of their tokens. A token that is not among them stays.
pub fn restore(head: &[u8], secrets: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut restored = Vec::with_capacity(head.len());
    let mut rest = head;
    while let Some(at) = memchr::memmem::find(rest, TOKEN_PREFIX.as_bytes()) {
        let (before, from) = rest.split_at(at);
        restored.extend_from_slice(before);
        let length = (TOKEN_PREFIX.len() + DIGITS).min(from.len());
        let (token, after) = from.split_at(length);
        if let Some((_, secret)) = secrets.iter().find(|(known, _)| known.as_bytes() == token) {
            restored.extend_from_slice(secret);
            rest = after;
        } else {
            let (prefix, after) = from.split_at(TOKEN_PREFIX.len());
            restored.extend_from_slice(prefix);
            rest = after;
        }
    }
    restored.extend_from_slice(rest);
    restored
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn secrets_read_back(
            secrets in proptest::collection::vec(
                ("[a-z0-9-]{0,30}", proptest::collection::vec(any::<u8>(), 0..50)), 0..5,
            ),
        ) {
            prop_assert_eq!(decode_secrets(&encode_secrets(&secrets)).unwrap(), secrets);
        }

        #[test]
        fn damaged_secrets_are_an_error_and_never_a_panic(
            plain in proptest::collection::vec(any::<u8>(), 1..60),
        ) {
            if let Ok(secrets) = decode_secrets(&plain) {
                prop_assert!(secrets.is_empty() || encode_secrets(&secrets) == plain);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_sealed_secrets_is_said() {
        assert_eq!(
            decode_secrets(&[9]).unwrap_err().to_string(),
            "the secrets have format version `9`, which this version of Wayside does not know"
        );
        let cut = encode_secrets(&[("t".into(), b"secret".to_vec())]);
        let error = decode_secrets(cut.split_last().unwrap().1).unwrap_err();
        assert_eq!(error.to_string(), "the secrets are damaged at byte 1");
    }

    #[test]
    fn a_token_that_is_not_known_stays() {
        let secrets = [("wayside-sealed-000000000001".to_owned(), b"S".to_vec())];
        let head = b"a wayside-sealed-000000000001, wayside-sealed-000000000002, wayside-sealed-";
        assert_eq!(restore(head, &secrets), b"a S, wayside-sealed-000000000002, wayside-sealed-");
    }
}
