//! Recorded bytes as words and comments of POSIX `sh` that mean exactly those bytes.
//!
//! Text stands in single quotes. What no terminal or editor should meet raw (control characters,
//! bytes that are not UTF-8, characters that reorder or hide text) goes through `printf` in octal.

use std::fmt::Write;

use super::variables::Variables;

/// `bytes` as one word; sealed tokens become `variables`, unless there are none.
pub(super) fn word(bytes: &[u8], variables: Option<&Variables>) -> String {
    let mut word = String::with_capacity(bytes.len() + 2);
    let mut rest = bytes;
    while let Some((before, name, after)) = variables.and_then(|all| all.next_in(rest)) {
        quote(before, &mut word);
        // Writing to a string does not fail.
        let _ = write!(word, "\"${name}\"");
        rest = after;
    }
    if !rest.is_empty() || word.is_empty() {
        quote(rest, &mut word);
    }
    word
}

/// A comment line; whatever would end or disguise it is escaped.
pub(super) fn comment(text: &str) -> String {
    let mut line = String::from("# ");
    for c in text.chars() {
        if is_shown(c) {
            line.push(c);
        } else {
            line.extend(c.escape_default());
        }
    }
    line.push('\n');
    line
}

/// Whether `bytes` can stand in quotes as they are: UTF-8 text and nothing that hides.
pub(super) fn is_plain_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| is_shown(c) || c == '\n' || c == '\t'))
}

fn quote(bytes: &[u8], word: &mut String) {
    if bytes.is_empty() {
        word.push_str("''");
        return;
    }
    let mut quotes = Quotes { word, open: Open::Nothing };
    for part in bytes.utf8_chunks() {
        for c in part.valid().chars() {
            match c {
                '\'' => quotes.text("'\\''"),
                _ if is_shown(c) || c == '\n' || c == '\t' => {
                    quotes.text(c.encode_utf8(&mut [0; 4]));
                }
                _ => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| quotes.octal(byte)),
            }
        }
        part.invalid().iter().for_each(|&byte| quotes.octal(byte));
    }
    quotes.close();
}

struct Quotes<'a> {
    word: &'a mut String,
    open: Open,
}

#[derive(PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Octal,
}

impl Quotes<'_> {
    fn text(&mut self, text: &str) {
        if self.open != Open::Text {
            self.close();
            self.word.push('\'');
            self.open = Open::Text;
        }
        self.word.push_str(text);
    }

    /// The substitution drops line feeds at its end; they are text and never come here.
    fn octal(&mut self, byte: u8) {
        if self.open != Open::Octal {
            self.close();
            self.word.push_str("\"$(printf '");
            self.open = Open::Octal;
        }
        // Writing to a string does not fail.
        let _ = write!(self.word, "\\{byte:03o}");
    }

    fn close(&mut self) {
        self.word.push_str(match self.open {
            Open::Nothing => "",
            Open::Text => "'",
            Open::Octal => "')\"",
        });
        self.open = Open::Nothing;
    }
}

/// Whether a character shows itself: no control, no reordering, no zero width, no line break.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
