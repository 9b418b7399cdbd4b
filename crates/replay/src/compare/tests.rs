//! Tables of two answers and what differs between them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::json;

use super::*;

fn answer<'a>(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Answer<'a> {
    Answer {
        status,
        fields: fields.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        trailers: Vec::new(),
        hosts: Vec::new(),
        base_path: "",
        body: Kept::Whole(Bytes::copy_from_slice(body)),
    }
}

fn lines_of(recorded: &Answer<'_>, replayed: &Answer<'_>) -> Vec<String> {
    let mut found = Differences::up_to(20);
    compare(recorded, replayed, 1 << 20, &mut found);
    found.listed.iter().map(ToString::to_string).collect()
}

fn bodies(kind: &str, old: &[u8], new: &[u8]) -> Vec<String> {
    let kind = [("content-type", kind)];
    lines_of(&answer(200, &kind, old), &answer(200, &kind, new))
}

const JSON: &str = "application/json; charset=utf-8";

#[test]
fn json_is_compared_by_field_and_number_by_value() {
    let old = br#"{"a":1,"b":[1,2,{"c/d":"x"}],"same":1.0,"gone":null,"kind":"1","t":true}"#;
    let new = br#"{"t":true,"same":1,"kind":1,"b":[1,3,{"c/d":"y"},4],"a":2,"fresh":{"x":[]}}"#;
    assert_eq!(
        bodies(JSON, old, new),
        [
            "body /a: 1 -> 2",
            "body /b: \"3 elements\" -> \"4 elements\"",
            "body /b/1: 2 -> 3",
            "body /b/2/c~1d: \"x\" -> \"y\"",
            "body /gone: null is missing",
            "body /kind: \"1\" -> 1",
            "body /fresh: {\"x\":[]} is new",
        ]
    );
}

