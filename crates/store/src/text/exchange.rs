//! All the text of an exchange that a search may look for.

use std::sync::Arc;

use wayside_exchange::{Exchange, Half, Message, content};

use super::TextBuilder;
use crate::record::decode::Stored;
use crate::store::{Shared, body};

/// The most of one body that is looked at; a longer one leaves its group unfiltered.
const MOST: usize = 1 << 20;
/// Bytes that tell text from other things.
const SAMPLE: usize = 4 << 10;

impl TextBuilder {
    /// Adds an exchange, its bodies decoded.
    pub(crate) fn add_exchange(&mut self, shared: &Arc<Shared>, stored: &Stored) {
        let exchange = &stored.exchange;
        self.add_row(exchange);
        for head in &exchange.informed {
            self.add(&head.0);
        }
        for half in [Half::Request, Half::Response] {
            let Some(message) = exchange.message(half) else { continue };
            let is_short = message.body.stored <= MOST as u64;
            let body = is_short.then(|| body::in_memory(shared, stored, half)).flatten();
            match body {
                Some(bytes) => self.add_message(message, &bytes),
                None => self.add_anything(),
            }
        }
    }

    fn add_row(&mut self, exchange: &Exchange) {
        let row = &exchange.summary;
        for part in [&row.client, &row.method, &row.host, &row.target, &row.route] {
            self.add(part.as_bytes());
        }
        self.add(row.url().as_bytes());
        self.add(row.id.to_string().as_bytes());
        self.add(row.session.to_string().as_bytes());
        self.add(row.client_addr.to_string().as_bytes());
        self.add(row.outcome.as_str().as_bytes());
        if let Some(failure) = &row.failure {
            self.add(failure.reason.as_bytes());
            self.add(failure.side.as_str().as_bytes());
        }
        for evidence in &row.evidence {
            self.add(evidence.to_string().as_bytes());
        }
        for mark in row.marks.iter() {
            self.add(mark.as_str().as_bytes());
        }
        if let Some(tls) = &row.tls {
            self.add(tls.version.as_bytes());
            for part in [&tls.sni, &tls.alpn, &tls.ja4].into_iter().flatten() {
                self.add(part.as_bytes());
            }
            if let Some(certificate) = &tls.client_certificate {
                self.add(certificate.name.as_bytes());
                self.add(certificate.subject.as_bytes());
            }
        }
        if let Some(status) = row.status {
            self.add(status.to_string().as_bytes());
        }
    }

    fn add_message(&mut self, message: &Message, body: &[u8]) {
        self.add(&message.head.0);
        self.add(&message.trailers);
        let codings: Vec<_> = message
            .head
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect();
        if codings.is_empty() {
            return self.add_body(body);
        }
        // What does not decode is searched as it came.
        match content::decode(&codings.join(","), body, MOST) {
            Ok(decoded) if decoded.bytes.len() < MOST => self.add_body(&decoded.bytes),
            Ok(_) => self.add_anything(),
            Err(_) => self.add_body(body),
        }
    }

    fn add_body(&mut self, body: &[u8]) {
        if is_text(body) {
            self.add(body);
        } else {
            // Its runs would fill the filter and tell nothing.
            self.add_anything();
        }
    }
}

/// Whether bytes begin like text in UTF-8.
fn is_text(bytes: &[u8]) -> bool {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        // A character that the sample cuts is none that is wrong.
        Err(error) => error.error_len().is_none(),
    }
}
