//! Server-sent events (HTML Living Standard section 9.2): lines, an empty one ends an event.
//!
//! What is kept of an event is its data, lines joined by line feeds; its name is in the kind. Lines
//! of comment, which keep connections alive, are messages of their own.

use super::{Found, Kept};

pub(super) struct Lines {
    /// The line that has not ended yet.
    line: Kept,
    after_return: bool,
    name: String,
    data: Kept,
    has_data: bool,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        // Room for the field's name beside the data itself.
        let line = Kept::new(limit.saturating_add(64));
        let data = Kept::new(limit);
        Self { line, after_return: false, name: String::new(), data, has_data: false }
    }

    pub(super) fn push(&mut self, data: &[u8], found: &mut Found<'_>) {
        let mut rest = data;
        // A line ends in CR, LF or both; the second of both may come later.
        if self.after_return && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_return = false;
        }
        while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
            let (line, from) = rest.split_at(at);
            self.line.extend(line);
            self.line_ended(found);
            rest = from.get(1..).unwrap_or_default();
            if from.first() == Some(&b'\r') {
                self.after_return = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.line.extend(rest);
    }

    pub(super) fn end(&mut self, found: &mut Found<'_>) {
        if self.line.bytes > 0 {
            self.line_ended(found);
        }
        if self.has_data || !self.name.is_empty() {
            self.event_ended(true, found);
        }
    }

    fn line_ended(&mut self, found: &mut Found<'_>) {
        let Kept { bytes, data: line, .. } = self.line.take();
        if bytes == 0 {
            if self.has_data || !self.name.is_empty() {
                self.event_ended(false, found);
            }
            return;
        }
        let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        // What of the line is beyond the limit counts all the same.
        let beyond = bytes - line.len() as u64;
        match field {
            b"" => {
                let mut comment = Kept::new(self.data.limit);
                comment.extend(value);
                comment.bytes += beyond;
                found.push("comment", comment, false);
            }
            b"event" => self.name = String::from_utf8_lossy(value).chars().take(64).collect(),
            b"data" => {
                if self.has_data {
                    self.data.extend(b"\n");
                }
                self.data.extend(value);
                self.data.bytes += beyond;
                self.has_data = true;
            }
            _ => {}
        }
    }

    fn event_ended(&mut self, incomplete: bool, found: &mut Found<'_>) {
        let name = std::mem::take(&mut self.name);
        let name = if name.is_empty() { "message" } else { &name };
        self.has_data = false;
        found.push(format!("event {name}"), self.data.take(), incomplete);
    }
}
