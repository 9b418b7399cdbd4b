//! Path templates that somebody configured: `/users/{name}`, `GET /files/{path...}`.
//!
//! They lie in a tree of segments, so finding one takes as long as its path is. A literal segment beats a
//! placeholder, a placeholder the rest of a path.

use std::collections::HashMap;
use std::str::FromStr;

use thiserror::Error;

/// One path template, for one method or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    method: Option<String>,
    path: String,
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WrongPattern {
    /// The path is not one.
    #[error("a path template begins with `/`, as in `/users/{{name}}` or `GET /users/{{name}}`")]
    NoPath,
    /// A brace has no partner, or does not stand around a whole segment.
    #[error(
        "`{{name}}` stands for one whole segment, `{{name...}}` at the end for all that follow"
    )]
    Braces,
}

impl FromStr for Pattern {
    type Err = WrongPattern;

    fn from_str(text: &str) -> Result<Self, WrongPattern> {
        let text = text.trim();
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method.to_owned()), path.trim()),
            None => (None, text),
        };
        let rest = path.strip_prefix('/').ok_or(WrongPattern::NoPath)?;
        let last = rest.split('/').count() - 1;
        for (n, segment) in rest.split('/').enumerate() {
            let placeholder = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let name = placeholder.unwrap_or(segment);
            let is_rest = placeholder.is_some_and(|name| name.ends_with("..."));
            if name.contains(['{', '}']) || placeholder == Some("") || is_rest && n != last {
                return Err(WrongPattern::Braces);
            }
        }
        Ok(Self { method, path: path.to_owned() })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Patterns(Node);

/// The patterns that begin alike.
#[derive(Debug, Default)]
struct Node {
    literal: HashMap<String, Node>,
    placeholder: Option<Box<Node>>,
    /// Templates that end here, each with its method.
    ends: Vec<Pattern>,
    /// Templates whose last placeholder takes the rest.
    rests: Vec<Pattern>,
}

impl Patterns {
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let mut root = Node::default();
        for pattern in patterns {
            let mut node = &mut root;
            let mut takes_rest = false;
            for segment in pattern.path.split('/').skip(1) {
                takes_rest = segment.ends_with("...}");
                if takes_rest {
                    break;
                }
                node = if segment.starts_with('{') {
                    node.placeholder.get_or_insert_default()
                } else {
                    node.literal.entry(segment.to_owned()).or_default()
                };
            }
            let list = if takes_rest { &mut node.rests } else { &mut node.ends };
            list.push(pattern.clone());
        }
        Self(root)
    }

    /// The template that matches; none when none does.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<&str> {
        self.0.find(method, path.strip_prefix('/')?)
    }
}

impl Node {
    fn find(&self, method: &str, rest: &str) -> Option<&str> {
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        self.literal
            .get(segment)
            .and_then(|node| node.next(method, after))
            .or_else(|| {
                let node = self.placeholder.as_ref().filter(|_| !segment.is_empty())?;
                node.next(method, after)
            })
            .or_else(|| chosen(&self.rests, method))
    }

    fn next(&self, method: &str, after: Option<&str>) -> Option<&str> {
        match after {
            Some(after) => self.find(method, after),
            None => chosen(&self.ends, method),
        }
    }
}

/// The template for this method, or else one for all.
fn chosen<'a>(patterns: &'a [Pattern], method: &str) -> Option<&'a str> {
    let of =
        |wanted: Option<&str>| patterns.iter().find(|pattern| pattern.method.as_deref() == wanted);
    of(Some(method)).or_else(|| of(None)).map(|pattern| pattern.path.as_str())
}
