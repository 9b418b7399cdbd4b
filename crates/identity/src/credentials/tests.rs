//! What is kept, what is taken out, and whose it is said to be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::rules::Rules;
use crate::secrets::restore;

fn redacted(head: &str) -> (String, Redacted<'_>) {
    let result = Credentials::new([7; 32], Rules::default())
        .request(head.as_bytes(), SocketAddr::from(([127, 0, 0, 1], 40_000)));
    assert_eq!(restore(&result.head, &result.secrets), head.as_bytes());
    (String::from_utf8(result.head.to_vec()).unwrap(), result)
}

/// The redacted form of one field, its tokens as `*`.
fn field(field: &str) -> String {
    let head = format!("GET / HTTP/1.1\r\n{field}\r\nAccept: */*\r\n\r\n");
    let (text, _) = redacted(&head);
    let text = text.strip_prefix("GET / HTTP/1.1\r\n").unwrap();
    starred(text.strip_suffix("\r\nAccept: */*\r\n\r\n").unwrap())
}

fn starred(text: &str) -> String {
    let mut parts = text.split(TOKEN_PREFIX);
    let mut starred = parts.next().unwrap().to_owned();
    for part in parts {
        assert!(part[..12].bytes().all(|b| b.is_ascii_hexdigit()));
        starred = starred + "*" + &part[12..];
    }
    starred
}

fn client(head: &str) -> String {
    redacted(head).1.evidence[0].to_string()
}

#[test]
fn a_head_without_secrets_is_lent_back() {
    let head = "GET /items?page=2&page_token=x HTTP/1.1\r\nHost: shop\r\nUser-Agent: curl/8\r\n\
                Idempotency-Key: 1\r\nSec-WebSocket-Key: x\r\nX-Empty:\r\nCookie:\r\n\r\n";
    let (_, result) = redacted(head);
    assert!(matches!(result.head, Cow::Borrowed(_)));
    assert!(result.secrets.is_empty());
    assert_eq!(result.evidence.len(), 1);
    assert_eq!(result.evidence[0].to_string(), "addr:127.0.0.1/curl");
}

#[test]
fn values_go_and_names_schemes_and_all_else_stay() {
    for (head, expected) in [
        ("Authorization: Bearer abc.def", "Authorization: Bearer *"),
        ("authorization:Basic YWxpY2U6cHc=", "authorization:Basic *"),
        ("AUTHORIZATION:   bEARER   abc  ", "AUTHORIZATION:   bEARER   *  "),
        ("Authorization: abcdef", "Authorization: *"),
        ("Authorization: my own secret", "Authorization: *"),
        ("Authorization: Bearer", "Authorization: Bearer"),
        ("Authorization: Digest username=\"u\", response=\"r\"", "Authorization: Digest *"),
        ("Authorization : Bearer abc", "Authorization : Bearer *"),
        ("Authorization Bearer abc", "Authorization Bearer *"),
        ("Authorization: Bearer ab\r\n cd", "Authorization: Bearer *"),
        ("Authorization:\r\n\tBearer ab", "Authorization:\r\n\tBearer *"),
        (
            "Authorization: Bearer a\r\nAuthorization: Basic b",
            "Authorization: Bearer *\r\nAuthorization: Basic *",
        ),
        ("Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic *"),
        ("Cookie: a=1; theme=\"dark\";b= 2 ;c=;lone", "Cookie: a=*; theme=*;b= * ;c=;*"),
        ("Cookie: a=b=c; =d", "Cookie: a=*; =*"),
        ("X-Api-Key: k", "X-Api-Key: *"),
        ("apikey: k", "apikey: *"),
        ("X-CSRF-Token: t", "X-CSRF-Token: *"),
        ("PRIVATE-TOKEN: t", "PRIVATE-TOKEN: *"),
        ("Host: u:p@shop", "Host: *@shop"),
        (
            "Referer: https://u:p@shop/a?token=t&x=1#access_token=z",
            "Referer: https://*@shop/a?token=*&x=1#access_token=*",
        ),
        ("X-Plain: Bearer abc", "X-Plain: Bearer abc"),
    ] {
        assert_eq!(field(head), expected);
    }
}

