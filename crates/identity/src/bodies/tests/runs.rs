//! Bodies cut anywhere: no secret gets through, whatever the runs.

use proptest::prelude::*;

use super::super::Ending;
use super::{JWT, posted, stored_of};
use crate::rules::Rules;

const CARD: &str = "4111 1111 1111 1111";

/// Bodies with canaries in them, and the longest stretches of those that may be seen.
fn bodies() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let filler = "lorem ipsum ".repeat(300);
    vec![
        (
            "application/json",
            format!(
                r#"{{"text":"{filler}","password":"canary-pass","more":[{{"token":"canary-token"}}],"t":"{filler}","j":"{JWT}","c":"{CARD}","next":"/a?b=1\u0026api_key=canary-key\u0026sig=canary-sig\u0026n=1","tail":"{filler}"}}"#
            ),
            vec!["canary", "c2lnbmF0dXJl", "1111 1111"],
        ),
        (
            "application/x-www-form-urlencoded",
            format!("a={0}&password=canary-pass&b={0}&api_key=canary-key", "x".repeat(2000)),
            vec!["canary"],
        ),
        (
            "multipart/form-data; boundary=bnd",
            format!(
                "--bnd\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n{filler}\r\n\
                --bnd\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ncanary-pass\r\n\
                --bnd\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n{{\"pin\":\"canary-pin\"}}{filler}\r\n\
                --bnd--\r\n"
            ),
            vec!["canary"],
        ),
        (
            "text/xml",
            format!(
                "<a>{filler}<Password>canary-pass</Password>{filler}<b token=\"canary-t\"/></a>"
            ),
            vec!["canary"],
        ),
        (
            "text/plain",
            format!(
                "{filler} https://canary-user:canary-pw@h/ {filler} Bearer canary-bearer-123 {CARD} {filler}"
            ),
            vec!["canary", "1111 1111"],
        ),
    ]
}

fn assert_hidden(stored: &[u8], hidden: &[&str]) {
    let text = String::from_utf8_lossy(stored);
    for secret in hidden {
        assert!(!text.contains(secret), "`{secret}` in {text}");
    }
}

#[test]
fn a_body_cut_in_two_anywhere_shows_no_secret_and_is_stored_the_same() {
    for (media_type, body, hidden) in bodies() {
        let head = posted(media_type);
        let rules = Rules::default();
        let (whole, _) = stored_of(&head, &rules, &[body.as_bytes()], Ending::Whole);
        for cut in (0..body.len()).step_by(7) {
            let (first, second) = body.as_bytes().split_at(cut);
            let (stored, back) = stored_of(&head, &rules, &[first, second], Ending::Whole);
            assert_eq!(back, body.as_bytes());
            assert_hidden(&stored, &hidden);
            assert!(stored == whole, "cut at {cut} of {media_type}: it is stored in another way");
        }
    }
}

#[test]
fn a_body_that_breaks_off_anywhere_shows_no_secret() {
    for (media_type, body, hidden) in bodies() {
        for end in (0..body.len()).step_by(3) {
            let body = &body.as_bytes()[..end];
            let (stored, _) =
                stored_of(&posted(media_type), &Rules::default(), &[body], Ending::Cut);
            assert_hidden(&stored, &hidden);
        }
    }
}

#[test]
fn a_secret_that_never_ends_is_taken_out_as_it_comes() {
    let long = "canary ".repeat(60_000);
    for (media_type, before, after) in [
        ("application/json", "{\"password\":\"", "\\\"x\",\"n\":1}"),
        ("application/x-www-form-urlencoded", "password=", "&n=1"),
        ("text/xml", "<a><secret>", "</secret><n>1</n></a>"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n",
            "\r\n--b--\r\n",
        ),
        ("application/json", "{\"credentials\":{\"a\":\"", "\"}}"),
    ] {
        let body = format!("{before}{long}{after}");
        let runs: Vec<&[u8]> = body.as_bytes().chunks(10_007).collect();
        let (stored, back) =
            stored_of(&posted(media_type), &Rules::default(), &runs, Ending::Whole);
        assert_eq!(back, body.as_bytes());
        assert_hidden(&stored, &["canary"]);
        assert!(stored.len() < 200, "{}", String::from_utf8_lossy(&stored));
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_runs_are_told_apart_without_a_gap(
        kind in 0..6_usize,
        body in proptest::collection::vec(
            prop_oneof![
                Just(b"\"password\":".to_vec()), Just(b"\"".to_vec()), Just(b"\\".to_vec()),
                Just(b"{".to_vec()), Just(b"}".to_vec()), Just(b"[".to_vec()), Just(b"--b".to_vec()),
                Just(b"\r\n\r\n".to_vec()), Just(b"eyJ".to_vec()), Just(b".".to_vec()),
                Just(b"4111 1111 1111 1111".to_vec()), Just(b"token=".to_vec()), Just(b"&".to_vec()),
                Just(b"<pin>".to_vec()), Just(b"://".to_vec()), Just(b"Bearer ".to_vec()),
                Just(b"\x1f\x8b".to_vec()), proptest::collection::vec(any::<u8>(), 0..40),
                Just(vec![b'a'; 700]),
            ],
            0..40,
        ),
        run in 1..900_usize,
    ) {
        let body = body.concat();
        let media_type = [
            "application/json", "application/x-www-form-urlencoded", "multipart/x; boundary=b",
            "text/xml", "text/plain", "application/grpc",
        ][kind];
        let runs: Vec<&[u8]> = body.chunks(run).collect();
        for ending in [Ending::Whole, Ending::Cut] {
            let (_, back) = stored_of(&posted(media_type), &Rules::default(), &runs, ending);
            prop_assert_eq!(&back, &body);
        }
    }
}
