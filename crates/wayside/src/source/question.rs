//! What is asked of the API: a path and its parameters, escaped (RFC 3986 section 2.1).

use std::fmt::{self, Write as _};

/// A path and query.
#[derive(Clone, Debug)]
pub struct Question {
    text: String,
    parameters: bool,
}

impl Question {
    /// Asks at `path`, which needs no escaping.
    pub fn at(path: &str) -> Self {
        Self { text: path.to_owned(), parameters: false }
    }

    /// Goes one segment deeper.
    #[must_use]
    pub fn segment(mut self, segment: impl fmt::Display) -> Self {
        self.text.push('/');
        escape(&mut self.text, &segment.to_string());
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.text.push(if self.parameters { '&' } else { '?' });
        self.parameters = true;
        let _ = write!(self.text, "{name}=");
        escape(&mut self.text, &value.to_string());
        self
    }

    /// Adds the filter, unless it matches everything.
    #[must_use]
    pub fn matching(self, filter: &str) -> Self {
        if filter.trim().is_empty() { self } else { self.with("filter", filter) }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn escape(into: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_asked_survives_the_url() {
        let question = Question::at("/api/clients")
            .segment("addr:10.0.0.1/curl 8")
            .with("filter", "route:\"GET /a\" & status:>=500")
            .with("limit", 5);
        assert_eq!(
            question.to_string(),
            "/api/clients/addr%3A10.0.0.1%2Fcurl%208\
             ?filter=route%3A%22GET%20%2Fa%22%20%26%20status%3A%3E%3D500&limit=5"
        );
    }
}
