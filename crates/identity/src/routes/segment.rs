//! What one segment of a path looks like: a name that a programmer chose, or an identifier.
//!
//! Pure and without memory, so the same segment is judged alike today and in a year. Where a rule is
//! in doubt a name stays a name: two routes for one cost less than one route for two.

/// What a segment is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// It stands in the template as it is.
    Name(&'a str),
    /// An identifier, with what stands around it: `{id}.pdf`, `{id}:cancel`, `Orders({id})`.
    Identifier { before: &'a str, after: &'a str },
}

/// Words of programmers that only look like identifiers.
const WORDS: [&str; 16] = [
    "base64", "sha256", "sha384", "sha512", "sha1", "utf16", "iso8601", "rfc3339", "rfc7807",
    "x509", "h264", "h265", "rs256", "es256", "hs256", "log4j",
];

/// Judges the segment behind `before`, which is empty at the beginning of a path.
pub(super) fn shape<'a>(before: &str, segment: &'a str) -> Shape<'a> {
    const WHOLE: Shape<'static> = Shape::Identifier { before: "", after: "" };
    // Matrix parameters are no part of the name (RFC 3986 section 3.3).
    let end = memchr::memchr(b';', segment.as_bytes()).unwrap_or(segment.len());
    let segment = segment.get(..end).unwrap_or_default();
    if segment.is_empty() || segment.starts_with('{') {
        return Shape::Name(segment);
    }
    // `/2010-04-01/Accounts`, `/api/2026-01/products`, `/rest/api/3/issue`: versions of an API.
    let versioned = before.is_empty() && is_date(segment.as_bytes());
    let behind_api = matches!(before, "api" | "apis" | "rest");
    let version = segment.len() <= 2 && segment.bytes().all(|b| b.is_ascii_digit());
    if versioned || behind_api && (version || is_date(segment.as_bytes())) {
        return Shape::Name(segment);
    }
    // A verb behind it (`17:cancel`), or an extension (`17.pdf`).
    let named = |at: usize| {
        let (id, after) = segment.split_at_checked(at)?;
        let word = after.get(1..).unwrap_or_default();
        let is_word = (2..=20).contains(&word.len())
            && word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric());
        (is_word && is_identifier(id)).then_some(Shape::Identifier { before: "", after })
    };
    let is_word = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_word {
        return if is_identifier(segment) { WHOLE } else { Shape::Name(segment) };
    }
    if !segment.contains(['@', '%'])
        && let Some(identifier) = segment.rfind([':', '.']).and_then(named)
    {
        return identifier;
    }
    if is_identifier(segment) {
        return WHOLE;
    }
    // OData: `Orders(17)`, `Orders('ALFKI')`.
    if let Some((name, key)) = segment.split_once('(')
        && let Some(key) = key.strip_suffix(')')
        && !key.is_empty()
        && let Some((before, after)) = segment.split_at_checked(name.len() + 1)
    {
        return Shape::Identifier { before, after: after.get(key.len()..).unwrap_or_default() };
    }
    Shape::Name(segment)
}

fn is_identifier(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let (digits, length) = (count(u8::is_ascii_digit), bytes.len());
    // Text that people type is escaped or holds `@`: names of files, of towns, of users; addresses.
    if !segment.is_ascii() || has_escape(bytes) || bytes.contains(&b'@') {
        return true;
    }
    if digits == 0 {
        return length >= 24 && is_slug(segment) || is_random(bytes, digits);
    }
    if digits == length || is_number(segment) || is_date(bytes) {
        return true;
    }
    if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.~:=".contains(b)) {
        return false;
    }
    if WORDS.contains(&segment.to_ascii_lowercase().as_str()) || is_version(segment) {
        return false;
    }
    let hexadecimal = bytes.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    // `v2`, `oauth2` and `2026-report` are names; `8f3a91bc`, `ord_00017`, `PROJ-42` are not.
    hexadecimal && length >= 8
        || digits >= 3 && digits * 3 >= length && !is_dated(segment)
        || has_numbered_end(segment)
        || has_typed_prefix(segment)
        || length >= 8 && digits >= 2 && count(u8::is_ascii_uppercase) + digits == length
        || length >= 20 && digits >= 2 && !is_words(segment)
        || length >= 24 && is_slug(segment)
        || is_random(bytes, digits)
}

