//! One exchange for people: a first line that anybody can read, then where the time went, whose it
//! is and why, what is missing, and both messages.

use std::fmt::Write as _;

use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{ExchangeView, MessageView};
use wayside_exchange::{BodyEnd, EvidenceKind, Half, Mark, Micros, Outcome, Side, Timestamp};

use super::body::laid_out;
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
    pub missing: &'static str,
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
    if let Some(response) = &view.response {
        message(&mut page, paint, Half::Response, view.started_at, response, &shown.response);
    }
    page
}

/// Who asked what, how it ended and how long it took.
pub fn sentence(view: &ExchangeView) -> String {
    let took = duration(view.timing.total);
    let reason = view.failure.as_ref().map_or("no reason known", |failure| failure.reason.as_str());
    if view.method.is_empty() {
        return format!("{} never came to ask: {reason}, after {took}", view.client_addr);
    }
    let asked = format!("{} asked {} {}", view.client, view.method, view.url);
    if view.marks.contains(Mark::Open) {
        return format!("{asked}, and that goes on since {took}");
    }
    let status = view.status.map(|status| match http::StatusCode::from_u16(status) {
        Ok(known) => known.to_string(),
        Err(_) => status.to_string(),
    });
    match (view.outcome, status) {
        (Outcome::Complete, Some(status)) => format!("{asked} and got {status} after {took}"),
        (Outcome::Complete, None) => format!("{asked}, done after {took}"),
        (Outcome::ClientCancelled, None) => {
            format!("{asked} and went away before any answer, after {took}")
        }
        (Outcome::ClientCancelled, Some(status)) => {
            format!("{asked}, got {status} and went away before its end, after {took}")
        }
        (Outcome::UpstreamFailed, None) => {
            format!("{asked} and got no answer from the backend: {reason}, after {took}")
        }
        (Outcome::UpstreamFailed, Some(status)) => {
            format!("{asked} and got {status}, but the backend failed: {reason}, after {took}")
        }
        (Outcome::Refused, _) => {
            format!("{asked} and was refused by Wayside: {reason}, after {took}")
        }
        (Outcome::Upgraded, _) => {
            format!("{asked} and switched protocols; that connection lasted {took}")
        }
    }
}

fn labelled(paint: Paint, label: &str, text: &str) -> String {
    format!("{} {text}", paint.faint(&format!("{label:<11}")))
}

fn timing(view: &ExchangeView) -> String {
    let timing = &view.timing;
    let parts = [
        ("upload", timing.upload),
        ("connect", timing.connect),
        ("wait", timing.wait),
        ("download", timing.download),
        ("Wayside's own", timing.overhead),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, time)| *time > Micros(0))
        .map(|(name, time)| format!("{name} {}", duration(time)))
        .collect();
    if parts.is_empty() {
        return format!("{} in all", duration(timing.total));
    }
    format!("{} in all: {}", duration(timing.total), parts.join(", "))
}

fn connection(view: &ExchangeView) -> String {
    let mut text = format!("{} from {}", view.http_version, view.client_addr);
    if let Some(tls) = &view.tls {
        let _ = write!(text, " over {}", tls.version);
        if let Some(sni) = &tls.sni {
            let _ = write!(text, " for {sni}");
        }
    } else {
        text.push_str(" without TLS");
    }
    let _ = write!(text, ", connection {}", view.connection);
    text
}

fn evidence(view: &ExchangeView) -> String {
    let reasons: Vec<String> = view
        .evidence
        .iter()
        .map(|evidence| format!("{} ({evidence})", kind(evidence.kind)))
        .collect();
    format!("{}, by {}", view.client, reasons.join(", then "))
}

/// A kind of evidence in words.
pub fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Certificate => "its client certificate",
        EvidenceKind::Key => "its API key",
        EvidenceKind::Bearer => "its bearer token",
        EvidenceKind::Basic => "its user name",
        EvidenceKind::Cookie => "its session cookie",
        EvidenceKind::Address => "its address and user agent",
    }
}

fn missing(view: &ExchangeView, mark: Mark) -> String {
    let kept = |half: &str, message: &MessageView| {
        format!(
            "{} of {} kept of the {half} body",
            size(message.body_kept),
            size(message.body_bytes)
        )
    };
    let bodies = || {
        let response = view.response.as_ref();
        [Some(kept("request", &view.request)), response.map(|message| kept("response", message))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    };
    match mark {
        Mark::RequestBodyCut => format!(
            "the request body was broken off on its way, after {}",
            size(view.request.body_bytes)
        ),
        Mark::ResponseBodyCut => format!(
            "the response body was broken off on its way, after {}",
            size(view.response.as_ref().map_or(0, |message| message.body_bytes))
        ),
        Mark::CaptureShed => {
            format!("forwarded, but not all recorded, under overload: {}", bodies())
        }
        Mark::OverLimit => {
            format!("only the beginning was recorded (the body limit): {}", bodies())
        }
        Mark::Open => "the exchange was still running when this was recorded".to_owned(),
    }
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
                let data = laid_out(None, &message.data).replace('\n', "\n             ");
                let kind = for_terminal(&message.kind);
                let missing = message.missing;
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
