//! From text to tree: `or` joins what `and` or mere neighbourhood joins, `not` binds closest.

use crate::time::Timestamp;

use super::FilterError;
use super::expression::Expression;
use super::field::Field;
use super::pattern::Needle;
use super::read::{Wrong, expression, test};
use super::term::{Term, Test};
use super::trace::in_traceparent;
use super::tree::Tree;
use super::word::{Piece, Unclosed, Word, pieces};

/// Longer filters are refused.
const LONGEST: usize = 16 * 1024;
/// Deeper ones too: reading and answering go down by recursion.
const DEEPEST: usize = 64;

/// Reads `text`; none when there is nothing in it.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Option<Tree>, FilterError> {
    let mut reading = Reading { text, now, pieces: Vec::new(), next: 0, depth: 0 };
    let length = text.chars().count();
    if length > LONGEST {
        let message = format!("the filter is longer than {LONGEST} characters");
        return Err(reading.wrong(LONGEST, length - LONGEST, message, None));
    }
    reading.pieces = pieces(text).map_err(|Unclosed(at)| {
        let hint = "close it with `\"`; a quote within quotes is written `\\\"`";
        reading.wrong(at, 1, "this quote is never closed".into(), Some(hint.into()))
    })?;
    if reading.pieces.is_empty() {
        return Ok(None);
    }
    let tree = reading.any_of()?;
    match reading.peek() {
        None => Ok(Some(tree)),
        Some(&Piece::Close { at }) => {
            Err(reading.wrong(at, 1, "no parenthesis is open here".into(), None))
        }
        Some(_) => Err(reading.wrong(length, 1, "the filter should end here".into(), None)),
    }
}

struct Reading<'a> {
    text: &'a str,
    now: Timestamp,
    pieces: Vec<Piece>,
    next: usize,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    And,
    Or,
    Not,
}

