//! A filter cut into words and parentheses, each knowing its column.

use std::iter::{Enumerate, Peekable};
use std::str::Chars;

use super::expression::FLAGS;
use super::field::Field;

/// What a filter is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Open { at: usize },
    Close { at: usize },
    Word(Word),
}

/// Characters up to white space or a parenthesis; parts of it may have stood in quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// The characters without the quotes around them and the backslashes that kept them.
    pub(super) text: String,
    /// Where it begins, in characters from 0, quotes included.
    pub(super) at: usize,
    /// How many characters it has, quotes included.
    pub(super) length: usize,
    /// Where in `text` the first colon outside of quotes is, and where that is in the filter.
    pub(super) colon: Option<(usize, usize)>,
    /// Whether any part of it was quoted.
    pub(super) quoted: bool,
    /// Whether its value, or all of it, is a regular expression between slashes.
    pub(super) slashed: bool,
}

/// The quote that begins at this character never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) usize);

/// Cuts `text`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, Unclosed> {
    let mut pieces = Vec::new();
    let mut characters = text.chars().enumerate().peekable();
    while let Some(&(at, c)) = characters.peek() {
        if c == '(' || c == ')' || c.is_whitespace() {
            characters.next();
            match c {
                '(' => pieces.push(Piece::Open { at }),
                ')' => pieces.push(Piece::Close { at }),
                _ => {}
            }
            continue;
        }
        let mut word = Word { text: String::new(), at, ..Word::default() };
        while let Some((n, c)) =
            characters.next_if(|&(_, c)| c != '(' && c != ')' && !c.is_whitespace())
        {
            word.length = n + 1 - at;
            if c == '/'
                && word.begins_value()
                && let Some(length) = rest_of_expression(characters.clone())
            {
                word.text.push(c);
                word.text.extend(characters.by_ref().take(length).map(|(_, c)| c));
                word.length += length;
                word.slashed = true;
                continue;
            }
            if c == '"' {
                word.quoted = true;
                loop {
                    let (n, c) = characters.next().ok_or(Unclosed(n))?;
                    word.length = n + 1 - at;
                    match c {
                        '"' => break,
                        // A backslash keeps a quote or a backslash, and is itself before others.
                        '\\' => match characters.next_if(|&(_, c)| c == '"' || c == '\\') {
                            Some((_, kept)) => word.text.push(kept),
                            None => word.text.push('\\'),
                        },
                        c => word.text.push(c),
                    }
                }
                continue;
            }
            if c == ':' && word.colon.is_none() {
                word.colon = Some((word.text.len(), n));
            }
            word.text.push(c);
        }
        pieces.push(Piece::Word(word));
    }
    Ok(pieces)
}

impl Word {
    /// Whether what comes next is the beginning of a value that may stand between slashes.
    fn begins_value(&self) -> bool {
        let Some((name, value)) =
            self.colon.and_then(|(colon, _)| self.text.split_at_checked(colon))
        else {
            return self.text.is_empty() && !self.quoted;
        };
        Field::named(name).is_some_and(|field| {
            let is_next = if field.is_header() {
                value.find('=') == Some(value.len() - 1)
            } else {
                value == ":"
            };
            is_next && !self.quoted && field.takes_expressions()
        })
    }
}

/// How many characters follow the first slash of a regular expression, flags included; none when
/// there is no second slash at which the word ends. One letter behind it is meant as a flag, right
/// or wrong; more are the rest of a path.
fn rest_of_expression(mut characters: Peekable<Enumerate<Chars<'_>>>) -> Option<usize> {
    let mut length = 0;
    loop {
        length += 1;
        match characters.next()?.1 {
            '/' => break,
            '\\' => {
                characters.next()?;
                length += 1;
            }
            _ => {}
        }
    }
    let ends = |c: &char| *c == '(' || *c == ')' || c.is_whitespace();
    let flags: Vec<char> = characters.map(|(_, c)| c).take_while(|c| !ends(c)).collect();
    let meant = flags.iter().all(|flag| FLAGS.contains(flag))
        || matches!(flags.as_slice(), [one] if one.is_ascii_alphabetic());
    (length > 1 && meant).then_some(length + flags.len())
}

/// `text` as a word that is read back as the same text.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether `text` must stand in quotes to be one word.
pub(super) fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
}
