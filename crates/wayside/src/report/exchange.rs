//! One exchange for people: a first line that anybody can read, then where the time went, whose it
//! is and why, what is missing, and both messages.

mod words;

use std::fmt::Write as _;

use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{ExchangeView, MessageView};
use wayside_exchange::{BodyEnd, Half, Side, Timestamp};

use words::{connection, evidence, missing, status, timing};
pub use words::{kind, link, sentence};

use super::body::{as_it_is, laid_out};
use super::figures::{clock, counted, duration, size};
use super::paint::{Paint, Tone};
use super::rows::tone_of;

/// An exchange with as much of its messages as is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The exchange.
    pub view: ExchangeView,
    /// The request.
    pub request: ShownMessage,
    /// The response.
    pub response: ShownMessage,
}

/// One half, as much as is shown of it.
#[derive(Clone, Debug, Default)]
pub struct ShownMessage {
    /// The head as on the wire.
    pub head: String,
    /// What the body holds.
    pub content: Content,
}

/// What a body holds, as far as it is shown.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// Decoded bytes, `cut` when there are more.
    Whole {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether more follow that are not shown.
        cut: bool,
    },
    /// Messages of a stream, in order.
    Messages(Vec<StreamMessage>),
}

/// One message of a stream.
#[derive(Clone, Debug)]
pub struct StreamMessage {
    /// Which way it went.
    pub half: Half,
    /// When it came.
    pub at: Timestamp,
    /// What it is: `text`, `ping`, an event's name.
    pub kind: String,
    /// What it says.
    pub data: Vec<u8>,
    /// What is missing of it, in words; empty when nothing is.
    pub missing: String,
}

/// The whole page.
pub fn render(shown: &Shown, paint: Paint, now: Timestamp) -> String {
    let view = &shown.view;
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line(&paint.strong(&for_terminal(&sentence(view))));
    line("");
    line(&labelled(paint, "id", &format!("{} in session {}", view.id, view.session)));
    line(&labelled(paint, "started", &format!("{} UTC", clock(view.started_at, now))));
    line(&labelled(paint, "time", &timing(view)));
    line(&labelled(paint, "connection", &for_terminal(&connection(view))));
    if !view.evidence.is_empty() {
        line(&labelled(paint, "client", &for_terminal(&evidence(view))));
    }
    for mark in view.marks.iter() {
        line(&labelled(paint, "missing", &paint.tone(Tone::Warning, &missing(view, mark))));
    }
    if !view.method.is_empty() {
        message(&mut page, paint, Half::Request, view.started_at, &view.request, &shown.request);
    }
    for interim in &view.interim {
        let _ = writeln!(page, "\n{}", paint.strong("Interim response"));
        let _ = writeln!(page, "{}", status(interim.status));
        for (name, value) in &interim.headers {
            let name = paint.faint(&for_terminal(name));
            let _ = writeln!(page, "{name}: {}", for_terminal(value));
        }
    }
    if let Some(response) = &view.response {
        message(&mut page, paint, Half::Response, view.started_at, response, &shown.response);
    }
    page
}

fn labelled(paint: Paint, label: &str, text: &str) -> String {
    format!("{} {text}", paint.faint(&format!("{label:<11}")))
}

fn message(
    page: &mut String,
    paint: Paint,
    half: Half,
    started_at: Timestamp,
    view: &MessageView,
    shown: &ShownMessage,
) {
    let (who, title) = match half {
        Half::Request => (Side::Downstream, "Request"),
        Half::Response => (Side::Upstream, "Response"),
    };
    let _ = writeln!(page, "\n{}", paint.strong(title));
    for (n, line) in shown.head.trim_end().lines().enumerate() {
        let line = &*for_terminal(line.trim_end_matches('\r'));
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let line = match (n, who, status) {
            (0, Side::Upstream, Some(status)) => paint.tone(tone_of(status), line),
            (0, ..) => line.to_owned(),
            _ => match line.split_once(':') {
                Some((name, value)) => format!("{}:{value}", paint.faint(name)),
                None => line.to_owned(),
            },
        };
        let _ = writeln!(page, "{line}");
    }
    content(page, paint, half, started_at, view, &shown.content);
    for (name, value) in &view.trailers {
        let name = paint.faint(&for_terminal(name));
        let _ = writeln!(page, "{name}: {} (trailer)", for_terminal(value));
    }
}

fn content(
    page: &mut String,
    paint: Paint,
    half: Half,
    started_at: Timestamp,
    view: &MessageView,
    content: &Content,
) {
    match content {
        Content::Empty if view.body_bytes > 0 => {
            let _ = writeln!(page, "\n(body of {}, not kept)", size(view.body_bytes));
        }
        Content::Empty => {}
        Content::Whole { bytes, cut } => {
            let kind = field(view, "content-type");
            let _ = writeln!(page, "\n{}", laid_out(kind, bytes));
            if *cut {
                let more = format!("(cut here: `--body {}` writes all of it)", half.as_str());
                let _ = writeln!(page, "{}", paint.faint(&more));
            }
        }
        Content::Messages(messages) => {
            page.push('\n');
            for message in messages {
                let after = format!("+{:<10}", duration(message.at.since(started_at)));
                let data = as_it_is(&message.data).replace('\n', "\n             ");
                let kind = for_terminal(&message.kind);
                let missing = &message.missing;
                let _ = writeln!(page, "{} {kind} {data}{missing}", paint.faint(&after));
            }
            let _ = writeln!(
                page,
                "({}, {})",
                counted(messages.len() as u64, "message"),
                size(view.body_bytes)
            );
        }
    }
    if view.body_redacted {
        let sealed = "(its secrets are sealed: `--reveal` shows them)";
        let _ = writeln!(page, "{}", paint.faint(sealed));
    }
    if view.body_end == BodyEnd::Open && view.body_bytes > 0 {
        let _ = writeln!(page, "{}", paint.faint("(still coming)"));
    }
}

fn field<'a>(view: &'a MessageView, name: &str) -> Option<&'a str> {
    let found = view.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests;
