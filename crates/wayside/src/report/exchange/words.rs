//! What is known of an exchange, in words: how it went, where the time went, whose it is and why,
//! and what is missing. Not escaped yet: most of it came from the network.

use std::fmt::Write as _;

use wayside_exchange::view::{ExchangeView, MessageView};
use wayside_exchange::{EvidenceKind, LinkKind, Mark, Micros, Outcome};

use crate::report::figures::{duration, size};

/// A status with its usual reason: `404 Not Found`.
pub fn status(status: u16) -> String {
    match http::StatusCode::from_u16(status) {
        Ok(known) => known.to_string(),
        Err(_) => status.to_string(),
    }
}

/// Who asked what, how it ended and how long it took.
pub fn sentence(view: &ExchangeView) -> String {
    let took = duration(view.timing.total);
    let reason = view.failure.as_ref().map_or("no reason known", |failure| failure.reason.as_str());
    if view.method.is_empty() {
        return format!("{} never came to ask: {reason}", view.client_addr);
    }
    let asked = format!("{} asked {} {}", view.client, view.method, view.url);
    if view.marks.contains(Mark::Open) {
        return format!("{asked}, and that goes on since {took}");
    }
    match (view.outcome, view.status.map(status)) {
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
        (Outcome::UpstreamFailed, Some(status)) if !view.marks.contains(Mark::ResponseBodyCut) => {
            format!(
                "{asked} and the backend failed, so Wayside answered {status}: {reason}, after {took}"
            )
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

/// Where the time went.
pub(super) fn timing(view: &ExchangeView) -> String {
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

/// What it came over.
pub(super) fn connection(view: &ExchangeView) -> String {
    if view.method.is_empty() {
        let sni = view.tls.as_ref().and_then(|tls| tls.sni.as_deref()).unwrap_or("no name");
        let ja4 = view.tls.as_ref().and_then(|tls| tls.ja4.as_deref());
        let ja4 = ja4.map(|ja4| format!(", JA4 {ja4}")).unwrap_or_default();
        let (from, number) = (view.client_addr, view.connection);
        return format!("from {from}, asking for {sni}{ja4}, connection {number}");
    }
    let mut text = format!("{} from {}", view.http_version, view.client_addr);
    if let Some(tls) = &view.tls {
        let _ = write!(text, " over {}", tls.version);
        if let Some(sni) = &tls.sni {
            let _ = write!(text, " for {sni}");
        }
        if let Some(ja4) = &tls.ja4 {
            let _ = write!(text, ", JA4 {ja4}");
        }
        if let Some(certificate) = &tls.client_certificate {
            let _ = write!(text, ", certificate {}", certificate.subject);
        }
    } else {
        text.push_str(" without TLS");
    }
    let _ = write!(text, ", connection {}", view.connection);
    text
}

/// Whose it is, and why.
pub(super) fn evidence(view: &ExchangeView) -> String {
    let naming = view.evidence.iter().filter(|evidence| evidence.kind <= EvidenceKind::Device);
    let reasons: Vec<String> =
        naming.map(|evidence| format!("{} ({evidence})", kind(evidence.kind))).collect();
    let reasons = reasons.join(", then ");
    match &view.stitched {
        None => format!("{}, by {reasons}", view.client),
        Some(stitched) => format!(
            "{}, since {} ({:.0} % sure, {}); by itself {reasons}",
            view.client,
            link(stitched.kind),
            stitched.confidence * 100.0,
            stitched.proof
        ),
    }
}

/// A kind of link in words.
pub fn link(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Token => "a token that it was given was used",
        LinkKind::Cookie => "a cookie that was set for it came back",
        LinkKind::Together => "both came in one request",
        LinkKind::Connection => "it came on the client's connection",
        LinkKind::Rotation => {
            "it took the place of a refused credential on the client's connection"
        }
        LinkKind::Resumption => "its connection went on with the client's TLS session",
        LinkKind::Device => "it came from the client's device",
        LinkKind::Address => "nobody else was seen at the client's address",
    }
}

/// A kind of evidence in words.
pub fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Certificate => "its client certificate",
        EvidenceKind::Key => "its API key",
        EvidenceKind::Bearer => "its bearer token",
        EvidenceKind::Basic => "its user name",
        EvidenceKind::Body => "a name in its body",
        EvidenceKind::Cookie => "its session cookie",
        EvidenceKind::Address => "its address and user agent",
        EvidenceKind::Device => "its device",
        EvidenceKind::Carried => "a secret that it carried",
        EvidenceKind::Given => "a secret that it was given",
    }
}

/// What `mark` says is missing.
pub(super) fn missing(view: &ExchangeView, mark: Mark) -> String {
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
