//! Hostile values against each reader; the shell's words are read back by a real `sh`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use proptest::prelude::*;

use super::*;

#[test]
fn nothing_reaches_a_terminal_that_it_would_act_on() {
    for (hostile, shown) in [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x1b[2J\x7f", r"\x1b[2J\x7f"),
        ("a\u{9b}31mred", r"a\x9b31mred"),
        ("user\u{202e}txt.exe", r"user\u{202e}txt.exe"),
        ("\u{2066}x\u{2069}\u{200e}", r"\u{2066}x\u{2069}\u{200e}"),
        ("\u{feff}a\u{200b}b\u{2028}c\u{2029}", r"\u{feff}a\u{200b}b\u{2028}c\u{2029}"),
        ("nul\0 cr\r lf\n tab\t", r"nul\x00 cr\x0d lf\x0a tab\x09"),
        ("\u{e0041}\u{3164}", r"\u{e0041}\u{3164}"),
    ] {
        assert_eq!(for_terminal(hostile), shown);
    }
    assert_eq!(for_terminal_text("one\n\ttwo\r\x1b"), "one\n\ttwo\\x0d\\x1b");
}

#[test]
fn json_means_the_same_and_holds_nothing_that_a_terminal_acts_on() {
    let value = serde_json::json!({ "a\u{9b}": ["\u{7f}\u{202e}", "\u{e0041} größe 東京"] });
    let json = serde_json::to_vec(&value).unwrap();
    let shown = for_json(&json);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown).unwrap(), value);
    let text = std::str::from_utf8(&shown).unwrap();
    assert_eq!(for_terminal(text), text);
    assert_eq!(text, r#"{"a\u009b":["\u007f\u202e","\udb40\udc41 größe 東京"]}"#);
    assert!(matches!(for_json(br#"{"plain":1}"#), Cow::Borrowed(_)));
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in ["GET /orders/1?q=\"a\"", r"C:\path", "größe 東京 🎉 e\u{301}", ""] {
        assert!(matches!(for_terminal(text), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn shell_words_are_quoted_only_where_needed() {
    assert_eq!(for_shell(b"https://a.example:8443/x"), "https://a.example:8443/x");
    assert_eq!(for_shell(b"it's"), r"'it'\''s'");
    assert_eq!(for_shell(b""), "''");
    assert_eq!(for_shell(b"a=b"), "'a=b'");
    assert_eq!(for_shell(b"\xff\n"), "\"$(printf '\\377')\"'\n'");
    assert!(!fits_an_argument(b"a\0b") && fits_an_argument(b"a\xffb"));
}

#[test]
fn sh_reads_hostile_words_back_byte_for_byte() {
    for hostile in [
        &b"$(touch x) `id` \"$HOME\" \\ ! * ~ # ; & |"[..],
        b"'; rm -rf / #'''",
        b"-n\n\n",
        b"\n",
        b"\xff\xfe%s\\n'\"-\n\n",
        b"-\xff7",
        b"\xe2\x28\xa11\r\n\t",
        b"\x1b[0m\xc2\x9b",
    ] {
        assert_eq!(through_sh(hostile), hostile, "{hostile:?}");
    }
}

#[test]
fn printf_writes_every_byte() {
    let all: Vec<u8> = (0..=255).chain(*b"-0123\x00007%d%%\\x").collect();
    assert_eq!(run(&format!("printf {}", for_printf(&all))), all);
    assert_eq!(run(&format!("printf {}", for_printf(b"--help"))), b"--help");
}

#[test]
fn html_has_no_markup_of_others() {
    assert_eq!(
        for_html("<script>alert('x')</script>&\"`\u{202e}"),
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;&#96;\\u{202e}"
    );
    assert!(matches!(for_html("plain\ntext"), Cow::Borrowed(_)));
}

#[test]
fn a_spreadsheet_runs_no_formula_and_csv_keeps_its_columns() {
    for (text, field) in [
        ("plain", "plain"),
        ("-1.5", "-1.5"),
        ("a,\"b\"\nc", "\"a,\"\"b\"\"\nc\""),
        ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ("@SUM(A1)", "\"'@SUM(A1)\""),
        ("\t=1+1", "\"'\t=1+1\""),
        ("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\""),
    ] {
        assert_eq!(for_csv(text), field);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_argument_survives_sh(bytes in prop::collection::vec(1_u8..=255, 0..64)) {
        prop_assert_eq!(through_sh(&bytes), bytes);
    }

    #[test]
    fn no_text_keeps_a_control(text in any::<String>()) {
        prop_assert!(!for_terminal(&text).chars().any(is_hidden));
        prop_assert!(!for_html(&text).contains(['<', '>', '"', '\'']));
    }
}

fn through_sh(bytes: &[u8]) -> Vec<u8> {
    let mut out = run(&format!("printf '%s.' {}", for_shell(bytes)));
    assert_eq!(out.pop(), Some(b'.'));
    out
}

fn run(script: &str) -> Vec<u8> {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}");
    output.stdout
}
