//! Telling text from bytes, by what the sender says or else by looking.

/// How many bytes are looked at.
const LOOKED_AT: usize = 4096;

/// Application types that are text although their name does not say so.
const TEXT_TYPES: [&str; 19] = [
    "json",
    "xml",
    "javascript",
    "x-javascript",
    "ecmascript",
    "x-www-form-urlencoded",
    "graphql",
    "x-ndjson",
    "ndjson",
    "jsonl",
    "json-seq",
    "yaml",
    "x-yaml",
    "toml",
    "sql",
    "xhtml",
    "manifest",
    "x-sh",
    "csv",
];
const TEXT_SUFFIXES: [&str; 6] = ["+json", "+xml", "+yaml", "+text", "+ndjson", "+json-seq"];

/// Whether a body (without content codings) is text to show and to compare as text: by its media
/// type where that says, else when its beginning is UTF-8 without control characters.
pub fn is_text(content_type: Option<&str>, bytes: &[u8]) -> bool {
    let essence = content_type
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .unwrap_or_default();
    let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
    let suffixed = TEXT_SUFFIXES.iter().any(|suffix| subtype.ends_with(suffix));
    match kind {
        "text" => true,
        _ if suffixed => true,
        "application" if TEXT_TYPES.contains(&subtype) => true,
        "image" | "audio" | "video" | "font" => false,
        _ => looks_like_text(bytes),
    }
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character may be cut in two where the look ends, or where the body does.
        Err(error) if error.error_len().is_none() => {
            match std::str::from_utf8(start.get(..error.valid_up_to()).unwrap_or_default()) {
                Ok(text) if !text.is_empty() => text,
                _ => return false,
            }
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}
