//! Bearer tokens that look like JSON Web Tokens and expire. The signature is a checksum: it keeps the
//! shop's own tokens apart from made-up ones and protects nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::people::{Customer, digest};
use crate::chance::Chance;

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    Malformed,
    Expired,
}

/// A token for `customer`, valid for `lifetime` seconds from `now`; `serial` keeps two of one second apart.
pub(super) fn issue(customer: Customer, serial: u64, now: u64, lifetime: u64) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let claims = json!({
        "iss": "wayside-shop",
        "sub": customer.name,
        "client_id": customer.name,
        "scope": "orders",
        "jti": format!("t-{serial}"),
        "iat": now,
        "exp": now + lifetime,
    });
    let signed = format!("{}.{}", part(&header), part(&claims));
    format!("{signed}.{}", signature(&signed))
}

/// Whose token this is, if it is one of ours and `now` is before its end.
pub(super) fn check(token: &str, now: u64) -> Result<Customer, Rejected> {
    let claims = claims(token).ok_or(Rejected::Malformed)?;
    if claims.get("exp").and_then(Value::as_u64).is_none_or(|end| end <= now) {
        return Err(Rejected::Expired);
    }
    let name = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    Customer::named(name).ok_or(Rejected::Malformed)
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a backend stamps its own tokens and orders")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn claims(token: &str) -> Option<Value> {
    let (signed, signed_with) = token.rsplit_once('.')?;
    let (_, claims) = signed.split_once('.')?;
    if signature(signed) != signed_with {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signature(signed: &str) -> String {
    let mut chance = Chance::new(digest(signed.as_bytes()));
    let bytes: Vec<u8> = (0..4).flat_map(|_| chance.number().to_be_bytes()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_until_its_end_and_a_changed_one_never() {
        let customer = Customer::named("umbrella-web").expect("a customer");
        let token = issue(customer, 1, 1000, 12);
        assert_eq!(check(&token, 1011), Ok(customer));
        assert_eq!(check(&token, 1012), Err(Rejected::Expired));
        assert_eq!(check(&token.replacen('.', ".e", 1), 1000), Err(Rejected::Malformed));
        assert_eq!(check("nonsense", 1000), Err(Rejected::Malformed));
    }
}