impl Reading<'_> {
    fn wrong(
        &self,
        at: usize,
        length: usize,
        message: String,
        hint: Option<String>,
    ) -> FilterError {
        let text = self.text.to_owned();
        FilterError { text, column: at + 1, length: length.max(1), message, hint }
    }

    fn peek(&self) -> Option<&Piece> {
        self.pieces.get(self.next)
    }

    fn joint(&self) -> Option<Joint> {
        match self.peek() {
            Some(Piece::Word(word)) => joint(word),
            _ => None,
        }
    }

    fn any_of(&mut self) -> Result<Tree, FilterError> {
        let mut all = vec![self.all_of()?];
        while self.joint() == Some(Joint::Or) {
            self.next += 1;
            all.push(self.all_of()?);
        }
        Ok(joined(all, Tree::Or))
    }

    fn all_of(&mut self) -> Result<Tree, FilterError> {
        let mut all = vec![self.one()?];
        loop {
            match (self.peek(), self.joint()) {
                (None | Some(Piece::Close { .. }), _) | (_, Some(Joint::Or)) => break,
                (_, Some(Joint::And)) => self.next += 1,
                _ => {}
            }
            all.push(self.one()?);
        }
        Ok(joined(all, Tree::And))
    }

    fn one(&mut self) -> Result<Tree, FilterError> {
        let Some(piece) = self.peek().cloned() else {
            let at = self.text.trim_end().chars().count();
            return Err(self.wrong(at, 1, "a term is missing here".into(), None));
        };
        self.next += 1;
        match piece {
            Piece::Close { at } => {
                Err(self.wrong(at, 1, "a term is missing before this parenthesis".into(), None))
            }
            Piece::Open { at } => {
                self.descend(at)?;
                let tree = self.any_of()?;
                let Some(Piece::Close { .. }) = self.peek() else {
                    let message = "this parenthesis is never closed".into();
                    return Err(self.wrong(at, 1, message, Some("close it with `)`".into())));
                };
                self.next += 1;
                self.depth -= 1;
                Ok(tree)
            }
            Piece::Word(word) => match joint(&word) {
                Some(Joint::Not) => {
                    self.descend(word.at)?;
                    let tree = self.one()?;
                    self.depth -= 1;
                    Ok(Tree::Not(Box::new(tree)))
                }
                Some(_) => {
                    let message = format!("`{}` has nothing to join here", word.text);
                    let hint = format!("to search for the word, write `\"{}\"`", word.text);
                    Err(self.wrong(word.at, word.length, message, Some(hint)))
                }
                None => self.term(&word).map(Tree::Term),
            },
        }
    }

    fn descend(&mut self, at: usize) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = format!("the filter is nested deeper than {DEEPEST} times");
            return Err(self.wrong(at, 1, message, None));
        }
        Ok(())
    }

    fn term(&self, word: &Word) -> Result<Term, FilterError> {
        let parts = word.colon.and_then(|(colon, at)| {
            let (name, value) = word.text.split_at_checked(colon)?;
            is_name(name).then_some((name, value.strip_prefix(':')?, at))
        });
        let Some((name, value, colon)) = parts else { return self.bare(word) };
        let Some(field) = Field::named(name) else {
            let message = format!("no field is called `{name}`");
            let hint = match Field::nearest(name) {
                Some(near) if !value.starts_with("//") => format!("did you mean `{near}`?"),
                _ => "to search for a text with a colon, put it in quotes".to_owned(),
            };
            return Err(self.wrong(word.at, name.chars().count(), message, Some(hint)));
        };
        if value.is_empty() {
            let message = format!("`{name}:` has no value");
            let hint = "it follows the colon without a space".to_owned();
            return Err(self.wrong(word.at, word.length, message, Some(hint)));
        }
        let test =
            if word.slashed { expression(field, value) } else { test(field, value, self.now) };
        let test = test.map_err(|wrong| self.wrong_value(word, colon + 1, wrong))?;
        Ok(Term { field: Some(field), text: value.to_owned(), slashed: word.slashed, test })
    }

    fn bare(&self, word: &Word) -> Result<Term, FilterError> {
        if word.text.is_empty() {
            let message = "an empty text is in everything".to_owned();
            return Err(self.wrong(word.at, word.length, message, None));
        }
        // `status>=500` would be searched for as text, and found nowhere.
        let operator = word.text.find(['>', '<', '=']).filter(|_| !word.quoted);
        if let Some((name, rest)) = operator.and_then(|at| word.text.split_at_checked(at))
            && Field::named(name).is_some()
        {
            let message = format!("`{name}` needs a colon after it");
            let rest = rest.strip_prefix('=').unwrap_or(rest);
            let hint = format!("write `{name}:{rest}`, or put the text in quotes to search for it");
            return Err(self.wrong(word.at, word.length, message, Some(hint)));
        }
        let needle = if word.slashed {
            let expression = Expression::read(&word.text);
            Needle::Expression(expression.map_err(|wrong| self.wrong_value(word, word.at, wrong))?)
        } else {
            // Each service that passes a trace on writes another parent into it.
            Needle::text(in_traceparent(&word.text).unwrap_or(&word.text))
        };
        Ok(Term {
            field: None,
            text: word.text.clone(),
            slashed: word.slashed,
            test: Test::Anywhere(needle),
        })
    }

    /// What is wrong with the value that begins at `from`.
    fn wrong_value(&self, word: &Word, from: usize, wrong: Wrong) -> FilterError {
        let (offset, length) = wrong.part.unwrap_or((0, word.at + word.length - from));
        self.wrong(from + offset, length, wrong.message, Some(wrong.hint))
    }
}

fn joint(word: &Word) -> Option<Joint> {
    match word.text.as_str() {
        _ if word.quoted => None,
        "and" | "AND" => Some(Joint::And),
        "or" | "OR" => Some(Joint::Or),
        "not" | "NOT" => Some(Joint::Not),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

fn joined(mut all: Vec<Tree>, join: impl Fn(Vec<Tree>) -> Tree) -> Tree {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            join(all)
        }
        None => join(all),
    }
}
