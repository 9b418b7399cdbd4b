//! JSON pointers (RFC 6901) followed through a body that comes in runs.
//!
//! The walker reads a byte at a time and keeps only the way down to where it is, so a body of any
//! length costs the memory of its depth. What is no JSON leads nowhere.

use std::ops::Range;

use super::RuleError;

/// Deeper than this nothing is found.
const DEEPEST: usize = 128;
/// Of a longer name only the beginning is compared.
const LONGEST: usize = 128;

/// A pointer: each step is a name, an index, or anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    steps: Vec<Option<Vec<u8>>>,
    /// What is further down is not meant.
    is_exact: bool,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, RuleError> {
        let steps = text.strip_prefix('/').ok_or_else(|| RuleError::Pointer(text.to_owned()))?;
        let steps = steps.split('/').map(|step| {
            let rest = step.replace("~0", "").replace("~1", "");
            if rest.contains('~') {
                return Err(RuleError::PointerEscape(text.to_owned()));
            }
            let name = step.replace("~1", "/").replace("~0", "~");
            Ok((name != "*").then(|| name.into_bytes()))
        });
        Ok(Self { steps: steps.collect::<Result<_, _>>()?, is_exact: false })
    }

    /// The same, to a scalar alone.
    pub(super) fn exact(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// Whether `levels` is the way to what it points at, or further down where that is meant.
    fn leads_to(&self, levels: &[Level]) -> bool {
        let steps = self.steps.len();
        (if self.is_exact { steps == levels.len() } else { steps <= levels.len() })
            && self.steps.iter().zip(levels).all(|(step, level)| match step {
                None => true,
                Some(name) if level.is_array => level.index.to_string().as_bytes() == name,
                Some(name) => level.name == *name,
            })
    }
}

/// Where in a JSON text the last byte was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walker {
    levels: Vec<Level>,
    /// Levels too deep to be kept.
    deeper: usize,
    string: Option<Text>,
    in_number: bool,
}

#[derive(Clone, Debug, Default)]
struct Level {
    is_array: bool,
    index: usize,
    name: Vec<u8>,
    /// The next string is a name.
    expects_name: bool,
}

#[derive(Clone, Copy, Debug)]
struct Text {
    is_name: bool,
    escaped: bool,
}

/// A scalar that a pointer leads to.
pub(crate) struct Pointed {
    /// Without the quotes of a string.
    pub(crate) range: Range<usize>,
    pub(crate) is_string: bool,
    /// It goes on beyond the run.
    pub(crate) open: bool,
}

impl Walker {
    /// Goes on through `run`, and tells of the scalars in it that one of `pointers` leads to.
    pub(crate) fn walk(&mut self, run: &[u8], pointers: &[Pointer], found: &mut Vec<Pointed>) {
        let mut begun: Option<(usize, bool)> = None;
        for (at, &byte) in run.iter().enumerate() {
            if let Some(text) = self.string {
                if self.in_string(text, byte)
                    && let Some((start, true)) = begun.take()
                {
                    found.push(Pointed { range: start..at, is_string: true, open: false });
                }
                continue;
            }
            let is_scalar = byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            if self.in_number && !is_scalar {
                self.in_number = false;
                if let Some((start, _)) = begun.take() {
                    found.push(Pointed { range: start..at, is_string: false, open: false });
                }
            }
            match byte {
                b'{' | b'[' => self.enter(byte == b'['),
                b'}' | b']' => self.leave(),
                b',' => self.next(),
                b'"' => {
                    let is_name = self.deeper == 0
                        && self.levels.last().is_some_and(|level| level.expects_name);
                    self.string = Some(Text { is_name, escaped: false });
                    if is_name {
                        if let Some(level) = self.levels.last_mut() {
                            level.name.clear();
                        }
                    } else if self.is_pointed_at(pointers) {
                        begun = Some((at + 1, true));
                    }
                }
                // `true`, `false` and `null` are no secrets.
                b'-' | b'0'..=b'9' if !self.in_number => {
                    self.in_number = true;
                    if self.is_pointed_at(pointers) {
                        begun = Some((at, false));
                    }
                }
                _ => {}
            }
        }
        if let Some((start, is_string)) = begun {
            found.push(Pointed { range: start..run.len(), is_string, open: true });
        }
    }

    fn is_pointed_at(&self, pointers: &[Pointer]) -> bool {
        pointers.iter().any(|pointer| pointer.leads_to(&self.levels))
    }

    /// Whether the string ends with this byte.
    fn in_string(&mut self, text: Text, byte: u8) -> bool {
        let ends = byte == b'"' && !text.escaped;
        if ends {
            self.string = None;
        } else {
            let escaped = byte == b'\\' && !text.escaped;
            self.string = Some(Text { escaped, ..text });
        }
        if text.is_name
            && let Some(level) = self.levels.last_mut()
        {
            if ends {
                level.expects_name = false;
            } else if level.name.len() < LONGEST {
                level.name.push(byte);
            }
        }
        ends
    }

    fn enter(&mut self, is_array: bool) {
        if self.levels.len() >= DEEPEST {
            self.deeper += 1;
        } else {
            self.levels.push(Level { is_array, expects_name: !is_array, ..Level::default() });
        }
    }

    fn leave(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.levels.pop();
        }
    }

    fn next(&mut self) {
        if self.deeper == 0
            && let Some(level) = self.levels.last_mut()
        {
            level.index += 1;
            level.expects_name = !level.is_array;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::*;

    fn pointed<'a>(text: &'a str, pointers: &[&str], cut: usize) -> Vec<&'a str> {
        let pointers: Vec<_> = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
        let mut walker = Walker::default();
        walker.walk(&text.as_bytes()[..cut], &pointers, &mut Vec::new());
        let mut found = Vec::new();
        walker.walk(&text.as_bytes()[cut..], &pointers, &mut found);
        found.iter().map(|found| &text[cut + found.range.start..cut + found.range.end]).collect()
    }

    #[test]
    fn a_pointer_leads_to_a_scalar_or_to_all_below() {
        let text = r#"{"a":1,"user":{"pin":"12\"34","x":[{"n":5},{"n":-6.5e1,"m":true}]},"b":"c"}"#;
        assert_eq!(pointed(text, &["/user/pin"], 0), [r#"12\"34"#]);
        assert_eq!(pointed(text, &["/user/x/1/n"], 0), ["-6.5e1"]);
        assert_eq!(pointed(text, &["/user/x/*/n"], 0), ["5", "-6.5e1"]);
        assert_eq!(pointed(text, &["/user"], 0), [r#"12\"34"#, "5", "-6.5e1"]);
        assert_eq!(pointed(text, &["/pin", "/user/y", "/a/b"], 0), Vec::<&str>::new());
    }

    #[test]
    fn a_run_may_end_anywhere() {
        let text = r#"{"a\"":[1,2],"user":{"pin":"1234"}}"#;
        for cut in 0..28 {
            assert_eq!(pointed(text, &["/user/pin"], cut), ["1234"], "cut at {cut}");
        }
    }
}
