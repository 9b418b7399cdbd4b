//! Finds heads in a stream of HTTP/1 messages and skips what lies between them (RFC 9112).

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use wayside_exchange::head::lines;

use super::framing::{BodyFraming, Chunked, Told, framing_of};

/// Which kind of messages a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// A client's: requests.
    Requests,
    /// A backend's: responses.
    Responses,
}

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) bytes: usize,
    pub(crate) fields: usize,
}

/// The limit that a head went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    #[error("the request head is larger than {0} bytes (`--max-header-bytes`)")]
    Bytes(usize),
    #[error("the request has more than {0} header fields (`--max-headers`)")]
    Fields(usize),
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole head.
    Head(Bytes),
    /// A whole head of an interim response.
    Interim(Bytes),
    /// Bytes of a body.
    Body,
}

#[derive(Debug)]
pub(super) struct Scanner {
    reads: Reads,
    limits: HeadLimits,
    state: State,
    answer_to_head: bool,
    too_large: Option<TooLarge>,
    misframed: bool,
}

#[derive(Debug)]
enum State {
    Head { seen: BytesMut, fields: usize },
    Length(u64),
    Chunked(Chunked),
    Stopped,
}

impl Scanner {
    pub(super) fn new(reads: Reads, limits: HeadLimits) -> Self {
        Self {
            reads,
            limits,
            state: State::start(),
            answer_to_head: false,
            too_large: None,
            misframed: false,
        }
    }

    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    pub(super) fn expect_answer(&mut self, to_head: bool) {
        self.answer_to_head = to_head;
    }

    pub(super) fn mid_head(&self) -> bool {
        matches!(&self.state, State::Head { seen, .. } if !seen.is_empty())
    }

    /// Whether no message is under way.
    pub(super) fn at_start(&self) -> bool {
        matches!(&self.state, State::Head { seen, .. } if seen.is_empty())
    }

    pub(super) fn partial(&self) -> Bytes {
        match &self.state {
            State::Head { seen, .. } => Bytes::copy_from_slice(seen),
            _ => Bytes::new(),
        }
    }

    pub(super) fn too_large(&self) -> Option<TooLarge> {
        self.too_large
    }

    /// Whether a chunked body broke the rules of its framing, so that its end is not known.
    pub(super) fn misframed(&self) -> bool {
        self.misframed
    }

    /// Looks at the next bytes of the stream.
    pub(super) fn scan(
        &mut self,
        mut bytes: &[u8],
        found: &mut impl FnMut(Found),
    ) -> Result<(), TooLarge> {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Head { .. } => self.scan_head(bytes, found)?,
                State::Length(left) => {
                    found(Found::Body);
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = State::start();
                    }
                    bytes.get(take..).unwrap_or_default()
                }
                State::Chunked(chunked) => {
                    found(Found::Body);
                    match chunked.skip(bytes) {
                        Ok(Some(rest)) => {
                            self.state = State::start();
                            rest
                        }
                        Ok(None) => return Ok(()),
                        Err(()) => {
                            self.misframed = true;
                            self.state = State::Stopped;
                            return Ok(());
                        }
                    }
                }
                State::Stopped => return Ok(()),
            };
        }
        Ok(())
    }

    fn scan_head<'a>(
        &mut self,
        bytes: &'a [u8],
        found: &mut impl FnMut(Found),
    ) -> Result<&'a [u8], TooLarge> {
        let State::Head { seen, fields } = &mut self.state else { return Ok(bytes) };
        let mut rest = bytes;
        if seen.is_empty() {
            // Empty lines before a request line are to be ignored (RFC 9112 section 2.2).
            let start = rest.iter().position(|b| !matches!(b, b'\r' | b'\n'));
            rest = rest.get(start.unwrap_or(rest.len())..).unwrap_or_default();
        }
        // Lines are only looked at here: a head that comes whole is gone through once and copied once.
        let (unseen, whole) = (rest, seen.is_empty());
        let mut told = Told::default();
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            let at_line_start =
                rest.len() < unseen.len() || seen.last().is_none_or(|&b| b == b'\n');
            rest = after;
            let empty = if at_line_start {
                matches!(line, b"\n" | b"\r\n")
            } else {
                line.len() == 1 && seen.ends_with(b"\n\r")
            };
            let looked_at = unseen.get(..unseen.len() - rest.len()).unwrap_or(unseen);
            *fields += usize::from(!empty);
            let bytes = seen.len() + looked_at.len();
            if let Err(broken) = Self::check(self.limits, &mut self.too_large, bytes, *fields) {
                seen.extend_from_slice(looked_at);
                return Err(broken);
            }
            if !empty {
                if whole {
                    told.look(line);
                }
                continue;
            }
            let head = if whole {
                Bytes::copy_from_slice(looked_at)
            } else {
                seen.extend_from_slice(looked_at);
                let head = std::mem::take(seen).freeze();
                lines(&head).for_each(|line| told.look(line));
                head
            };
            let (framing, interim) = framing_of(&head, &told, self.reads, self.answer_to_head);
            self.state = match framing {
                BodyFraming::None => State::start(),
                BodyFraming::Length(length) => State::Length(length),
                BodyFraming::Chunked => State::Chunked(Chunked::default()),
                BodyFraming::UntilClose => State::Stopped,
            };
            found(if interim { Found::Interim(head) } else { Found::Head(head) });
            return Ok(rest);
        }
        seen.extend_from_slice(unseen);
        Self::check(self.limits, &mut self.too_large, seen.len(), *fields)?;
        Ok(&[])
    }

    fn check(
        limits: HeadLimits,
        too_large: &mut Option<TooLarge>,
        bytes: usize,
        lines: usize,
    ) -> Result<(), TooLarge> {
        let broken = if bytes > limits.bytes {
            TooLarge::Bytes(limits.bytes)
        } else if lines > limits.fields.saturating_add(1) {
            TooLarge::Fields(limits.fields)
        } else {
            return Ok(());
        };
        *too_large = Some(broken);
        Err(broken)
    }
}

