//! What names a client in a JSON body: the first scalar that one of the pointers leads to.
//!
//! The body is read as it passes, and never kept: of a body of any length this takes the memory of its
//! depth and of one name.

use wayside_exchange::HeadView;

use crate::rules::{Pointer, Walker};

/// What stands further behind is not looked at.
const FURTHEST: usize = 1 << 20;
/// A longer value names nobody.
const LONGEST: usize = 256;

/// The search through one body.
#[derive(Clone, Debug, Default)]
pub struct NamedInBody {
    walker: Walker,
    state: State,
    /// Bytes that were looked at.
    seen: usize,
}

#[derive(Clone, Debug, Default)]
enum State {
    /// Nothing but white space came.
    #[default]
    Begins,
    Searches,
    /// A value goes on beyond the bytes so far, which may end in a backslash that keeps the next one.
    Within {
        value: Vec<u8>,
        is_string: bool,
        escaped: bool,
    },
    Found(Vec<u8>),
    /// It is no JSON, or the name is too long.
    Nobody,
}

impl NamedInBody {
    /// None where the body of such a request cannot be read as it is.
    pub(super) fn of(request: HeadView<'_>) -> Option<Self> {
        let coding = request.field("content-encoding").unwrap_or_default();
        let plain = coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        plain.then(Self::default)
    }

    /// Goes on through `data`.
    pub(super) fn read(&mut self, data: &[u8], pointers: &[Pointer]) {
        let room = FURTHEST.saturating_sub(self.seen);
        let data = data.get(..room).unwrap_or(data);
        self.seen += data.len();
        match &mut self.state {
            State::Begins => match data.iter().find(|byte| !byte.is_ascii_whitespace()) {
                // Some senders, curl among them, call everything a form: its first byte tells.
                Some(b'{' | b'[') => self.search(data, pointers),
                Some(_) => self.state = State::Nobody,
                None => {}
            },
            State::Searches => self.search(data, pointers),
            State::Within { value, is_string, escaped } => {
                let ends = |byte: &u8| match (*is_string, *byte, *escaped) {
                    (false, byte, _) => !is_number(byte),
                    (true, b'"', false) => true,
                    (true, byte, was) => {
                        *escaped = byte == b'\\' && !was;
                        false
                    }
                };
                let end = data.iter().position(ends);
                value.extend_from_slice(data.get(..end.unwrap_or(data.len())).unwrap_or_default());
                if value.len() > LONGEST {
                    self.state = State::Nobody;
                } else if end.is_some() {
                    self.state = found(value, *is_string);
                }
            }
            State::Found(_) | State::Nobody => {}
        }
    }

    /// The name, once it was found.
    pub(super) fn name(&self) -> Option<&[u8]> {
        match &self.state {
            State::Found(name) => Some(name),
            _ => None,
        }
    }

    fn search(&mut self, data: &[u8], pointers: &[Pointer]) {
        let mut pointed = Vec::new();
        self.walker.walk(data, pointers, &mut pointed);
        self.state = State::Searches;
        let Some(first) = pointed.into_iter().next() else { return };
        let value = data.get(first.range).unwrap_or_default();
        self.state = if value.len() > LONGEST {
            State::Nobody
        } else if first.open {
            let slashes = value.iter().rev().take_while(|byte| **byte == b'\\').count();
            State::Within {
                value: value.to_vec(),
                is_string: first.is_string,
                escaped: slashes % 2 == 1,
            }
        } else {
            found(value, first.is_string)
        };
    }
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// The text of a scalar, whose string is without its quotes.
fn found(value: &[u8], is_string: bool) -> State {
    if !is_string {
        return State::Found(value.to_vec());
    }
    let quoted = [b"\"".as_slice(), value, b"\""].concat();
    match serde_json::from_slice::<String>(&quoted) {
        Ok(text) if !text.is_empty() => State::Found(text.into_bytes()),
        _ => State::Nobody,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;
    use crate::rules::Rules;

    /// What is found in a body that comes in pieces of this size.
    fn name(body: &str, pointers: &[&str], size: usize) -> Option<String> {
        let mut rules = Rules::default();
        for pointer in pointers {
            rules.client_pointer(pointer).unwrap();
        }
        let mut search = NamedInBody::of(HeadView(b"POST / HTTP/1.1\r\n\r\n")).unwrap();
        for piece in body.as_bytes().chunks(size) {
            search.read(piece, &rules.naming.pointers);
        }
        search.name().map(|name| String::from_utf8(name.to_vec()).unwrap())
    }

    #[test]
    fn the_first_scalar_that_a_pointer_leads_to_names_the_client() {
        let body =
            r#" {"note":{"id":"x"},"customer":{"id":"a\"c\u00e4\\","n":-17.5e1},"b~/":[{"k":7}]}"#;
        for size in [1, 2, 3, 7, 1000] {
            let said = |pointer: &str| name(body, &[pointer], size);
            assert_eq!(said("/customer/id").as_deref(), Some("a\"cä\\"), "{size}");
            assert_eq!(said("/customer/n").as_deref(), Some("-17.5e1"), "{size}");
            assert_eq!(said("/b~0~1/0/k").as_deref(), Some("7"), "{size}");
            assert_eq!(said("/*/id").as_deref(), Some("x"), "{size}");
            assert_eq!(said("/customer"), None, "an object is no name");
            assert_eq!(said("/id"), None);
            assert_eq!(name(body, &["/nobody", "/customer/n"], size).as_deref(), Some("-17.5e1"));
        }
    }

    #[test]
    fn what_is_no_json_or_too_long_or_too_far_behind_names_nobody() {
        assert_eq!(name("id=7&x={\"id\":7}", &["/id"], 5), None);
        assert_eq!(name(r#"{"id":""}"#, &["/id"], 3), None);
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST + 1));
        let short = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST));
        for size in [10, 10_000] {
            assert_eq!(name(&long, &["/id"], size), None);
            assert_eq!(name(&short, &["/id"], size).map(|name| name.len()), Some(LONGEST));
        }
        let far = format!(r#"{{"pad":"{}","id":7}}"#, "x".repeat(FURTHEST));
        assert_eq!(name(&far, &["/id"], 60_000), None);
        let gzip = HeadView(b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n");
        assert!(NamedInBody::of(gzip).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(body in ".{0,200}", size in 1_usize..50) {
            name(&body, &["/a", "/*/*"], size);
            let whole = name(&format!("[{body}"), &["/0", "/*/*"], 10_000);
            prop_assert_eq!(name(&format!("[{body}"), &["/0", "/*/*"], size), whole);
        }
    }
}
