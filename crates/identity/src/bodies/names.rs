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

/// How the names of secrets end, in lower case.
const LAST_THREE: [&[u8; 3]; 33] = [
    b"ord", b"swd", b"pwd", b"ass", b"ase", b"ode", b"ret", b"ken", b"key", b"ial", b"als", b"ure",
    b"ion", b"srf", b"sid", b"nid", b"pin", b"sig", b"ber", b"ier", b"nse", b"otp", b"mfa", b"cvv",
    b"cvc", b"vv2", b"vc2", b"csc", b"uth", b"jwt", b"psw", b"rer", b"kie",
];
/// The same of names that may be shorter, or have anything before them.
const LAST_TWO: [&[u8; 2]; 2] = [b"pw", b"no"];

/// A bit for each letter that may be the third last, by the last two, all modulo 32: it makes no
/// difference of cases, and rarely mistakes one letter for another.
const ENDS: [u32; 1 << 10] = ends();

#[expect(clippy::indexing_slicing, reason = "computed when it is compiled, and within bounds")]
const fn ends() -> [u32; 1 << 10] {
    let mut ends = [0; 1 << 10];
    let mut n = 0;
    while n < LAST_THREE.len() {
        let [first, second, third] = *LAST_THREE[n];
        ends[place(second, third)] |= 1 << (first & 31);
        n += 1;
    }
    n = 0;
    while n < LAST_TWO.len() {
        let [second, third] = *LAST_TWO[n];
        ends[place(second, third)] = u32::MAX;
        n += 1;
    }
    ends
}

const fn place(second: u8, third: u8) -> usize {
    ((second & 31) as usize) << 5 | (third & 31) as usize
}

/// Whether a name that ends with these three letters may be a secret's; nearly none may.
#[inline]
pub(super) fn may_end_with([first, second, third]: [u8; 3]) -> bool {
    let firsts = ENDS.get(place(second, third)).copied().unwrap_or_default();
    firsts >> (first & 31) & 1 == 1
}

fn may_end(last: [u8; 3]) -> bool {
    let [_, second, third] = last;
    LAST_THREE.contains(&&last) || LAST_TWO.contains(&&[second, third])
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
    fn the_quick_look_passes_over_no_name_of_a_secret() {
        for name in WORDS.iter().chain(&ENDINGS) {
            for name in [name.to_string(), name.to_ascii_uppercase()] {
                // A shorter one has its quote before it.
                let quoted = format!("\"{name}");
                let last = quoted.as_bytes().last_chunk::<3>();
                assert!(last.is_some_and(|last| may_end_with(*last)), "{name}");
                assert!(may_end_at(quoted.as_bytes(), quoted.len()), "{name}");
            }
        }
        assert!(!may_end_with(*b"ame"));
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