impl State {
    fn start() -> Self {
        State::Head { seen: BytesMut::new(), fields: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 1000, fields: 10 };

    /// All heads found when `stream` comes in pieces of `size` bytes.
    fn heads(reads: Reads, stream: &[u8], size: usize) -> Vec<String> {
        let mut scanner = Scanner::new(reads, LIMITS);
        let mut heads = Vec::new();
        for piece in stream.chunks(size) {
            scanner
                .scan(piece, &mut |found| match found {
                    Found::Head(head) => heads.push(String::from_utf8_lossy(&head).into_owned()),
                    Found::Interim(head) => {
                        heads.push(format!("interim {}", String::from_utf8_lossy(&head)));
                    }
                    Found::Body => {}
                })
                .expect("within limits");
        }
        heads
    }

    #[test]
    fn heads_are_found_between_bodies_however_the_stream_is_cut() {
        let stream = b"POST /a HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\n\r\n\r\nxGET /b HTTP/1.1\r\nA: b\r\n\r\n\
            PUT /c HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
            4;ext=\"\r\n\r\n\r\n\r\n0\r\nX: y\r\n\r\nGET /d HTTP/1.1\n\n\r\nGET /e HTTP/1.1\r\n\r\n";
        let stream: Vec<u8> = String::from_utf8_lossy(stream).replace("4;ext=\"", "4;e=f").into();
        let expected = [
            "POST /a HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\n",
            "GET /b HTTP/1.1\r\nA: b\r\n\r\n",
            "PUT /c HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
            "GET /d HTTP/1.1\n\n",
            "GET /e HTTP/1.1\r\n\r\n",
        ];
        for size in 1..=stream.len() {
            assert_eq!(heads(Reads::Requests, &stream, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_chunked_body_whose_lines_end_with_less_than_cr_lf_has_no_end() {
        for body in ["1\na\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1;x\n\r\na\r\n0\r\n\r\n"]
            .into_iter()
            .chain([
                "0\r\n\n",
                "0\r\nA: b\n\nGET /not-a-head HTTP/1.1\r\n\r\n",
                "1\r\nab\r\n0\r\n\r\n",
            ])
        {
            let stream = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            let mut scanner = Scanner::new(Reads::Requests, LIMITS);
            let mut found = 0;
            let result = scanner.scan(stream.as_bytes(), &mut |what| {
                found += usize::from(matches!(what, Found::Head(_)));
            });
            assert_eq!((result, found, scanner.misframed()), (Ok(()), 1, true), "{body:?}");
        }
    }

    #[test]
    fn interim_responses_are_told_apart_and_bodiless_ones_have_no_body() {
        let stream = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\
            Content-Length: 10\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
            HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 not a head but a body\r\n\r\n";
        let found = heads(Reads::Responses, stream, 7);
        assert_eq!(found.len(), 4);
        assert!(found.first().is_some_and(|head| head.starts_with("interim HTTP/1.1 103")));
    }

    #[test]
    fn a_head_over_a_limit_is_refused_with_the_limit_s_name() {
        let mut scanner = Scanner::new(Reads::Requests, LIMITS);
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1000));
        assert_eq!(scanner.scan(long.as_bytes(), &mut |_| ()), Err(TooLarge::Bytes(1000)));
        let mut scanner = Scanner::new(Reads::Requests, LIMITS);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(11));
        assert_eq!(scanner.scan(many.as_bytes(), &mut |_| ()), Err(TooLarge::Fields(10)));
    }
}
