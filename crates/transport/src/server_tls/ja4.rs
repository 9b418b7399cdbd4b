//! JA4, the fingerprint of a TLS client (`FoxIO`, BSD 3-Clause), from the bytes of its `ClientHello`.
//!
//! rustls tells neither all extensions nor what it does not know itself, so the bytes are read here, once
//! for a handshake. They come from anybody: whatever is not a whole hello has no fingerprint.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// Bytes of records that are kept to be read. Real hellos have up to 2 KiB, with post-quantum keys; one
/// that is longer, or cut into very small records, has no fingerprint.
pub(super) const LONGEST: usize = 16 << 10;

/// Record header: type, version, length (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// Handshake message: type, length (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// What stands for a hash of nothing.
const NOTHING: &str = "000000000000";

/// The fingerprint of the hello at the beginning of `records`; none when there is no whole one.
pub(super) fn of_records(records: &[u8]) -> Option<String> {
    Some(Hello::read(&message(records)?)?.ja4())
}

/// The first handshake message, which may be spread over records.
fn message(records: &[u8]) -> Option<Vec<u8>> {
    let mut records = Reader(records);
    let mut message = Vec::new();
    loop {
        let kind = records.byte()?;
        records.take(2)?;
        let length = records.number()?;
        let fragment = records.take(usize::from(length))?;
        if kind != HANDSHAKE_RECORD {
            return None;
        }
        message.extend_from_slice(fragment);
        let mut whole = Reader(&message);
        let Some(header) = whole.take(4) else { continue };
        let &[kind, high, middle, low] = header else { return None };
        if kind != CLIENT_HELLO {
            return None;
        }
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if let Some(body) = whole.take(length) {
            return Some(body.to_vec());
        }
    }
}

/// What the fingerprint is made of; meaningless values (RFC 8701) are left out everywhere.
#[derive(Debug, Default)]
struct Hello<'a> {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signature_algorithms: Vec<u16>,
    /// The first protocol that is offered.
    protocol: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads the body of a `ClientHello` (RFC 8446 section 4.1.2).
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut body = Reader(body);
        let mut hello = Self { version: body.number()?, ..Self::default() };
        let _random = body.take(32)?;
        let _session = body.short_vector()?;
        hello.ciphers = numbers(body.vector()?)?;
        let _compression = body.short_vector()?;
        if body.0.is_empty() {
            // Old clients send no extensions at all.
            return Some(hello);
        }
        let mut extensions = Reader(body.vector()?);
        while !extensions.0.is_empty() {
            let kind = extensions.number()?;
            let mut content = Reader(extensions.vector()?);
            if is_grease(kind) {
                continue;
            }
            hello.extensions.push(kind);
            match kind {
                SIGNATURE_ALGORITHMS => hello.signature_algorithms = numbers(content.vector()?)?,
                ALPN => hello.protocol = Reader(content.vector()?).short_vector().unwrap_or(&[]),
                SUPPORTED_VERSIONS => {
                    let offered = numbers(content.short_vector()?)?;
                    hello.version = offered.into_iter().max().unwrap_or_default();
                }
                _ => {}
            }
        }
        Some(hello)
    }

    fn ja4(mut self) -> String {
        let version = match self.version {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let to = if self.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let (ciphers, extensions) = (self.ciphers.len().min(99), self.extensions.len().min(99));
        let [first, last] = ends(self.protocol);
        self.ciphers.sort_unstable();
        self.extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        self.extensions.sort_unstable();
        let mut all = list(&self.extensions);
        if !all.is_empty() && !self.signature_algorithms.is_empty() {
            all.push('_');
            all.push_str(&list(&self.signature_algorithms));
        }
        let (cipher_hash, extension_hash) = (hash(&list(&self.ciphers)), hash(&all));
        format!(
            "t{version}{to}{ciphers:02}{extensions:02}{first}{last}_{cipher_hash}_{extension_hash}"
        )
    }
}

/// The first and the last character of a protocol's name; of its hexadecimal digits where one of them is
/// neither letter nor digit.
fn ends(protocol: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else {
        return ['0', '0'];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0xf)]
}

fn list(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for value in values {
        let comma = if text.is_empty() { "" } else { "," };
        // A `String` takes whatever it is given.
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

/// The first twelve digits of its SHA-256.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return NOTHING.to_owned();
    }
    let mut digits = String::with_capacity(NOTHING.len());
    for byte in digest(&SHA256, text.as_bytes()).as_ref().iter().take(NOTHING.len() / 2) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Numbers of two bytes without the meaningless ones; none when a byte is left over.
fn numbers(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut bytes = Reader(bytes);
    let mut numbers = Vec::with_capacity(bytes.0.len() / 2);
    while !bytes.0.is_empty() {
        numbers.extend(Some(bytes.number()?).filter(|number| !is_grease(*number)));
    }
    Some(numbers)
}

/// `0a0a`, `1a1a` and so on.
fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0xf == 0xa
}

/// Takes bytes from the front, as long as there are any.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    /// A vector with a length of two bytes.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }

    /// A vector with a length of one byte.
    fn short_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests;
