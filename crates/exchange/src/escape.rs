//! Recorded text is hostile text: how it is made safe for a terminal, a shell, HTML and CSV.
//!
//! Each function belongs to one reader and is named after it. None of them can fail; what cannot
//! be said to a reader at all (a NUL in a shell argument) is documented where it stands.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line for a terminal: nothing in it can move the cursor, change colours, reorder or hide
/// text. Control characters are shown as `\x1b`, others as `\u{202e}`; a backslash stays as it is.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    shown(text, is_hidden)
}

/// As [`for_terminal`], for text of several lines: line feeds and tabs stay.
pub fn for_terminal_text(text: &str) -> Cow<'_, str> {
    shown(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// One word of POSIX `sh` that stands for exactly these bytes.
///
/// Bytes that are not UTF-8 are written through `printf` with octal escapes, since a `String`
/// cannot hold them. No argument of any program can hold NUL: ask [`fits_an_argument`] first and
/// use [`for_printf`] with a pipe where it does not; here NUL is left out.
pub fn for_shell(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => word(text),
        _ => {
            let kept: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
            // A command substitution drops line feeds at its end: they follow it, quoted.
            let end = kept.iter().rposition(|&byte| byte != b'\n').map_or(0, |last| last + 1);
            let (head, line_feeds) = kept.split_at_checked(end).unwrap_or((&kept, &[]));
            let mut out = match std::str::from_utf8(head) {
                Ok(text) => word(text),
                Err(_) => format!("\"$(printf {})\"", for_printf(head)),
            };
            if !line_feeds.is_empty() {
                let _ = write!(out, "'{}'", "\n".repeat(line_feeds.len()));
            }
            out
        }
    }
}

/// Whether a program can get these bytes as an argument: whether there is no NUL among them.
pub fn fits_an_argument(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_none()
}

/// The one operand with which POSIX `printf` writes exactly these bytes, NUL included:
/// `printf OPERAND | curl --data-binary @- ...`.
pub fn for_printf(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('\'');
    for (n, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'%' => out.push_str("%%"),
            b'\n' => out.push_str("\\n"),
            // A quote would end the word, a dash in front would be an option.
            b'\'' => out.push_str("\\047"),
            b'-' if n == 0 => out.push_str("\\055"),
            b' '..=b'~' => out.push(char::from(byte)),
            // Always three digits, so that a digit that follows is not taken for one of them.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('\'');
    out
}

/// JSON that means the same, and that a terminal can show: what it would act on, which JSON allows
/// in strings, is escaped there.
pub fn for_json(json: &[u8]) -> Cow<'_, [u8]> {
    if json.iter().all(|&byte| byte < 0x7f) {
        return Cow::Borrowed(json);
    }
    // In JSON only strings hold what is not ASCII; line feeds and tabs stand between its parts.
    let hidden = |c: char| c >= '\u{7f}' && is_hidden(c);
    let Ok(text) = std::str::from_utf8(json) else { return Cow::Borrowed(json) };
    if !text.contains(hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out.into_bytes())
}

/// Text or an attribute's value in HTML; invisible characters are shown as on a terminal.
pub fn for_html(text: &str) -> Cow<'_, str> {
    let text = for_terminal_text(text);
    if !text.contains(['&', '<', '>', '"', '\'', '`']) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// One field of CSV (RFC 4180). A text that a spreadsheet would run as a formula gets a `'` in
/// front; numbers such as `-1.5` stay.
pub fn for_csv(text: &str) -> Cow<'_, str> {
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || is_hidden(c));
    let dangerous = begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        && text.parse::<f64>().is_err();
    let quoted = dangerous || text.contains([',', ';', '"', '\n', '\r', '\t']);
    if !quoted {
        return Cow::Borrowed(text);
    }
    let mark = if dangerous { "'" } else { "" };
    Cow::Owned(format!("\"{mark}{}\"", text.replace('"', "\"\"")))
}

fn shown(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !hidden(c) {
            out.push(c);
        } else if (c as u32) < 0x100 {
            let _ = write!(out, "\\x{:02x}", c as u32);
        } else {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
    Cow::Owned(out)
}

/// What a terminal acts on, or does not show: C0, DEL, C1, bidirectional controls, zero-width
/// characters and other invisible format characters, separators of lines and paragraphs.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
