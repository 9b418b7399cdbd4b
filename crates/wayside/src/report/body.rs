//! Bodies for people: JSON laid out without touching a number or a string, text as text, anything
//! else as the beginning of a hex dump. Nothing in a body reaches the terminal raw.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use wayside_exchange::content::is_text;
use wayside_exchange::escape::for_terminal_text;

use super::figures::size;

/// How much of a binary body is dumped.
const DUMPED: usize = 256;
const INDENT: &str = "  ";

/// `bytes`, decoded, as lines for a terminal.
pub fn laid_out(content_type: Option<&str>, bytes: &[u8]) -> String {
    if !is_text(content_type, bytes) {
        return dump(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let begins_like_json = text.trim_start().starts_with(['{', '[']);
    let text = if begins_like_json && serde_json::from_str::<IgnoredAny>(&text).is_ok() {
        indented(&text)
    } else {
        text.into_owned()
    };
    let text = text.replace("\r\n", "\n");
    for_terminal_text(text.trim_end_matches('\n')).into_owned()
}

/// `bytes` of one message: text on as many lines as it has, or the beginning of a hex dump.
pub fn as_it_is(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => for_terminal_text(&text.replace("\r\n", "\n")).into_owned(),
        Err(_) => dump(bytes),
    }
}

/// Valid JSON with line ends and indentation; every token stays as it was.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut characters = json.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(INDENT, depth));
    };
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in characters.by_ref() {
                    out.push(c);
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                }
            }
            '{' | '[' => {
                out.push(c);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = characters.next_if(|&next| next == '}' || next == ']') {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// The beginning of `bytes` as offset, hexadecimal and characters.
fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (n, row) in bytes.chunks(16).take(DUMPED / 16).enumerate() {
        let hexadecimal: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let characters: String = row
            .iter()
            .map(
                |&byte| {
                    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
                },
            )
            .collect();
        let _ = writeln!(out, "{:08x}  {:<47}  {characters}", n * 16, hexadecimal.join(" "));
    }
    let _ = write!(
        out,
        "(binary, {} shown of {})",
        size(bytes.len().min(DUMPED) as u64),
        size(bytes.len() as u64)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_no_token_changes() {
        let json =
            br#"{"b":12345678901234567890123.10,"a":[1,{"x":"a,\"{b}\""}, [ ],{}],"n":null}"#;
        assert_eq!(
            laid_out(Some("application/json"), json),
            "{\n  \"b\": 12345678901234567890123.10,\n  \"a\": [\n    1,\n    {\n      \"x\": \"a,\\\"{b}\\\"\"\n    },\n    [],\n    {}\n  ],\n  \"n\": null\n}"
        );
    }

    #[test]
    fn broken_json_stays_text() {
        assert_eq!(laid_out(Some("application/json"), b"{\"a\":"), "{\"a\":");
    }

    #[test]
    fn text_cannot_command_the_terminal() {
        let shown = laid_out(Some("text/plain"), b"one\n\x1b]0;owned\x07two\n");
        assert!(!shown.contains(['\x1b', '\x07']));
        assert!(shown.starts_with("one\n"));
    }

    #[test]
    fn binary_is_dumped_with_its_size() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let shown = laid_out(Some("application/octet-stream"), &bytes);
        assert!(shown.starts_with("00000000  00 01 02"));
        assert!(shown.ends_with("(binary, 256 B shown of 1 kB)"));
        assert_eq!(shown.lines().count(), 17);
    }
}