#[test]
fn secret_parameters_of_the_target_go() {
    for (target, expected) in [
        ("/a?api_key=k&b=c", "/a?api_key=*&b=c"),
        ("/a?b=c&KEY=k", "/a?b=c&KEY=*"),
        ("/a?token=k?l;m&token=", "/a?token=*&token="),
        ("/a?x=1;access_token=k", "/a?x=1;access_token=*"),
        ("/a?api%5Fkey=k", "/a?api%5Fkey=*"),
        ("/a?monkey=1&keys=2&pageToken=3", "/a?monkey=1&keys=2&pageToken=3"),
        ("/a?next=http://b/?token=k&c", "/a?next=http://b/?token=*&c"),
        ("http://u:p@h/a?sig=s", "http://*@h/a?sig=*"),
        ("/@user/a:b@c", "/@user/a:b@c"),
        ("/a b?token=x y", "/a b?token=*"),
        ("*", "*"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\n\r\n");
        assert_eq!(starred(&redacted(&head).0), format!("GET {expected} HTTP/1.1\r\n\r\n"));
        let head = format!(":method: GET\r\n:path: {target}\r\nhost: h\r\n\r\n");
        let expected = format!(":method: GET\r\n:path: {expected}\r\nhost: h\r\n\r\n");
        assert_eq!(starred(&redacted(&head).0), expected);
    }
}

#[test]
fn a_response_keeps_the_attributes_of_its_cookies() {
    let head = "HTTP/1.1 302 Found\r\nSet-Cookie: sid=abc; Path=/; HttpOnly; Expires=Wed, 21 Oct\r\n\
                set-cookie: lone\r\nSet-Cookie: a=b; Path=/, c=d; Max-Age=3\r\n\
                Location: /cb?access_token=t&state=s\r\nX-Auth-Token: x\r\n\r\n";
    let (redacted, secrets) = Credentials::new([7; 32], Rules::default()).response(head.as_bytes());
    assert_eq!(restore(&redacted, &secrets), head.as_bytes());
    assert_eq!(
        starred(std::str::from_utf8(&redacted).unwrap()),
        "HTTP/1.1 302 Found\r\nSet-Cookie: sid=*; Path=/; HttpOnly; Expires=Wed, 21 Oct\r\n\
         set-cookie: *\r\nSet-Cookie: a=*; Path=*; Max-Age=3\r\n\
         Location: /cb?access_token=*&state=s\r\nX-Auth-Token: *\r\n\r\n"
    );
    let (redacted, _) =
        Credentials::new([7; 32], Rules::default()).trailers(b"x-api-key: k\r\nA: b\r\n");
    assert_eq!(starred(std::str::from_utf8(&redacted).unwrap()), "x-api-key: *\r\nA: b\r\n");
}

#[test]
fn one_secret_has_one_token_wherever_it_stands() {
    let head = "GET /?token=abc HTTP/1.1\r\nX-Api-Key: abc\r\nCookie: a=abc\r\n\r\n";
    let (text, result) = redacted(head);
    assert_eq!(result.secrets.len(), 1);
    assert_eq!(text.matches(&result.secrets[0].0).count(), 3);
}

#[test]
fn the_strongest_evidence_names_the_client() {
    let jwt = |claims: &str| format!("eyJh.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let named = |line: &str| client(&format!("GET / HTTP/1.1\r\n{line}\r\n\r\n"));
    let bearer = |claims: &str| named(&format!("Authorization: Bearer {}", jwt(claims)));
    let basic =
        |user: &str| named(&format!("Authorization: Basic {}", BASE64_STANDARD.encode(user)));
    assert_eq!(bearer(r#"{"sub":"s","azp":"app","client_id":"shop"}"#), "bearer:shop");
    assert_eq!(bearer(r#"{"sub":"auth0|1","azp":"app"}"#), "bearer:app");
    assert_eq!(bearer(r#"{"sub":17}"#), "bearer:17");
    assert_eq!(basic("alice:pw"), "basic:alice");
    assert_eq!(named("Authorization: Digest username=\"bob\", nonce=\"n\""), "basic:bob");
    let opaque = named("Authorization: Bearer opaque");
    assert_eq!((opaque.len(), &opaque[..7]), (7 + 12, "bearer:"));
    assert!(named("Cookie: theme=dark; my_session=1").starts_with("cookie:"));
    assert!(named("Cookie: theme=dark").starts_with("addr:127.0.0.1"));
    assert!(named("Cookie: sid=1\r\nX-API-Key: k").starts_with("key:"));
    assert!(client("GET /?access_token=k HTTP/1.1\r\n\r\n").starts_with("key:"));
    assert_eq!(named("Authorization: Negotiate YII"), "addr:127.0.0.1");
    let all = redacted(
        "GET / HTTP/1.1\r\nCookie: sid=1\r\nX-Api-Key: k\r\nAuthorization: Bearer b\r\n\r\n",
    )
    .1;
    let kinds: Vec<_> = all.evidence.iter().map(|evidence| evidence.kind.as_str()).collect();
    assert_eq!(kinds, ["key", "bearer", "cookie", "addr"]);
}

#[test]
fn a_key_that_is_sent_as_the_user_is_no_name() {
    for user in ["sk_live_1:", "ghp_token:x-oauth-basic", ":pw", "no-colon"] {
        let head = format!(
            "GET / HTTP/1.1\r\nAuthorization: Basic {}\r\n\r\n",
            BASE64_STANDARD.encode(user)
        );
        let name = client(&head);
        assert_eq!((name.len(), &name[..6]), (6 + 12, "basic:"));
    }
}

#[test]
fn a_hostile_name_is_safe_to_type_and_stays_apart_from_others() {
    let name = |user: &str| {
        let credentials = BASE64_STANDARD.encode(format!("{user}:pw"));
        client(&format!("GET / HTTP/1.1\r\nAuthorization: Basic {credentials}\r\n\r\n"))
    };
    for user in ["a b", "\x1b[31mred", "x\u{202e}y", "a\"b(c)", &"long".repeat(100)] {
        let name = name(user);
        assert!(name.chars().count() <= 80);
        assert!(!name.contains(|c: char| c.is_control() || " \"()\u{202e}".contains(c)), "{name}");
    }
    assert_ne!(name("a b"), name("a_b"));
    assert_ne!(name("a b"), name("a\tb"));
    let head = "GET / HTTP/1.1\r\nUser-Agent: \x1b[2J evil\r\n\r\n";
    assert_eq!(client(head), "addr:127.0.0.1/__2J");
}

/// Text that no template below contains.
fn secret() -> impl Strategy<Value = Vec<u8>> {
    "[G-Z0-9]{4}[G-Z0-9.~+/_!$'()-]{0,60}".prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn no_secret_stays_and_all_come_back(
        secrets in proptest::collection::vec((0_usize..14, secret(), any::<bool>()), 0..8),
    ) {
        let mut target = b"/a".to_vec();
        let mut lines = Vec::new();
        for (place, secret, fold) in &secrets {
            let fold: &[u8] = if *fold { b"\r\n " } else { b" " };
            let field = |before: &[u8]| [before, secret, b"\r\n"].concat();
            match place {
                0 => lines.push([b"authorization:", fold, b"bearer ", secret, b"\r\n"].concat()),
                1 => lines.push([b"authorization: bearer", fold, secret, b"\r\n"].concat()),
                2 => lines.push(field(b"proxy-authorization: basic ")),
                3 => lines.push(field(b"cookie: a=b; c=")),
                4 => lines.push(field(b"cookie: ")),
                5 => lines.push(field(b"x-api-key:")),
                6 => lines.push(field(b"apikey: ")),
                7 => lines.push(field(b"referer: http://h/?token=")),
                8 => lines.push(field(b"referer: http://h/#a&password=")),
                9 => lines.push(field(b"authorization: ")),
                10 => lines.push(field(b"authorization ")),
                11 => lines.push([&b"authorization: x"[..], secret, fold, secret, b"\r\n"].concat()),
                12 => lines.push([&b"cookie: a=\""[..], secret, b";", secret, b"\"\r\n"].concat()),
                _ => target = [&target[..], if target.contains(&b'?') { b"&" } else { b"?" }, b"key=", secret].concat(),
            }
            lines.push(b"accept: a/b\r\n".to_vec());
        }
        let lines = lines.concat();
        let one = [b"get ", &target[..], b" http/1.1\r\n", &lines, b"\r\n"].concat();
        let two = [b":method: get\r\n:path: ", &target[..], b"\r\n", &lines, b"\r\n"].concat();
        for head in [one, two] {
            let mut credentials = Credentials::new([9; 32], Rules::default());
            let redacted = credentials.request(&head, "[::1]:1".parse().unwrap());
            for (_, secret, _) in &secrets {
                prop_assert!(memchr::memmem::find(&redacted.head, secret).is_none());
            }
            prop_assert_eq!(restore(&redacted.head, &redacted.secrets), &head[..]);
            let again = credentials.request(&head, "[::1]:1".parse().unwrap());
            prop_assert_eq!(redacted, again);
        }
    }

    #[test]
    fn any_bytes_come_back(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..12),
                proptest::sample::select(vec![
                    "\r\n", "Authorization:", "Basic ", "Bearer", " ", "\n\t", "Cookie: ", ";", "=",
                    "Set-Cookie:", ":path: ", "?", "token=", "@", "http://", "Referer:", "\"", "%", "#",
                    "Digest username=\"", "AWS4-HMAC-SHA256 Credential=", "a.b.c", ":", "Path=",
                ]).prop_map(|text| text.as_bytes().to_vec()),
            ],
            0..40,
        ),
    ) {
        let head = parts.concat();
        let mut credentials = Credentials::new([9; 32], Rules::default());
        let redacted = credentials.request(&head, "[::1]:1".parse().unwrap());
        prop_assert_eq!(restore(&redacted.head, &redacted.secrets), &head[..]);
        for (redacted, secrets) in [credentials.response(&head), credentials.trailers(&head)] {
            prop_assert_eq!(restore(&redacted, &secrets), &head[..]);
        }
    }
}
