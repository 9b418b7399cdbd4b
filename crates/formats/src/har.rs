//! x
use std::io::{self, Write};

use wayside_exchange::Exchange;

/// Writes a HAR file, one exchange at a time.
#[derive(Debug)]
pub struct HarWriter<W> {
    out: W,
}

impl<W: Write> HarWriter<W> {
    /// a
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { out })
    }
    /// a
    pub fn entry(&mut self, exchange: &Exchange, request_body: &[u8], response_body: &[u8]) -> io::Result<()> {
        let _ = (exchange, request_body, response_body);
        Ok(())
    }
    /// a
    pub fn finish(self) -> io::Result<W> {
        Ok(self.out)
    }
}
