//! A filter cut into words and parentheses, each knowing its column.

/// What a filter is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Open { at: usize },
    Close { at: usize },
    Word(Word),
}

/// Characters up to white space or a parenthesis; parts of it may have stood in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let mut word = Word { text: String::new(), at, length: 0, colon: None, quoted: false };
        while let Some((n, c)) =
            characters.next_if(|&(_, c)| c != '(' && c != ')' && !c.is_whitespace())
        {
            word.length = n + 1 - at;
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

/// `text` as a word that is read back as the same text.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether `text` must stand in quotes to be one word.
pub(super) fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
}
