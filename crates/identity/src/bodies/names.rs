//! Which fields of forms, JSON and XML hold secrets, by their names.

use crate::rules::Rules;

/// A longer name is none of ours.
pub(super) const LONGEST: usize = 64;

/// Whole names, or the last word of one (`card.cvv`), letters and digits only.
const WORDS: [&str; 20] = [
    "pwd", "pass", "pin", "otp", "totp", "mfa", "cvv", "cvv2", "cvc", "cvc2", "csc", "auth", "jwt",
    "sid", "sig", "psw", "pw", "bearer", "sessid", "cookie",
];

/// Ends of names, letters and digits only.
const ENDINGS: [&str; 34] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pincode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authkey",
    "credential",
    "credentials",
    "signature",
    "assertion",
    "csrf",
    "xsrf",
    "sessionid",
    "sessionkey",
    "authorization",
    "cardnumber",
    "ccnumber",
    "cardno",
    "securitycode",
    "verificationcode",
    "otpcode",
    "mfacode",
    "codeverifier",
    "devicecode",
    "recoverycode",
    "samlresponse",
];

/// Tokens that say where in a listing one is, and names of kinds, are no secrets.
const HARMLESS: [&str; 7] = [
    "pagetoken",
    "nexttoken",
    "continuationtoken",
    "synctoken",
    "cursortoken",
    "starttoken",
    "endtoken",
];

/// What names only sound like secrets have in them; these are secrets when sealing is strict.
const SOUNDS: [&str; 20] = [
    "pass", "secret", "token", "key", "auth", "cred", "session", "cookie", "sign", "code", "pin",
    "otp", "nonce", "card", "cvv", "cvc", "ssn", "iban", "account", "cert",
];

/// Whether the values of a field of this name are secrets.
pub(super) fn is_secret(name: &[u8], rules: &Rules) -> bool {
    if !(rules.has_fields() || rules.is_strict() || may_be(name)) {
        return false;
    }
    if name.is_empty() || name.len() > LONGEST {
        return false;
    }
    is_known(name)
        || rules.has_fields() && rules.names_field(name)
        || rules.is_strict() && sounds_secret(name)
}

/// A quick look at the last three letters, since nearly all names are none of these.
fn may_be(name: &[u8]) -> bool {
    let mut last = name.iter().rev().filter(|b| b.is_ascii_alphanumeric());
    let mut next = || last.next().map_or(0, u8::to_ascii_lowercase);
    let (third, second, first) = (next(), next(), next());
    may_end([first, second, third])
}

/// The same of a name of which no more is known than that it ends at `end`.
#[inline]
pub(super) fn may_end_at(run: &[u8], end: usize) -> bool {
    let last = end.checked_sub(3).and_then(|start| run.get(start..end)?.first_chunk::<3>());
    match last {
        // A shorter name has a quote there, which is nothing that any ends with.
        Some(&[first, second, third]) if third.is_ascii_alphanumeric() => {
            may_end([first | 0x20, second | 0x20, third | 0x20])
        }
        _ => true,
    }
}

#[inline]
fn may_end(last: [u8; 3]) -> bool {
    matches!(
        &last,
        b"ord"
            | b"swd"
            | b"pwd"
            | b"ass"
            | b"ase"
            | b"ode"
            | b"ret"
            | b"ken"
            | b"key"
            | b"ial"
            | b"als"
            | b"ure"
            | b"ion"
            | b"srf"
            | b"sid"
            | b"nid"
            | b"pin"
            | b"sig"
            | b"ber"
            | b"ier"
            | b"nse"
            | b"otp"
            | b"mfa"
            | b"cvv"
            | b"cvc"
            | b"vv2"
            | b"vc2"
            | b"csc"
            | b"uth"
            | b"jwt"
            | b"psw"
            | b"rer"
            | b"kie"
    ) || matches!(last, [_, b'p', b'w'] | [_, b'n', b'o'])
}

fn is_known(name: &[u8]) -> bool {
    is_common(name) || is_listed(name)
}

/// The names that nearly all secrets have, without the long way.
fn is_common(name: &[u8]) -> bool {
    matches!(
        name,
        b"token"
            | b"password"
            | b"secret"
            | b"access_token"
            | b"refresh_token"
            | b"id_token"
            | b"accessToken"
            | b"refreshToken"
            | b"client_secret"
            | b"api_key"
            | b"apiKey"
            | b"csrf_token"
    )
}

fn is_listed(name: &[u8]) -> bool {
    let mut buffer = [0; LONGEST];
    let mut length = 0;
    // Where the last word begins: behind the last sign that is no letter, or at a capital.
    let mut word = 0;
    let mut before = 0_u8;
    for &byte in name {
        if !byte.is_ascii_alphanumeric() {
            before = 0;
            continue;
        }
        let begins = before == 0 || byte.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins {
            word = length;
        }
        if let Some(slot) = buffer.get_mut(length) {
            *slot = byte.to_ascii_lowercase();
            length += 1;
        }
        before = byte;
    }
    let folded = buffer.get(..length).unwrap_or_default();
    let last = folded.get(word..).unwrap_or_default();
    // Most differ in their last letter, which costs no call to see.
    let end = folded.last().copied();
    let may = |known: &str| known.as_bytes().last().copied() == end;
    let is = |known: &&str| may(known) && (folded == known.as_bytes() || last == known.as_bytes());
    let ends = |known: &&str| may(known) && folded.ends_with(known.as_bytes());
    (WORDS.iter().any(is) || ENDINGS.iter().any(ends)) && !HARMLESS.iter().any(ends)
}

fn sounds_secret(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    SOUNDS.iter().any(|sound| memchr::memmem::find(&lower, sound.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Sealing;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        let rules = Rules::default();
        for name in [
            "password",
            "user[password]",
            "newPassword",
            "PASSWD",
            "pwd",
            "client_secret",
            "token",
            "refresh_token",
            "accessToken",
            "api_key",
            "apiKey",
            "X-Api-Key",
            "private_key",
            "pin",
            "card.cvv",
            "cardPin",
            "otp",
            "one_time_otp",
            "card_number",
            "cardNumber",
            "signature",
            "csrf",
            "credentials",
            "sid",
            "sessionId",
            "auth",
            "Authorization",
            "cvv2",
            "code_verifier",
            "SAMLResponse",
            "card_no",
            "passphrase",
            "mfaCode",
        ] {
            assert!(is_secret(name.as_bytes(), &rules), "{name}");
        }
        for name in [
            "id",
            "name",
            "email",
            "next_page_token",
            "pageToken",
            "tokens",
            "prompt_tokens",
            "token_type",
            "shipping",
            "spin",
            "description",
            "author",
            "key",
            "code",
            "session",
            "order",
            "company",
            "number",
            "keyword",
            "secretary",
            "design",
            "phone",
            "version",
        ] {
            assert!(!is_secret(name.as_bytes(), &rules), "{name}");
        }
    }

    #[test]
    fn strict_takes_what_only_sounds_like_a_secret() {
        let rules = Rules::of(Sealing::Strict);
        for name in ["promo_code", "token_type", "session", "key", "account_holder"] {
            assert!(is_secret(name.as_bytes(), &rules), "{name}");
        }
        assert!(!is_secret(b"colour", &rules));
    }
}