#[test]
fn layout_and_order_of_members_are_no_difference() {
    let none: [&str; 0] = [];
    assert_eq!(bodies(JSON, br#"{"a":1,"b":2}"#, b"{ \"b\": 2.0,\n \"a\": 1 }\n"), none);
    assert_eq!(bodies(JSON, b"18446744073709551615", b"18446744073709551615"), none);
    assert_eq!(
        bodies(JSON, b"18446744073709551615", b"18446744073709551614"),
        ["body: 18446744073709551615 -> 18446744073709551614"]
    );
}

#[test]
fn a_type_change_is_told_from_a_value_change() {
    let mut found = Differences::up_to(9);
    json::compare(&json!({"a": 1, "b": 1}), &json!({"a": "1", "b": 2}), &mut found);
    let changes: Vec<_> = found.listed.iter().map(|d| d.change).collect();
    assert_eq!(changes, [Change::Type, Change::Changed]);
}

#[test]
fn differences_beyond_the_limit_are_counted() {
    let numbers = |from: u32| (from..from + 1000).collect::<Vec<_>>();
    let mut found = Differences::up_to(3);
    json::compare(&json!(numbers(0)), &json!(numbers(1)), &mut found);
    assert_eq!((found.listed.len(), found.more), (3, 997));
}

#[test]
fn text_differs_at_its_first_line_and_bytes_at_their_first_offset() {
    let kind = "text/plain";
    assert_eq!(bodies(kind, b"a\nb\nc", b"a\nB\nC"), ["body line 2: \"b\" -> \"B\""]);
    assert_eq!(bodies(kind, b"a\nb", b"a"), ["body line 2: \"b\" is missing"]);
    assert_eq!(
        bodies("application/octet-stream", b"\x00\x01\x02", b"\x00\x01\xff\xfe"),
        ["body byte 2: \"02 (3 bytes)\" -> \"ff fe (4 bytes)\""]
    );
}

#[test]
fn what_says_json_and_is_not_is_compared_as_text() {
    assert_eq!(bodies(JSON, b"{oops", b"{oopS"), ["body line 1: \"{oops\" -> \"{oopS\""]);
}

#[test]
fn only_headers_that_matter_count() {
    let old = answer(
        200,
        &[
            ("Date", "Mon"),
            ("X-Request-Id", "1"),
            ("Content-Type", "text/plain"),
            ("ETag", "\"a\""),
            ("Set-Cookie", "sid=wayside-sealed-0123456789ab; Path=/"),
            ("Cache-Control", "no-cache,private"),
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("X-Old", "1"),
            ("Content-Length", "1"),
        ],
        b"x",
    );
    let new = answer(
        201,
        &[
            ("date", "Tue"),
            ("content-type", "text/html"),
            ("set-cookie", "sid=fresh; Path=/; HttpOnly"),
            ("set-cookie", "other=1"),
            ("cache-control", "no-cache, private"),
            ("transfer-encoding", "chunked"),
        ],
        b"x",
    );
    assert_eq!(
        lines_of(&old, &new),
        [
            "status: 200 -> 201",
            "header content-type: \"text/plain\" -> \"text/html\"",
            "header etag: \"set\" is missing",
            "header x-old: \"1\" is missing",
            "header cookie other: \"set\" is new",
        ]
    );
}

#[test]
fn trailers_are_compared_like_header_fields() {
    let ending = |status: &str| Answer {
        trailers: vec![("grpc-status".to_owned(), status.to_owned())],
        ..answer(200, &[], b"")
    };
    assert_eq!(lines_of(&ending("0"), &ending("0")), Vec::<String>::new());
    assert_eq!(
        lines_of(&ending("0"), &ending("5")),
        ["header trailer grpc-status: \"0\" -> \"5\""]
    );
}

#[test]
fn a_location_on_the_own_host_is_its_path() {
    let at = |host: &str, base_path, location: &str| Answer {
        hosts: vec![host.to_owned()],
        base_path,
        ..answer(302, &[("location", location)], b"")
    };
    let none: [&str; 0] = [];
    let recorded = at("shop.example", "", "https://Shop.example/login?x");
    assert_eq!(lines_of(&recorded, &at("t:1", "", "http://t:1/login?x")), none);
    assert_eq!(lines_of(&recorded, &at("t:1", "", "/login?x")), none);
    assert_eq!(lines_of(&recorded, &at("t:1", "/v2", "http://t:1/v2/login?x")), none);
    assert_eq!(
        lines_of(&recorded, &at("t:1", "", "http://elsewhere/login?x")),
        ["header location: \"/login?x\" -> \"http://elsewhere/login?x\""]
    );
}

#[test]
fn a_head_answer_is_compared_by_the_length_it_states() {
    let of = |length| answer(200, &[("content-length", length)], b"");
    assert_eq!(lines_of(&of("5"), &of("6")), ["header content-length: \"5\" -> \"6\""]);
}

#[test]
fn bodies_too_long_to_hold_are_compared_by_hash() {
    let whole = answer(200, &[], b"abc");
    let hashed = |text: &[u8]| Answer {
        body: Kept::Hashed { bytes: text.len() as u64, sha256: Sha256::digest(text).into() },
        ..answer(200, &[], b"")
    };
    assert_eq!(lines_of(&whole, &hashed(b"abc")), Vec::<String>::new());
    assert!(lines_of(&whole, &hashed(b"abd")).concat().starts_with("body sha256: \"ba7816bf"));
}

#[test]
fn a_body_that_was_not_kept_whole_is_no_difference() {
    let cut = Answer { body: Kept::NotWhole, ..answer(200, &[], b"") };
    assert_eq!(lines_of(&cut, &answer(200, &[], b"abc")), Vec::<String>::new());
}

#[test]
fn long_values_are_cut_in_the_report() {
    let long = "é".repeat(5000);
    let lines = bodies(JSON, format!("{{\"a\":\"{long}\"}}").as_bytes(), b"{\"a\":\"\"}");
    assert!(lines.concat().chars().count() < 300, "{lines:?}");
}

#[test]
fn a_null_and_a_missing_value_are_told_apart_in_json() {
    let mut found = Differences::up_to(9);
    json::compare(&json!({"a": null}), &json!({}), &mut found);
    let text = serde_json::to_string(&found.listed).unwrap();
    assert_eq!(text, r#"[{"kind":"body","change":"missing","at":"/a","recorded":null}]"#);
    assert_eq!(serde_json::from_str::<Vec<Difference>>(&text).unwrap(), found.listed);
}
