//! Bodies in, tokens out, and everything back: whole, and cut into runs anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod messages;
mod runs;

use wayside_exchange::{Half, HeadView, content};

use super::{Ending, Taken};
use crate::credentials::Credentials;
use crate::rules::{Rules, Sealing};

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLWNhbmFyeQ";

/// What is stored of a body that comes in these runs, and what the patches make of it again.
fn stored_of(head: &str, rules: &Rules, runs: &[&[u8]], last: Ending) -> (Vec<u8>, Vec<u8>) {
    let mut credentials = Credentials::new([7; 32], rules.clone());
    let head = head.as_bytes();
    let mut search = credentials.search(Half::Request, HeadView(head), HeadView(b""));
    let (mut stored, mut back, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..=runs.len() {
        waiting.extend_from_slice(runs.get(n).copied().unwrap_or_default());
        let ending = if n < runs.len() { Ending::More } else { last };
        let mut taken = Vec::new();
        let decided = credentials.find(&mut search, &waiting, ending, &mut taken);
        let mut at = 0;
        for one in &taken {
            assert!(at <= one.range.start && one.range.end <= decided, "{taken:?} of {decided}");
            at = one.range.end;
        }
        let run: Vec<u8> = waiting.drain(..decided).collect();
        stored.extend(Taken::apply(&run, &taken));
        back.extend_from_slice(&run);
    }
    assert!(waiting.is_empty());
    (stored, back)
}

fn posted(media_type: &str) -> String {
    format!("POST / HTTP/1.1\r\nContent-Type: {media_type}\r\n\r\n")
}

/// A body with its tokens shortened to `*`.
fn starred_with(media_type: &str, body: &str, rules: &Rules) -> String {
    let (stored, back) = stored_of(&posted(media_type), rules, &[body.as_bytes()], Ending::Whole);
    assert_eq!(back, body.as_bytes());
    let text = String::from_utf8(stored).unwrap();
    let mut parts = text.split("wayside-sealed-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "*" + &part[12..])
}

fn starred(media_type: &str, body: &str) -> String {
    starred_with(media_type, body, &Rules::default())
}

#[test]
fn members_of_json_go_wherever_they_stand() {
    let json = |body: &str| starred("application/json", body);
    assert_eq!(
        json(r#"{"user":"ann","password":"p","a":[{"refresh_token" : "r\"x"}],"n":1}"#),
        r#"{"user":"ann","password":"*","a":[{"refresh_token" : "*"}],"n":1}"#
    );
    assert_eq!(json(r#"{"otp":123456,"pin": -1}"#), r#"{"otp":"*","pin": "*"}"#);
    assert_eq!(
        json(r#"{"token":null,"secret":"","password":false,"cursor_token":null}"#),
        r#"{"token":null,"secret":"","password":false,"cursor_token":null}"#
    );
    assert_eq!(
        json(r#"{"credentials":{"user":"u","n":[1,"x"]},"after":"y"}"#),
        r#"{"credentials":{"user":"*","n":["*","*"]},"after":"y"}"#
    );
    assert_eq!(
        json("{\n  \"client_secret\":\n    \"s\"\n}"),
        "{\n  \"client_secret\":\n    \"*\"\n}"
    );
}

#[test]
fn json_within_a_string_of_json_is_read_too() {
    let inner = r#"{"password":"a\"b","n":1}"#;
    let outer = serde_json::to_string(&serde_json::json!({ "body": inner, "x": "y" })).unwrap();
    assert_eq!(
        starred("application/json", &outer),
        r#"{"body":"{\"password\":\"*\",\"n\":1}","x":"y"}"#
    );
    let twice = serde_json::to_string(&serde_json::json!({ "event": outer })).unwrap();
    let stored = starred("application/json", &twice);
    assert!(stored.contains(r#"password\\\":\\\"*\\\",\\\"n"#), "{stored}");
    assert_eq!(
        starred(
            "application/json",
            r#"{"query":"mutation{login(name:\"x\",password:\"y\"){id}}"}"#
        ),
        r#"{"query":"mutation{login(name:\"x\",password:\"*\"){id}}"}"#
    );
}

#[test]
fn fields_of_forms_go_by_the_names_that_the_backend_reads() {
    let form = |body: &str| starred("application/x-www-form-urlencoded", body);
    assert_eq!(
        form("user=ann&user%5Bpassword%5D=p%20q&remember=1&api_key=k"),
        "user=ann&user%5Bpassword%5D=*&remember=1&api_key=*"
    );
    assert_eq!(form("code=x"), "code=x");
    assert_eq!(
        form("grant_type=authorization_code&code=x&client_secret="),
        "grant_type=authorization_code&code=*&client_secret="
    );
    assert_eq!(form("card=4111+1111+1111+1111&x=1"), "card=*&x=1");
}

#[test]
fn parts_of_multipart_bodies_are_searched_by_what_they_are() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n\
        --b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np\r\nq\r\n\
        --b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n\
        {\"token\":\"t\"}\r\n\
        --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\n\
        Content-Type: image/png\r\n\r\n{\"token\":\"t\"}\r\n--b--\r\n";
    let stored = starred("multipart/form-data; boundary=b", body);
    assert!(stored.contains("name=\"user\"\r\n\r\nann\r\n"), "{stored}");
    assert!(stored.contains("name=\"password\"\r\n\r\n*\r\n--b\r\n"), "{stored}");
    assert!(stored.contains("{\"token\":\"*\"}\r\n--b\r\n"), "{stored}");
    assert!(stored.contains("image/png\r\n\r\n{\"token\":\"t\"}\r\n--b--"), "{stored}");
}

#[test]
fn elements_and_attributes_of_xml_go() {
    assert_eq!(
        starred(
            "text/xml",
            "<s:Body><w:Password Type=\"x\">p</w:Password><user key=\"k\" token='t'>u</user></s:Body>"
        ),
        "<s:Body><w:Password Type=\"x\">*</w:Password><user key=\"k\" token='*'>u</user></s:Body>"
    );
    assert_eq!(
        starred("application/soap+xml", "<a><secret><![CDATA[x<y]]></secret><token/></a>"),
        "<a><secret><![CDATA[*]]></secret><token/></a>"
    );
}

#[test]
fn parameters_are_found_in_urls_that_are_only_a_path() {
    let json = |body: &str| starred("application/json", body);
    assert_eq!(
        json(r#"{"next":"/items?page=2&api_key=k-1&x=3","path":"/a?b=c"}"#),
        r#"{"next":"/items?page=2&api_key=*&x=3","path":"/a?b=c"}"#
    );
    // As a careful writer of JSON has it, and as HTML does.
    assert_eq!(
        json(r#"{"next":"/items?page=2\u0026api_key=k-1\u0026x=3\u0026token=t"}"#),
        r#"{"next":"/items?page=2\u0026api_key=*\u0026x=3\u0026token=*"}"#
    );
    assert_eq!(
        json(r#"{"next":"https://h.test/items?page=2\u0026api_key=k-1"}"#),
        r#"{"next":"https://h.test/items?page=2\u0026api_key=*"}"#
    );
    assert_eq!(
        starred("text/html", "<a href=\"/reset?id=7&amp;token=t-1\">Really? Yes=no</a>"),
        "<a href=\"/reset?id=7&amp;token=*\">Really? Yes=no</a>"
    );
}

#[test]
fn secrets_are_known_by_their_form_in_any_text() {
    let text = |body: &str| starred("text/plain", body);
    assert_eq!(text(&format!("got {JWT}. Then")), "got *. Then");
    assert_eq!(text("Authorization: Bearer abcdef123456"), "Authorization: Bearer *");
    assert_eq!(text("a bearer of news and basic needs"), "a bearer of news and basic needs");
    assert_eq!(text("sent Basic YWxpY2U6cGFzcw== on"), "sent Basic * on");
    assert_eq!(
        text("at https://ann:pw@h.test/?x=1&api_key=k&y=2 now"),
        "at https://*@h.test/?x=1&api_key=*&y=2 now"
    );
    assert_eq!(text("key ghp_0123456789abcdefghij end"), "key * end");
    assert_eq!(
        text("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n"),
        "-----BEGIN RSA PRIVATE KEY-----*-----END RSA PRIVATE KEY-----\n"
    );
    assert_eq!(text("DB_PASSWORD=hunter2\nPORT=80\n"), "DB_PASSWORD=*\nPORT=80\n");
    assert_eq!(
        starred("text/event-stream", "data: {\"access_token\":\"t\"}\n\ndata: x\n\n"),
        "data: {\"access_token\":\"*\"}\n\ndata: x\n\n"
    );
}

#[test]
fn card_numbers_go_and_other_numbers_stay() {
    let text = |body: &str| starred("application/json", body);
    assert_eq!(text(r#"{"n":"4111 1111 1111 1111","m":4111111111111111}"#), r#"{"n":"*","m":"*"}"#);
    assert_eq!(text(r#"{"n":"2 5500-0000-0000-0004, 378282246310005"}"#), r#"{"n":"2 *, *"}"#);
    for kept in [
        r#"{"at":1795000000000000,"id":"4111111111111112","x":0.4111111111111111}"#,
        r#"{"u":"550e8400-e29b-41d4-a716-446655440000","p":"+49 176 12345678"}"#,
        r#"{"a":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}"#,
        r#"{"h":"a4111111111111111","i":"4111111111111111f"}"#,
    ] {
        assert_eq!(text(kept), kept);
    }
}

#[test]
fn one_secret_has_one_token_wherever_it_stands() {
    let json = r#"{"password":"hunter 2"}"#;
    let form = "password=hunter%202";
    let token = |media_type: &str, body: &str| {
        let rules = Rules::default();
        let (stored, _) = stored_of(&posted(media_type), &rules, &[body.as_bytes()], Ending::Whole);
        let text = String::from_utf8(stored).unwrap();
        let at = text.find("wayside-sealed-").unwrap();
        text[at..at + 27].to_owned()
    };
    let first = token("application/json", json);
    assert_eq!(first, token("application/x-www-form-urlencoded", form));
    assert_ne!(first, token("application/json", r#"{"password":"hunter 3"}"#));
}

#[test]
fn what_the_media_type_does_not_tell_is_told_by_the_beginning() {
    let unsaid = |body: &str| {
        let rules = Rules::default();
        let head = "POST / HTTP/1.1\r\n\r\n";
        let (stored, _) = stored_of(head, &rules, &[body.as_bytes()], Ending::Whole);
        String::from_utf8_lossy(&stored).contains("wayside-sealed-")
    };
    assert!(unsaid(r#" {"password":"x"}"#) && unsaid("password=x&y=1") && unsaid("<pin>1</pin>"));
    assert!(!unsaid("\u{0}\u{1}password=x"));
    let noise = "\u{2}&pw=x&token=y";
    assert_eq!(starred("application/x-www-form-urlencoded", noise), noise);
    assert_eq!(starred("image/png", r#"{"password":"x"}"#), r#"{"password":"x"}"#);
}

#[test]
fn a_binary_message_keeps_its_length() {
    let mut body = b"\x00\x00\x00\x00\x50\x0a\x40".to_vec();
    body.extend_from_slice(JWT.as_bytes());
    body.push(0);
    let (stored, _) =
        stored_of(&posted("application/grpc"), &Rules::default(), &[&body], Ending::Whole);
    assert_eq!(stored.len(), body.len());
    assert!(stored.windows(15).any(|window| window == b"wayside-sealed-"));
    assert!(!String::from_utf8_lossy(&stored).contains("eyJ"));
}

#[test]
fn a_coded_body_is_searched_and_coded_anew() {
    let body = format!(r#"{{"password":"canary-1","x":"{}"}}"#, "y".repeat(3000));
    for codings in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: {codings}\r\n\r\n"
        );
        let coded = content::encode(codings, body.as_bytes()).unwrap();
        let (stored, _) = stored_of(&head, &Rules::default(), &[&coded], Ending::Whole);
        let decoded = content::decode(codings, &stored, 1 << 20).unwrap();
        let text = String::from_utf8(decoded.bytes).unwrap();
        assert!(!decoded.truncated && !text.contains("canary-1"), "{codings}: {text}");
        assert!(text.starts_with(r#"{"password":"wayside-sealed-"#), "{codings}: {text}");
        // Without a secret it stays as it came.
        let coded = content::encode(codings, b"{\"a\":1}").unwrap();
        let (stored, _) = stored_of(&head, &Rules::default(), &[&coded], Ending::Whole);
        assert_eq!(stored, coded);
        // And what is not in the coding that it names is searched as it is.
        let (stored, _) = stored_of(&head, &Rules::default(), &[body.as_bytes()], Ending::Whole);
        assert!(!String::from_utf8_lossy(&stored).contains("canary-1"));
    }
}

#[test]
fn a_coded_body_too_long_to_be_searched_is_kept_under_the_seal() {
    use std::fmt::Write as _;
    let mut body = String::from("{\"password\":\"canary-1\",\"rows\":[");
    let mut chance = 1_u64;
    while body.len() < 4 << 20 {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let _ = write!(body, "\"{chance:x}\",");
    }
    body.push_str("0],\"token\":\"canary-2\"}");
    let head =
        "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
    let coded = content::encode("gzip", body.as_bytes()).unwrap();
    let runs: Vec<&[u8]> = coded.chunks(100_000).collect();
    let (stored, back) = stored_of(head, &Rules::default(), &runs, Ending::Whole);
    assert_eq!(back, coded);
    let decoded = content::decode("gzip", &stored, 64 << 20).unwrap();
    let text = String::from_utf8_lossy(&decoded.bytes);
    assert!(text.starts_with("{\"password\":\"wayside-sealed-") && !text.contains("canary"));
    assert!(text.len() < body.len());
}

#[test]
fn rules_add_fields_pointers_and_patterns() {
    let mut rules = Rules::default();
    rules.field("national-id").unwrap();
    rules.pointer("/people/*/name").unwrap();
    rules.pattern(r"acct_([0-9]+)").unwrap();
    assert_eq!(
        starred_with(
            "application/json",
            r#"{"nationalId":"1","people":[{"name":"ann","age":3},{"name":5}],"x":"acct_77 y"}"#,
            &rules
        ),
        r#"{"nationalId":"*","people":[{"name":"*","age":3},{"name":"*"}],"x":"acct_* y"}"#
    );
    let head = b"GET /a?nationalId=1&x=acct_5 HTTP/1.1\r\nX-Plain: acct_6\r\n\r\n";
    let mut credentials = Credentials::new([7; 32], rules);
    let redacted = credentials.request(head, "192.0.2.7:1".parse().unwrap());
    let text = String::from_utf8_lossy(&redacted.head).into_owned();
    assert_eq!(text.matches("wayside-sealed-").count(), 3, "{text}");
    assert_eq!(crate::restore(&redacted.head, &redacted.secrets), head);
}

#[test]
fn none_leaves_everything_and_strict_takes_what_cannot_be_searched() {
    let none = Rules::of(Sealing::None);
    let body = r#"{"password":"x"}"#;
    assert_eq!(starred_with("application/json", body, &none), body);
    let strict = Rules::of(Sealing::Strict);
    assert_eq!(starred_with("image/png", "bytes", &strict), "");
    assert_eq!(starred_with("application/x-unknown", "\u{0}bytes", &strict), "");
    assert_eq!(
        starred_with("application/json", r#"{"promo_code":"x","a":1}"#, &strict),
        r#"{"promo_code":"*","a":1}"#
    );
    let mut credentials = Credentials::new([7; 32], strict);
    let head = b"GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-Trace: t\r\n\r\n";
    let redacted = credentials.request(head, "192.0.2.7:1".parse().unwrap());
    let text = String::from_utf8_lossy(&redacted.head).into_owned();
    assert!(text.contains("Accept: */*") && text.contains("X-Trace: wayside-sealed-"), "{text}");
}
