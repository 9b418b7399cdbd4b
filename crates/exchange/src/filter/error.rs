//! What is wrong with a filter, and where.

use std::fmt;

use crate::escape::for_terminal;

/// A filter that cannot be read. Shown in two lines: the filter, and below it carets under the
/// place, followed by the message and the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The filter that was given.
    pub text: String,
    /// Where, in characters, counted from 1.
    pub column: usize,
    /// How many characters are meant; at least 1.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

/// A filter longer than this is shown in part.
const SHOWN: usize = 100;
/// How much of it stands before the place.
const BEFORE: usize = 40;

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.column.saturating_sub(1);
        let long = self.text.chars().count() > SHOWN;
        let skip = if long { place.saturating_sub(BEFORE) } else { 0 };
        let (mut line, mut indent, mut carets) = (String::new(), 0, 0);
        if skip > 0 {
            line.push('…');
            indent += 1;
        }
        for (n, c) in self.text.chars().enumerate().skip(skip) {
            if long && n >= skip + SHOWN {
                line.push('…');
                break;
            }
            // An escaped control character takes several columns.
            let mut one = [0; 4];
            let shown = for_terminal(c.encode_utf8(&mut one));
            let columns = shown.chars().count();
            if n < place {
                indent += columns;
            } else if n < place.saturating_add(self.length) {
                carets += columns;
            }
            line.push_str(&shown);
        }
        let carets = "^".repeat(carets.max(1));
        write!(f, "{line}\n{:indent$}{carets} {}", "", for_terminal(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "; {}", for_terminal(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
