//! Regular expressions, written between slashes: `/out of (stock|order)/i`.
//!
//! Matching takes time in proportion to the text, whatever the expression: there are no references
//! back and no looking around. What an expression compiles to is bounded.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use super::read::Wrong;
use needed::Needed;

mod needed;

/// Bytes that the compiled form may take, and as much again for what it learns while it runs.
const MOST: usize = 1 << 20;

/// Flags that may stand behind the second slash.
pub(super) const FLAGS: [char; 3] = ['i', 'm', 's'];

/// A regular expression that is looked for anywhere in a text.
#[derive(Clone)]
pub(super) struct Expression {
    /// As it was written, slashes and flags included.
    written: String,
    regex: Regex,
    needed: Needed,
}

impl Expression {
    /// Reads `/pattern/flags`.
    pub(super) fn read(written: &str) -> Result<Self, Wrong> {
        let (pattern, flags) =
            written.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).unwrap_or_default();
        if let Some((n, flag)) = flags.chars().enumerate().find(|(_, flag)| !FLAGS.contains(flag)) {
            let hint = "there are `i` (any case), `m` (`^` and `$` at lines) and `s` (`.` is any byte); \
                        to search for the text itself, put it in quotes";
            let at = pattern.chars().count() + 2 + n;
            return Err(
                Wrong::new(format!("`{flag}` is no flag of a regular expression"), hint).at(at, 1)
            );
        }
        let has = |flag| flags.contains(flag);
        let mut parser = ParserBuilder::new();
        parser.utf8(false).case_insensitive(has('i')).multi_line(has('m'));
        let meaning = parser
            .dot_matches_new_line(has('s'))
            .build()
            .parse(pattern)
            .map_err(|error| wrong(pattern, &error))?;
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(has('i'))
            .multi_line(has('m'))
            .dot_matches_new_line(has('s'))
            .size_limit(MOST)
            .dfa_size_limit(MOST)
            .build()
            .map_err(|_| {
                let message = "this regular expression takes more memory than it may";
                Wrong::new(message, "make its repetitions shorter, as `{1,20}` for `{1,2000}`")
            })?;
        Ok(Self { written: written.to_owned(), regex, needed: Needed::by(&meaning) })
    }

    /// Whether it matches anywhere in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        // Not `is_match`: where a literal within an expression turns out to be common, that (regex-automata
        // 0.4.18) goes on with its slowest engine, this with a lazy DFA.
        self.regex.shortest_match(text).is_some()
    }

    /// Whether it may match where `has` tells which texts there may be, in any case.
    pub(super) fn may_be_where(&self, has: &dyn Fn(&str) -> bool) -> bool {
        self.needed.may_be_where(has)
    }
}

/// What is wrong with the pattern, and where in it.
fn wrong(pattern: &str, error: &regex_syntax::Error) -> Wrong {
    let (what, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        _ => (
            error.to_string(),
            regex_syntax::ast::Span::splat(regex_syntax::ast::Position::new(0, 1, 1)),
        ),
    };
    let characters =
        |from: usize, to: usize| pattern.get(from..to).map_or(0, |part| part.chars().count());
    let (from, to) = (span.start.offset, span.end.offset);
    let hint = "to search for the text itself, put it in quotes";
    Wrong::new(format!("wrong regular expression: {what}"), hint)
        .at(1 + characters(0, from), characters(from, to).max(1))
}

/// Two that were written alike are alike.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.written).finish()
    }
}
