//! The one place that writes to standard output: buffered, and quiet when nobody reads any more.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use wayside_exchange::escape::for_json;

use super::paint::Paint;

/// Width of the page when standard output is no terminal, so that a pipe gets whole cells.
const UNBOUNDED: usize = usize::MAX;

/// Standard output.
pub struct Printer {
    out: BufWriter<Box<dyn Write>>,
    /// Its colours.
    pub paint: Paint,
    /// How many columns a line may have.
    pub width: usize,
    /// Whether a person looks at it.
    pub terminal: bool,
}

/// Standard output was closed by its reader, as `| head` does: no reason to complain.
#[derive(Debug)]
pub struct Closed;

impl Printer {
    /// The process's standard output.
    pub fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = if terminal { terminal_width() } else { UNBOUNDED };
        let paint = Paint::on(&stdout);
        Self { out: BufWriter::new(Box::new(stdout)), paint, width, terminal }
    }

    /// A page of `width` columns that is no terminal, for tests.
    #[cfg(test)]
    pub fn page(out: Box<dyn Write>, width: usize) -> Self {
        Self { out: BufWriter::new(out), paint: Paint::plain(), width, terminal: false }
    }

    /// Writes a line.
    pub fn line(&mut self, text: impl fmt::Display) -> anyhow::Result<()> {
        writeln!(self.out, "{text}").map_err(failure)
    }

    /// Writes text as it is.
    pub fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.out.write_all(bytes).map_err(failure)
    }

    /// Writes an object as one line of JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.json_line(&serde_json::to_vec(value)?)
    }

    /// Writes a line that is JSON already.
    pub fn json_line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.bytes(&for_json(line))?;
        self.bytes(b"\n")
    }

    /// Hands on what waits in the buffer.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(failure)
    }

    /// For those who write on their own.
    pub fn writer(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Says several lines beside the data, as they are.
    #[allow(clippy::unused_self, reason = "words and data come from one place")]
    pub fn say_all(&self, lines: &str) {
        let _ = io::stderr().write_all(lines.as_bytes());
    }

    /// Says something beside the data, on standard error.
    #[allow(clippy::unused_self, reason = "words and data come from one place")]
    pub fn say(&self, words: impl fmt::Display) {
        let _ = writeln!(io::stderr(), "{words}");
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for Closed {}

/// What a failed write means: quiet when it was only the reader who left.
pub fn failure(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Closed.into(),
        _ => anyhow::Error::from(error).context("could not write to standard output"),
    }
}

fn terminal_width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size =
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    told.or(size).filter(|&width| width > 0).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    /// A reader that has left.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_told_from_a_disk_that_is_full() {
        let mut printer = Printer::page(Box::new(Gone), 80);
        printer.line("one").unwrap();
        assert!(printer.flush().unwrap_err().is::<Closed>());
        assert!(!failure(io::ErrorKind::StorageFull.into()).is::<Closed>());
    }
}