/// `%20`, `%C3`: bytes that a name in a path does not need.
fn has_escape(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|run| matches!(run, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

/// `+4912345`, `-7`, `48.137,11.575`, `1,2,3`, `10.0.0.1`, `19.99`; versions such as `2.0` stay names.
fn is_number(segment: &str) -> bool {
    let plain = segment.bytes().all(|b| b.is_ascii_digit() || b"+-.,".contains(&b));
    let dots = segment.matches('.').count();
    plain && (segment.contains(',') || segment.starts_with(['+', '-']) || dots == 3)
}

/// `2026-01-31`, `2026-01`, `2026-W05`, `2026-01-31T10:00:00Z`.
fn is_date(bytes: &[u8]) -> bool {
    let mut bytes = bytes.iter();
    bytes.by_ref().take(4).all(u8::is_ascii_digit)
        && matches!(bytes.next(), Some(b'-'))
        && bytes.all(|b| b.is_ascii_digit() || b"-:.+TZW".contains(b))
}

/// `2026-report`: a word behind a year.
fn is_dated(segment: &str) -> bool {
    let word = segment.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = segment.len() - word.len();
    let word = word.strip_prefix('-').unwrap_or_default();
    digits == 4 && word.len() >= 3 && word.bytes().all(|b| b.is_ascii_alphabetic())
}

/// `v2`, `v1.3`, `v1beta1`, `1.0`, `1.2.3`, `2.0-rc1`, `v20260101`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix(['v', 'V']);
    let text = rest.unwrap_or(segment);
    let figures = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let begins = text.len() > figures.len();
    let tail = ["alpha", "beta", "rc", "-alpha", "-beta", "-rc", "-preview"]
        .iter()
        .find_map(|tail| figures.strip_prefix(tail))
        .unwrap_or(figures);
    begins
        && tail.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && (rest.is_some() || text.contains('.'))
}

/// `PROJ-42`, `order-1234`, `customer_123456`.
fn has_numbered_end(segment: &str) -> bool {
    let Some((word, number)) = segment.rsplit_once(['-', '_']) else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let upper = word.len() >= 2 && word.bytes().all(|b| b.is_ascii_uppercase());
    is_number && !word.is_empty() && (number.len() >= 3 || upper)
}

/// `cus_9s6XKzkNRiz8i3`, `pi_3MtwBwLkdIwHu7ix`, `i-0abcd1234`: a type, and what is random.
fn has_typed_prefix(segment: &str) -> bool {
    let Some((word, random)) = segment.rsplit_once('_').or_else(|| segment.split_once('-')) else {
        return false;
    };
    let digits = random.bytes().filter(u8::is_ascii_digit).count();
    let has = |is: fn(&u8) -> bool| random.as_bytes().iter().any(is);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    (1..=12).contains(&word.len())
        && random.len() >= 8
        && (digits >= 2 && has(u8::is_ascii_alphabetic) || digits >= 1 && mixed)
        && random.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A title made into a segment: five words or more.
fn is_slug(segment: &str) -> bool {
    segment.split('-').filter(|word| !word.is_empty()).count() >= 5
}

/// Words with a figure here and there, such as `two-factor-auth-v2-settings`.
fn is_words(segment: &str) -> bool {
    let mut words = segment.split(['-', '_', '.']);
    words.clone().count() >= 3
        && words.all(|word| {
            let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
            word.len() <= 14
                && letters.bytes().all(|b| b.is_ascii_alphabetic())
                && word.len() - letters.len() <= 2
        })
}

/// Base64 and its kin: long, and changing between upper, lower and digits as no word does.
fn is_random(bytes: &[u8], digits: usize) -> bool {
    let plain = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(b));
    if bytes.len() < 10 || !plain {
        return false;
    }
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        b'a'..=b'z' => 2,
        _ => 3,
    };
    // A capital begins a word, in `getCustomer` as in `Customer`; that is no change.
    let changes = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if class(*a) != class(*b) && !(class(*a) == 1 && class(*b) == 2)))
        .count();
    let pairs = bytes.len() - 1;
    let has = |wanted| bytes.iter().any(|&byte| class(byte) == wanted);
    if digits >= 2 && has(1) && has(2) {
        changes * 10 >= pairs * 3
    } else if digits >= 2 && has(2) && !bytes.contains(&b'-') {
        bytes.len() >= 12 && changes * 10 >= pairs * 3
    } else {
        bytes.len() >= 16 && has(1) && has(2) && changes * 100 >= pairs * 23
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(segment: &str) -> String {
        match shape("orders", segment) {
            Shape::Name(name) => name.to_owned(),
            Shape::Identifier { before, after } => format!("{before}{{id}}{after}"),
        }
    }

    #[test]
    fn identifiers_become_a_placeholder() {
        for segment in [
            "12",
            "00017",
            "8f3a91bc77",
            "ord_00017",
            "0b0e3c1e-7f3d-4a1b-9d55-0a6c0e2f9d11",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "507f1f77bcf86cd799439011",
            "cus_9s6XKzkNRiz8i3",
            "dQw4w9WgXcQ",
            "C024BE91L",
            "PROJ-42",
            "order-1234",
            "2026-01-31",
            "2026-W05",
            "2026-01-31T10:00:00Z",
            "ada@example.org",
            "ada%40example.org",
            "S%C3%A3o%20Paulo",
            "+4915112345678",
            "48.137,11.575",
            "1,2,3",
            "10.0.0.1",
            "i-0abcd1234ef567890",
            "eyJhbGciOiJIUzI1NiJ9",
            "how-to-cook-rice-in-ten-minutes",
            "2024",
            "@ada",
        ] {
            assert_eq!(template(segment), "{id}", "{segment}");
        }
        assert_eq!(template("8f3a91bc77.json"), "{id}.json");
        assert_eq!(template("4711:cancel"), "{id}:cancel");
        assert_eq!(template("Orders(17)"), "Orders({id})");
        assert_eq!(template("Customers('ALFKI')"), "Customers({id})");
    }

    #[test]
    fn names_stay() {
        for segment in [
            "v2",
            "v1.3",
            "v1beta1",
            "1.0",
            "oauth2",
            "sha256",
            "base64",
            "2026-report",
            "getCustomerOrderHistory",
            "listUsersV2",
            "chat.postMessage",
            "robots.txt",
            "2fa",
            "en-US",
            "s3",
            "web3",
            "iso8601",
            "forgot-password-confirmation",
            "customers",
            "index.html",
            "two-factor-auth-v2",
            "step-2",
            ".well-known",
            "apple-app-site-association",
            "v20260101",
            "INTERNAL_METRICS",
            "openid-configuration",
            "internationalization",
            "oauth2Callback",
            "covid-19",
        ] {
            assert_eq!(template(segment), segment);
        }
        assert_eq!(template("cart;jsessionid=8F3A"), "cart");
        for (before, version) in [("", "2010-04-01"), ("api", "2026-01"), ("api", "3")] {
            assert_eq!(shape(before, version), Shape::Name(version));
        }
    }
}
