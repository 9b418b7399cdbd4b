//! Names out of credentials: the claim of a bearer token, the user of basic authentication.
//!
//! Names are read, not trusted: anybody can write them. They may hold anything, and come out safe to
//! show and to type in a filter.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::{Map, Value};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(crate) const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Names are cut to so many characters.
const LONGEST: usize = 64;
const LONGEST_PRODUCT: usize = 32;

/// The claims that name a client (RFC 7519, RFC 8693, the core of `OpenID` Connect).
#[derive(Deserialize)]
struct Claims {
    client_id: Option<Value>,
    azp: Option<Value>,
    sub: Option<Value>,
}

/// `client_id`, `azp` or `sub` of a JSON Web Token, in this order; none for an opaque token.
/// `others` are looked for instead, where there are any.
pub(super) fn of_bearer(token: &[u8], others: &[String]) -> Option<String> {
    let mut parts = token.split(|&b| b == b'.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE.decode(payload).ok()?;
    if others.is_empty() {
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        return [claims.client_id, claims.azp, claims.sub].into_iter().flatten().find_map(text_of);
    }
    let mut claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    others.iter().filter_map(|name| claims.remove(name)).find_map(text_of)
}

fn text_of(claim: Value) -> Option<String> {
    match claim {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The user of basic authentication (RFC 7617). None where the user itself is the secret: services
/// that take an API key as the user have no password or a fixed one.
pub(super) fn user_of_basic(credentials: &[u8]) -> Option<String> {
    let decoded = STANDARD.decode(credentials).or_else(|_| URL_SAFE.decode(credentials)).ok()?;
    let colon = memchr::memchr(b':', &decoded)?;
    let (user, password) = decoded.split_at(colon);
    let is_key = matches!(password, b":" | b":x" | b":X" | b":x-oauth-basic" | b":api_token");
    (!is_key && !user.is_empty()).then(|| wayside_exchange::head::as_text(user))
}

/// The user of digest authentication (RFC 7616).
pub(super) fn user_of_digest(credentials: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(credentials).ok()?;
    let (_, rest) = text.split_once("username=\"")?;
    let (user, _) = rest.split_once('"')?;
    (!user.is_empty()).then(|| user.to_owned())
}

/// The access key's id in a signed request (AWS Signature Version 4), which is no secret.
pub(super) fn access_key(credentials: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(credentials).ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    let (key, _) = rest.split_once('/')?;
    (!key.is_empty()).then(|| key.to_owned())
}

/// Address and first product of the user agent: `127.0.0.1/curl`.
pub(super) fn address(ip: IpAddr, user_agent: &[u8]) -> String {
    let product = user_agent.split(|b| b"/ \t(;,".contains(b)).next().unwrap_or_default();
    let mut name = String::with_capacity(LONGEST);
    match ip.to_canonical() {
        IpAddr::V4(ip) => push_v4(&mut name, ip),
        // Writing to a string does not fail.
        IpAddr::V6(ip) => _ = write!(name, "{ip}"),
    }
    if !product.is_empty() {
        name.push('/');
        let product = product.iter().take(LONGEST_PRODUCT);
        name.extend(
            product.map(|&b| if is_plain(char::from(b)) && b < 128 { char::from(b) } else { '_' }),
        );
    }
    name
}

/// As `Display` does it, without its machinery: every request has one.
fn push_v4(name: &mut String, ip: Ipv4Addr) {
    for (n, octet) in ip.octets().into_iter().enumerate() {
        if n > 0 {
            name.push('.');
        }
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let skipped = if octet < 10 { 2 } else { usize::from(octet < 100) };
        name.extend(digits.iter().skip(skipped).map(|digit| char::from(b'0' + digit)));
    }
}

/// `name` without what is unsafe to show or to type; where that changed it, the beginning of the
/// fingerprint keeps it apart from others that would look the same.
pub(super) fn plain(name: &str, fingerprint: &str) -> String {
    let plain: String =
        name.chars().take(LONGEST).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return plain;
    }
    format!("{plain}~{}", fingerprint.get(..6).unwrap_or(fingerprint))
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_.@+/~|:".contains(c)
}
