//! Which header fields, query parameters and cookies hold secrets, by their names.

/// What a header field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// `Authorization`.
    Authorization,
    /// `Proxy-Authorization`, which says nothing of the client.
    ProxyAuthorization,
    Cookie,
    SetCookie,
    /// An API key that names its client.
    Key,
    /// A secret that names nobody, such as a token against forged requests.
    Secret,
    /// A URL.
    Url,
    /// An authority: `Host`, `:authority`.
    Authority,
    UserAgent,
    /// What names the client's device.
    Device,
    /// Nothing secret.
    Plain,
}

/// What the header field `name` holds; `:path` is a URL.
pub(super) fn field(name: &[u8]) -> Field {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    match name.len() {
        4 if is("host") => Field::Authority,
        5 if is(":path") => Field::Url,
        6 if is("cookie") => Field::Cookie,
        6 if is("x-auth") => Field::Key,
        7 if is("referer") => Field::Url,
        8 if is("location") => Field::Url,
        8 if is("x-device") => Field::Device,
        9 if is("device-id") => Field::Device,
        10 if is("user-agent") => Field::UserAgent,
        10 if is("set-cookie") => Field::SetCookie,
        10 if is(":authority") => Field::Authority,
        11 if is("set-cookie2") => Field::SetCookie,
        11 if is("x-device-id") => Field::Device,
        13 if is("authorization") => Field::Authorization,
        16 if is("content-location") => Field::Url,
        17 if is("x-installation-id") => Field::Device,
        19 if is("proxy-authorization") => Field::ProxyAuthorization,
        _ => by_ending(name),
    }
}

fn by_ending(name: &[u8]) -> Field {
    const KEYS: [&str; 9] = [
        "api-key",
        "apikey",
        "api_key",
        "access-key",
        "auth-key",
        "subscription-key",
        "functions-key",
        "rapidapi-key",
        "application-key",
    ];
    const TOKENS: [&str; 7] = [
        "auth-token",
        "access-token",
        "private-token",
        "gitlab-token",
        "job-token",
        "vault-token",
        "api-token",
    ];
    let any = |known: &[&str]| known.iter().any(|ending| ends_with(name, ending));
    match name.last().map(u8::to_ascii_lowercase) {
        Some(b'y') if any(&KEYS) => Field::Key,
        Some(b'n') if any(&TOKENS) || name.eq_ignore_ascii_case(b"x-token") => Field::Key,
        Some(b'n') if ends_with(name, "token") && !is_position(name) => Field::Secret,
        Some(b't') if ends_with(name, "secret") => Field::Secret,
        Some(b'd') if any(&["password", "session-id", "sessionid"]) => Field::Secret,
        Some(b'e') if ends_with(name, "-signature") => Field::Secret,
        _ => Field::Plain,
    }
}

/// What a query parameter holds, by its decoded name: a key, another secret, or nothing secret.
pub(crate) fn parameter(name: &[u8]) -> Field {
    const KEYS: [&str; 6] = ["api_key", "apikey", "api-key", "key", "access_token", "token"];
    const SECRETS: [&str; 15] = [
        "auth",
        "jwt",
        "sid",
        "sig",
        "pwd",
        "otp",
        "passwd",
        "session",
        "sessionid",
        "session_id",
        "phpsessid",
        "jsessionid",
        "signature",
        "assertion",
        "client_assertion",
    ];
    const ENDINGS: [&str; 9] = [
        "token",
        "secret",
        "password",
        "api_key",
        "apikey",
        "api-key",
        "access_key",
        "-signature",
        "_signature",
    ];
    let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
    if KEYS.iter().any(is) {
        Field::Key
    } else if SECRETS.iter().any(is)
        || ENDINGS.iter().any(|known| ends_with(name, known)) && !is_position(name)
    {
        Field::Secret
    } else {
        Field::Plain
    }
}

/// Whether a cookie of this name is a session.
pub(super) fn is_session_cookie(name: &[u8]) -> bool {
    const SESSIONS: [&str; 8] = [
        "session",
        "sessionid",
        "session_id",
        "sid",
        "connect.sid",
        "phpsessid",
        "jsessionid",
        "asp.net_sessionid",
    ];
    const OTHERS: [&str; 4] = ["auth", "token", "auth_token", "access_token"];
    let name = ["__Host-", "__Secure-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix.as_bytes()))
        .unwrap_or(name);
    SESSIONS.iter().chain(&OTHERS).any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || ends_with(name, "_session")
        || ends_with(name, "-session")
}

/// The schemes of authorization (RFC 9110 section 11) that are kept in clear.
pub(crate) fn is_scheme(name: &[u8]) -> bool {
    const SCHEMES: [&str; 26] = [
        "Basic",
        "Bearer",
        "Digest",
        "Token",
        "ApiKey",
        "Api-Key",
        "Key",
        "JWT",
        "DPoP",
        "GNAP",
        "HOBA",
        "Mutual",
        "Negotiate",
        "NTLM",
        "OAuth",
        "PrivateToken",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "Signature",
        "vapid",
        "Hawk",
        "AWS",
        "AWS4-HMAC-SHA256",
        "SharedKey",
        "SharedKeyLite",
        "GoogleLogin",
    ];
    SCHEMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a header field that holds no secret by its name is known to hold none whatever it says; for
/// strict sealing, which keeps no others in clear.
pub(super) fn is_harmless(name: &[u8]) -> bool {
    const HARMLESS: [&str; 78] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "accept-patch",
        "accept-post",
        "accept-ranges",
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "access-control-request-headers",
        "access-control-request-method",
        "age",
        "allow",
        "alt-svc",
        "cache-control",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "date",
        "deprecation",
        "expect",
        "expires",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-status",
        "grpc-timeout",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "etag",
        "keep-alive",
        "last-modified",
        "max-forwards",
        "origin",
        "permissions-policy",
        "pragma",
        "prefer",
        "preference-applied",
        "priority",
        "range",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "referrer-policy",
        "retry-after",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "server",
        "server-timing",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "vary",
        "via",
        "x-content-type-options",
    ];
    name.first() == Some(&b':')
        || HARMLESS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Tokens that say where in a listing one is are no secrets.
fn is_position(name: &[u8]) -> bool {
    ["page-token", "page_token", "pagetoken", "next-token", "next_token", "nexttoken"]
        .iter()
        .chain(&["continuation-token", "continuation_token", "continuationtoken", "sync_token"])
        .any(|ending| ends_with(name, ending))
}

fn ends_with(name: &[u8], ending: &str) -> bool {
    name.len()
        .checked_sub(ending.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
}
