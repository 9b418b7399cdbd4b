//! Gathers an exchange for people: heads as on the wire, bodies decoded, streams by message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wayside_console::{ConsoleError, MessageLine};
use wayside_exchange::head::as_text;
use wayside_exchange::view::{ExchangeView, MessageView};
use wayside_exchange::{Half, Outcome};

use super::at;
use crate::report::exchange::{Content, Shown, ShownMessage, StreamMessage};
use crate::report::figures::size;
use crate::source::{self, Question, Source};

/// How much of a decoded body is shown.
pub(super) const SHOWN: usize = 64 << 10;
/// How many messages of a stream are shown.
pub(super) const MESSAGES: usize = 500;

/// Both heads as on the wire; empty where there was none.
pub(super) struct Heads {
    pub(super) request: Vec<u8>,
    pub(super) response: Vec<u8>,
}

/// The heads of `view`.
pub(super) async fn heads(source: &Source, view: &ExchangeView) -> anyhow::Result<Heads> {
    Ok(Heads {
        request: head(source, view, Half::Request).await?,
        response: head(source, view, Half::Response).await?,
    })
}

async fn head(source: &Source, view: &ExchangeView, half: Half) -> anyhow::Result<Vec<u8>> {
    let there = match half {
        Half::Request => !view.method.is_empty(),
        Half::Response => view.response.is_some(),
    };
    if !there {
        return Ok(vec![]);
    }
    let answer = source.ask(&at(view.id).segment(half.as_str()).segment("head")).await?;
    Ok(answer.bytes().await?.to_vec())
}

/// Reads as much of both bodies as is shown.
pub(super) async fn read(
    source: &Source,
    view: ExchangeView,
    heads: &Heads,
) -> anyhow::Result<Shown> {
    let (mut request, mut response) = (Content::Empty, Content::Empty);
    let mut talk = Vec::new();
    if is_stream(&view) {
        talk = messages(source, &view).await?;
    }
    if talk.is_empty() {
        request = content(source, &view, Half::Request, Some(&view.request)).await?;
        response = content(source, &view, Half::Response, view.response.as_ref()).await?;
    } else {
        (request, response) = by_half(talk, request, response);
    }
    Ok(Shown {
        request: ShownMessage { head: as_text(&heads.request), content: request },
        response: ShownMessage { head: as_text(&heads.response), content: response },
        view,
    })
}

/// The messages of each half, in the place of what else it has.
pub(super) fn by_half(
    talk: Vec<StreamMessage>,
    request: Content,
    response: Content,
) -> (Content, Content) {
    let (asked, answered): (Vec<_>, Vec<_>) =
        talk.into_iter().partition(|message| message.half == Half::Request);
    let of = |messages: Vec<_>, other| {
        if messages.is_empty() { other } else { Content::Messages(messages) }
    };
    (of(asked, request), of(answered, response))
}

/// Whether its bodies are messages one after the other.
pub(super) fn is_stream(view: &ExchangeView) -> bool {
    let kind = view.response.as_ref().and_then(|response| field(response, "content-type"));
    let kind = kind.or_else(|| field(&view.request, "content-type")).unwrap_or_default();
    view.outcome == Outcome::Upgraded
        || kind.starts_with("text/event-stream")
        || kind.starts_with("application/grpc")
        || field(&view.request, "upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

fn field<'a>(message: &'a MessageView, name: &str) -> Option<&'a str> {
    let found = message.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

async fn messages(source: &Source, view: &ExchangeView) -> anyhow::Result<Vec<StreamMessage>> {
    let mut lines = source.ask(&at(view.id).segment("messages")).await?.lines();
    let mut messages = Vec::new();
    while messages.len() < MESSAGES {
        let Some(line) = lines.next().await? else { break };
        messages.push(stream_message(serde_json::from_slice(&line)?));
    }
    Ok(messages)
}

pub(super) fn stream_message(line: MessageLine) -> StreamMessage {
    let MessageLine { half, at, kind, bytes, text, base64, truncated, incomplete } = line;
    let data = match (text, base64) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(base64)) => STANDARD.decode(base64).unwrap_or_default(),
        (None, None) => vec![],
    };
    let missing = match (incomplete, truncated) {
        (true, _) => " (broken off)".to_owned(),
        (false, true) => format!(" (its beginning; {} in all)", size(bytes)),
        (false, false) => String::new(),
    };
    StreamMessage { half, at, kind, data, missing }
}

async fn content(
    source: &Source,
    view: &ExchangeView,
    half: Half,
    message: Option<&MessageView>,
) -> anyhow::Result<Content> {
    if message.is_none_or(|message| message.body_kept == 0) {
        return Ok(Content::Empty);
    }
    let question = at(view.id).segment(half.as_str()).segment("body");
    match beginning(source, &question.clone().with("decoded", 1)).await {
        Ok(content) => Ok(content),
        // A body that does not decode is shown as it was transferred.
        Err(error) if error.is::<ConsoleError>() => beginning(source, &question).await,
        Err(error) => Err(error),
    }
}

async fn beginning(source: &Source, question: &Question) -> anyhow::Result<Content> {
    let (bytes, cut) = source::beginning(source.ask(question).await?, SHOWN).await?;
    Ok(Content::Whole { bytes: bytes.to_vec(), cut })
}
