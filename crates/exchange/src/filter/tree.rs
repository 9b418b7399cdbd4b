//! Terms joined by `and`, `or` and `not`: three-valued answers, and the text they came from.

use std::fmt;

use super::term::Term;
use super::word::{needs_quotes, quoted};
use super::{Answer, Zone};

/// A filter's meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Term(Term),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

impl Tree {
    /// The answer of the whole from the answers of its terms (Kleene's logic), left to right and
    /// no further than needed.
    pub(super) fn answer(&self, of: &mut dyn FnMut(&Term) -> Answer) -> Answer {
        let (all, deciding) = match self {
            Tree::Term(term) => return of(term),
            Tree::Not(inner) => {
                return match inner.answer(of) {
                    Answer::Yes => Answer::No,
                    Answer::No => Answer::Yes,
                    Answer::Unknown => Answer::Unknown,
                };
            }
            Tree::And(all) => (all, Answer::No),
            Tree::Or(all) => (all, Answer::Yes),
        };
        let mut unknown = false;
        for tree in all {
            match tree.answer(of) {
                answer if answer == deciding => return deciding,
                Answer::Unknown => unknown = true,
                _ => {}
            }
        }
        match deciding {
            _ if unknown => Answer::Unknown,
            Answer::No => Answer::Yes,
            _ => Answer::No,
        }
    }

    /// Whether a block may hold a match. A zone tells what may be there, never that all is alike,
    /// so it says nothing about `not`.
    pub(super) fn may_match(&self, zone: &dyn Zone) -> bool {
        match self {
            Tree::Term(term) => term.may_match(zone),
            Tree::Not(_) => true,
            Tree::And(all) => all.iter().all(|tree| tree.may_match(zone)),
            Tree::Or(all) => all.iter().any(|tree| tree.may_match(zone)),
        }
    }

    /// The same, with clients found also by the names that `of` gives for theirs.
    pub(super) fn renamed(&self, of: &dyn Fn(&str) -> Option<String>) -> Tree {
        let each = |all: &[Tree]| all.iter().map(|tree| tree.renamed(of)).collect();
        match self {
            Tree::Term(term) => match term.renamed(of) {
                Some(other) => Tree::Or(vec![Tree::Term(term.clone()), Tree::Term(other)]),
                None => Tree::Term(term.clone()),
            },
            Tree::Not(inner) => Tree::Not(Box::new(inner.renamed(of))),
            Tree::And(all) => Tree::And(each(all)),
            Tree::Or(all) => Tree::Or(each(all)),
        }
    }

    pub(super) fn needs_bodies(&self) -> bool {
        match self {
            Tree::Term(term) => term.needs_bodies(),
            Tree::Not(inner) => inner.needs_bodies(),
            Tree::And(all) | Tree::Or(all) => all.iter().any(Tree::needs_bodies),
        }
    }

    fn is_joined(&self) -> bool {
        matches!(self, Tree::And(_) | Tree::Or(_))
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_parentheses = |f: &mut fmt::Formatter<'_>, tree: &Tree, wanted: bool| {
            if wanted { write!(f, "({tree})") } else { write!(f, "{tree}") }
        };
        match self {
            Tree::Term(term) => write!(f, "{term}"),
            Tree::Not(inner) => {
                f.write_str("not ")?;
                in_parentheses(f, inner, inner.is_joined())
            }
            Tree::And(all) => {
                for (n, tree) in all.iter().enumerate() {
                    f.write_str(if n > 0 { " " } else { "" })?;
                    in_parentheses(f, tree, tree.is_joined())?;
                }
                Ok(())
            }
            Tree::Or(all) => {
                for (n, tree) in all.iter().enumerate() {
                    f.write_str(if n > 0 { " or " } else { "" })?;
                    in_parentheses(f, tree, matches!(tree, Tree::Or(_)))?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(field) = self.field else {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
            let word = matches!(self.text.to_ascii_lowercase().as_str(), "and" | "or" | "not");
            let plain = self.text.chars().all(plain) && !word && !self.text.is_empty();
            let plain = self.slashed || plain && !self.text.starts_with('/');
            return if plain { f.write_str(&self.text) } else { f.write_str(&quoted(&self.text)) };
        };
        let (name, value) = match self.text.split_once('=') {
            Some((name, value)) if field.is_header() => (format!("{name}="), value),
            _ => (String::new(), self.text.as_str()),
        };
        // Text that begins with a slash would be read as an expression when another one follows.
        let is_ambiguous = field.takes_expressions() && value.starts_with('/');
        let in_quotes = !self.slashed && (is_ambiguous || needs_quotes(value));
        let value = if in_quotes { quoted(value) } else { value.to_owned() };
        write!(f, "{}:{name}{value}", field.as_str())
    }
}
