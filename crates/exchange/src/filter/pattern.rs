//! Finding text: without regard to case, as a part, with `*`, or by a regular expression, in bytes
//! of any kind.

use std::borrow::Cow;

use memchr::{memchr, memchr2_iter};

use super::expression::Expression;

/// What is looked for anywhere in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// A text, without regard to case; kept in lower case.
    Text(String),
    Expression(Expression),
}

/// What a text is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Stars(Stars),
    Expression(Expression),
}

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stars {
    /// What stands between the stars; a single part has no star.
    parts: Vec<String>,
    ignores_case: bool,
    /// Without a star, whether the part may stand anywhere.
    anywhere: bool,
}

impl Needle {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(fold(text).into_owned())
    }

    /// Whether it is in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(needle) if needle.is_ascii() => has(text, needle.as_bytes()),
            Self::Text(needle) => fold(&String::from_utf8_lossy(text)).contains(needle),
            Self::Expression(expression) => expression.is_in(text),
        }
    }

    /// Whether it may be where `has` tells which texts there may be.
    pub(super) fn may_be_where(&self, has: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => has(text),
            Self::Expression(expression) => expression.may_be_where(has),
        }
    }
}

impl Pattern {
    /// Compares the whole text, case included.
    pub(super) fn exact(text: &str) -> Self {
        Self::Stars(Stars::new(text, false, false))
    }

    /// Compares the whole text without regard to case.
    pub(super) fn whole(text: &str) -> Self {
        Self::Stars(Stars::new(text, true, false))
    }

    /// Looks for a part without regard to case; with a star, compares the whole.
    pub(super) fn part(text: &str) -> Self {
        Self::Stars(Stars::new(text, true, true))
    }

    /// The one text that it fits, when there is just one.
    pub(super) fn only(&self) -> Option<&str> {
        match self {
            Self::Stars(Stars { parts, ignores_case: false, anywhere: false }) => {
                match parts.as_slice() {
                    [one] => Some(one),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether `text` fits.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Stars(stars) => stars.fit(text),
            Self::Expression(expression) => expression.is_in(text.as_bytes()),
        }
    }

    /// Whether something that fits may be where `has` tells which texts there may be.
    pub(super) fn may_be_where(&self, has: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Stars(stars) => stars.parts.iter().all(|part| part.is_empty() || has(part)),
            Self::Expression(expression) => expression.may_be_where(has),
        }
    }
}

impl Stars {
    fn new(text: &str, ignores_case: bool, anywhere: bool) -> Self {
        let text = if ignores_case { fold(text) } else { Cow::Borrowed(text) };
        Self { parts: text.split('*').map(str::to_owned).collect(), ignores_case, anywhere }
    }

    fn fit(&self, text: &str) -> bool {
        if let [only] = self.parts.as_slice()
            && self.ignores_case
            && text.is_ascii()
        {
            let (text, only) = (text.as_bytes(), only.as_bytes());
            return if self.anywhere { has(text, only) } else { text.eq_ignore_ascii_case(only) };
        }
        let text = if self.ignores_case { fold(text) } else { Cow::Borrowed(text) };
        let (first, rest) = match self.parts.split_first() {
            Some((only, [])) if self.anywhere => return text.contains(only.as_str()),
            Some((only, [])) => return text == only.as_str(),
            Some(both) => both,
            None => return true,
        };
        let Some((last, middle)) = rest.split_last() else { return false };
        let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            // The earliest place is as good as any: it leaves most for the others.
            match text.split_once(part.as_str()) {
                Some((_, after)) => text = after,
                None => return false,
            }
        }
        text.ends_with(last.as_str())
    }
}

/// The bytes of texts and JSON, the most frequent first.
const FREQUENT: &[u8] = b" etaoinsrhldcumfpgwyb\":,0123456789vkxjqz";

/// Whether `needle`, in lower case, is in `text` in any case of ASCII letters. It is looked for by
/// its rarest byte.
fn has(text: &[u8], needle: &[u8]) -> bool {
    let rarity = |byte: u8| memchr(byte, FREQUENT).unwrap_or(FREQUENT.len());
    let rarest = needle.iter().enumerate().max_by_key(|&(_, &byte)| rarity(byte));
    let Some((before, &byte)) = rarest else { return true };
    memchr2_iter(byte, byte.to_ascii_uppercase(), text).any(|at| {
        let start = at.checked_sub(before);
        let found = start.and_then(|start| text.get(start..start + needle.len()));
        found.is_some_and(|found| found.eq_ignore_ascii_case(needle))
    })
}

/// Lower case, character by character. What is not ASCII never becomes ASCII (as the Kelvin sign
/// would), so that an index which folds ASCII only denies nothing that is found here.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.to_ascii_lowercase());
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if c.to_lowercase().any(|lower| lower.is_ascii()) {
            out.push(c);
        } else {
            out.extend(c.to_lowercase());
        }
    }
    Cow::Owned(out)
}
