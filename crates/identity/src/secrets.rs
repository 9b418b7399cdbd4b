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
