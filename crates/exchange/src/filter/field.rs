//! The fields that a filter can name.

/// What stands before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Client,
    Session,
    Id,
    Connection,
    Method,
    Host,
    Path,
    Url,
    Route,
    Status,
    Outcome,
    Mark,
    Failure,
    Http,
    Latency,
    Wait,
    Connect,
    Upload,
    Download,
    Overhead,
    Size,
    RequestBytes,
    ResponseBytes,
    Header,
    RequestHeader,
    ResponseHeader,
    Body,
    RequestBody,
    ResponseBody,
    Since,
    Until,
    At,
    Addr,
    Sni,
    Ja4,
    Evidence,
    Trace,
}

/// Every name; the first one of a field is how it is shown.
const NAMES: [(&str, Field); 45] = [
    ("client", Field::Client),
    ("session", Field::Session),
    ("id", Field::Id),
    ("connection", Field::Connection),
    ("method", Field::Method),
    ("host", Field::Host),
    ("path", Field::Path),
    ("url", Field::Url),
    ("route", Field::Route),
    ("status", Field::Status),
    ("outcome", Field::Outcome),
    ("mark", Field::Mark),
    ("marks", Field::Mark),
    ("failure", Field::Failure),
    ("http", Field::Http),
    ("version", Field::Http),
    ("http-version", Field::Http),
    ("latency", Field::Latency),
    ("total", Field::Latency),
    ("wait", Field::Wait),
    ("connect", Field::Connect),
    ("upload", Field::Upload),
    ("download", Field::Download),
    ("overhead", Field::Overhead),
    ("size", Field::Size),
    ("request-bytes", Field::RequestBytes),
    ("response-bytes", Field::ResponseBytes),
    ("header", Field::Header),
    ("request-header", Field::RequestHeader),
    ("response-header", Field::ResponseHeader),
    ("body", Field::Body),
    ("request-body", Field::RequestBody),
    ("response-body", Field::ResponseBody),
    ("since", Field::Since),
    ("until", Field::Until),
    ("at", Field::At),
    ("addr", Field::Addr),
    ("address", Field::Addr),
    ("client-addr", Field::Addr),
    ("sni", Field::Sni),
    ("ja4", Field::Ja4),
    ("evidence", Field::Evidence),
    ("exchange", Field::Id),
    ("trace", Field::Trace),
    ("trace-id", Field::Trace),
];

impl Field {
    /// The field called `name`, in any case; `_` serves as `-`.
    pub(super) fn named(name: &str) -> Option<Field> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        NAMES.iter().find(|(known, _)| *known == name).map(|&(_, field)| field)
    }

    /// Whether its value may be a regular expression between slashes. Values of `path` and `route`
    /// begin with a slash by nature.
    pub(super) fn takes_expressions(self) -> bool {
        use Field::{
            Body, Client, Evidence, Failure, Host, Ja4, RequestBody, ResponseBody, Sni, Url,
        };
        let texts =
            [Body, Client, Evidence, Failure, Host, Ja4, RequestBody, ResponseBody, Sni, Url];
        texts.contains(&self) || self.is_header()
    }

    /// Whether a name and `=` stand before its value.
    pub(super) fn is_header(self) -> bool {
        matches!(self, Field::Header | Field::RequestHeader | Field::ResponseHeader)
    }

    /// How it is shown.
    pub(super) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, field)| *field == self).map_or("", |&(name, _)| name)
    }

    /// The known name that is spelt most like `name`.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, NAMES.iter().map(|&(known, _)| known))
    }
}

/// The word of `known` that is spelt most like `word`, when it is near enough to have been meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer ones are no typing mistake, and the distance takes time for each pair of letters.
    if word.len() > 32 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    known
        .map(|name| (strsim::damerau_levenshtein(&word, name), name))
        .filter(|&(distance, name)| distance <= name.len().div_ceil(3).min(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}
