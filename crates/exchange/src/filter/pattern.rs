//! Finding text: without regard to case, as a part or with `*`, in bytes of any kind.

use std::borrow::Cow;

use memchr::memchr2_iter;

/// A text that is looked for anywhere in another, without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle(String);

/// A text that another is compared with: `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What stands between the stars; a single part has no star.
    parts: Vec<String>,
    ignores_case: bool,
    /// Without a star, whether the part may stand anywhere.
    anywhere: bool,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        Self(fold(text).into_owned())
    }

    /// Whether it is in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        if !self.0.is_ascii() {
            return fold(&String::from_utf8_lossy(text)).contains(&self.0);
        }
        let needle = self.0.as_bytes();
        let Some(&first) = needle.first() else { return true };
        memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
            text.get(at..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle))
        })
    }

    /// The text itself, in lower case.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl Pattern {
    /// Compares the whole text, case included.
    pub(super) fn exact(text: &str) -> Self {
        Self::new(text, false, false)
    }

    /// Compares the whole text without regard to case.
    pub(super) fn whole(text: &str) -> Self {
        Self::new(text, true, false)
    }

    /// Looks for a part without regard to case; with a star, compares the whole.
    pub(super) fn part(text: &str) -> Self {
        Self::new(text, true, true)
    }

    fn new(text: &str, ignores_case: bool, anywhere: bool) -> Self {
        let text = if ignores_case { fold(text) } else { Cow::Borrowed(text) };
        Self { parts: text.split('*').map(str::to_owned).collect(), ignores_case, anywhere }
    }

    /// The one text that it fits, when there is just one.
    pub(super) fn only(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [one] if !self.ignores_case && !self.anywhere => Some(one),
            _ => None,
        }
    }

    /// What every text has in it that it fits.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str).filter(|part| !part.is_empty())
    }

    /// Whether `text` fits.
    pub(super) fn fits(&self, text: &str) -> bool {
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
