//! HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), written one exchange at a time.
//!
//! Bodies are whole and decoded, in base64 where they are not text. What the format has no place for
//! stands in fields that begin with `_`, as it asks.

mod entry;
mod fields;

use std::io::{self, Write};

use wayside_exchange::Exchange;
use wayside_exchange::escape::for_json;

/// Writes a HAR file; memory holds one exchange at a time.
#[derive(Debug)]
pub struct HarWriter<W> {
    out: W,
    is_first: bool,
}

impl<W: Write> HarWriter<W> {
    /// Begins the file.
    pub fn new(mut out: W) -> io::Result<Self> {
        let creator = serde_json::json!({"name": "Wayside", "version": env!("CARGO_PKG_VERSION")});
        write!(out, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"pages\":[],")?;
        out.write_all(b"\"entries\":[\n")?;
        Ok(Self { out, is_first: true })
    }

    /// Writes one exchange; the bodies are as transferred, as far as they were kept.
    pub fn entry(
        &mut self,
        exchange: &Exchange,
        request_body: &[u8],
        response_body: &[u8],
    ) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.write_all(b",\n")?;
        }
        let entry = entry::Entry::new(exchange, request_body, response_body);
        self.out.write_all(&for_json(&serde_json::to_vec(&entry)?))?;
        Ok(())
    }

    /// Ends the file. Without it the file is not valid JSON.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
