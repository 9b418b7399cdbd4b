//! Routes: method and path template, `GET /orders/{id}`.
//!
//! A segment that looks like an identifier becomes `{id}`: digits, UUIDs, long hexadecimal and
//! other long runs that mix letters and digits.

/// The route of `method` on `path` (a query is left out).
pub fn route_of(method: &str, path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut route = String::with_capacity(method.len() + 1 + path.len());
    route.push_str(method);
    route.push(' ');
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            route.push('/');
        }
        route.push_str(if is_identifier(segment) { "{id}" } else { segment });
    }
    route
}

fn is_identifier(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    if digits == segment.len() {
        return true;
    }
    let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let hexadecimal = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    // `v2`, `oauth2` and `2026-report` are names; `8f3a91bc`, `ord_00017` and UUIDs are not.
    plain && ((hexadecimal && segment.len() >= 8) || digits * 3 >= segment.len() && digits >= 3)
        || plain && segment.len() >= 20 && digits >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_a_placeholder_and_names_stay() {
        for (path, route) in [
            ("/orders/8f3a91bc77/items/12", "GET /orders/{id}/items/{id}"),
            ("/orders/ord_00017?x=1", "GET /orders/{id}"),
            ("/v2/oauth2/token", "GET /v2/oauth2/token"),
            ("/u/0b0e3c1e-7f3d-4a1b-9d55-0a6c0e2f9d11/", "GET /u/{id}/"),
            ("/", "GET /"),
            ("/bytes/2000", "GET /bytes/{id}"),
        ] {
            assert_eq!(route_of("GET", path), route);
        }
    }
}
