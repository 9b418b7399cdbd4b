//! What a body is, by its media type, or where that says nothing by how it begins: how it is searched
//! follows from it.

use super::bits;

/// How a body, or a part of one, is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Form,
    Markup,
    /// HTML: as JSON, which stands in its scripts.
    Page,
    /// Any other text.
    Loose,
    /// Not known before its first bytes.
    Sniffed,
    /// Messages in which lengths are written: only what keeps its length is replaced.
    Binary,
    /// Pictures, sound, archives, programs: nothing is searched.
    Opaque,
}

/// Bytes that tell what a body is of which nothing is said.
const SAMPLE: usize = 1 << 10;
/// Bytes that tell whether one is what is said of it.
const GLIMPSE: usize = 256;

impl Kind {
    /// By a media type, with or without parameters.
    pub(super) fn of(media_type: &[u8]) -> Self {
        if media_type == b"application/json" {
            return Self::Json;
        }
        let essence = media_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let essence = essence.to_ascii_lowercase();
        let mut halves = essence.splitn(2, |&b| b == b'/');
        let (kind, subtype) =
            (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        let is = |known: &[&[u8]]| known.contains(&subtype);
        match kind {
            b"image" if subtype.starts_with(b"svg") => Self::Opaque,
            _ if subtype.ends_with(b"+json") => Self::Json,
            _ if subtype.ends_with(b"+xml") => Self::Markup,
            b"image" | b"audio" | b"video" | b"font" | b"model" => Self::Opaque,
            b"text" if subtype == b"json" => Self::Json,
            b"text" if subtype == b"xml" => Self::Markup,
            b"text" if subtype == b"html" => Self::Page,
            b"text" if is(&[b"css", b"javascript", b"ecmascript"]) => Self::Opaque,
            b"text" => Self::Loose,
            b"application" => Self::of_application(subtype),
            _ => Self::Sniffed,
        }
    }

    fn of_application(subtype: &[u8]) -> Self {
        const JSON: [&[u8]; 9] = [
            b"json",
            b"x-json",
            b"ndjson",
            b"x-ndjson",
            b"jsonl",
            b"jsonlines",
            b"json-seq",
            b"csp-report",
            b"reports+json",
        ];
        const BINARY: [&[u8]; 10] = [
            b"protobuf",
            b"x-protobuf",
            b"vnd.google.protobuf",
            b"msgpack",
            b"x-msgpack",
            b"vnd.msgpack",
            b"cbor",
            b"bson",
            b"avro",
            b"thrift",
        ];
        const OPAQUE: [&[u8]; 17] = [
            b"javascript",
            b"x-javascript",
            b"ecmascript",
            b"wasm",
            b"pdf",
            b"zip",
            b"gzip",
            b"x-gzip",
            b"x-tar",
            b"zstd",
            b"x-7z-compressed",
            b"x-bzip2",
            b"vnd.rar",
            b"java-archive",
            b"font-woff",
            b"vnd.apache.parquet",
            b"x-protobuf-schema",
        ];
        match subtype {
            _ if JSON.contains(&subtype) => Self::Json,
            b"x-www-form-urlencoded" => Self::Form,
            b"xml" | b"xhtml" => Self::Markup,
            _ if subtype.starts_with(b"grpc") || BINARY.contains(&subtype) => Self::Binary,
            _ if OPAQUE.contains(&subtype) => Self::Opaque,
            b"graphql" | b"yaml" | b"x-yaml" | b"toml" | b"sql" => Self::Loose,
            _ => Self::Sniffed,
        }
    }

    /// By how it begins.
    pub(super) fn sniffed(run: &[u8]) -> Self {
        let text = run.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let sample = text.get(..SAMPLE).unwrap_or(text);
        if !is_text(sample) {
            return Self::Opaque;
        }
        let word = sample.iter().position(|b| !is_form(*b)).unwrap_or(sample.len());
        match text.first() {
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Markup,
            _ if word == sample.len() && memchr::memchr(b'=', sample).is_some() => Self::Form,
            _ => Self::Loose,
        }
    }
}

fn is_form(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~%+&=*[]!'()@$,/:".contains(&byte)
}

/// Whether what should be text is none, in any encoding of which ASCII is a part.
pub(super) fn is_binary(run: &[u8]) -> bool {
    has_controls(run.get(..GLIMPSE).unwrap_or(run))
}

/// Whether there are control characters that text has none of.
fn has_controls(sample: &[u8]) -> bool {
    let mut any = false;
    bits::each_block(sample, |start, block| {
        let controls =
            bits::bits(block, |lanes| bits::are_from(lanes, 0, 0x1f) | bits::are(lanes, 0x7f));
        bits::each_bit(controls, |bit| {
            let of_text = matches!(
                sample.get(start + bit),
                None | Some(b'\t'..=b'\n' | b'\x0c'..=b'\r' | b'\x1b' | b'\x1e')
            );
            any |= !of_text;
        });
    });
    any
}

/// Whether bytes look like text in UTF-8.
pub(super) fn is_text(sample: &[u8]) -> bool {
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        // A character that the sample cuts is none that is wrong.
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    valid && !has_controls(sample)
}

/// The parameter `wanted` of a field such as `form-data; name="password"`.
pub(super) fn parameter<'a>(value: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    value.split(|&b| b == b';').skip(1).find_map(|part| {
        let equals = memchr::memchr(b'=', part)?;
        let (name, value) = part.split_at(equals);
        let value = value.get(1..)?.trim_ascii();
        let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
        name.trim_ascii().eq_ignore_ascii_case(wanted).then_some(value)
    })
}
