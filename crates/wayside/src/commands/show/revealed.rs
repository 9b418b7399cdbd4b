//! An exchange with its secrets: read from the store itself, since the API never has them.

use std::fmt::Write as _;
use std::io::Read;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use wayside_console::MessageLine;
use wayside_exchange::content::{self, is_text};
use wayside_exchange::escape::for_terminal_text;
use wayside_exchange::head::as_text;
use wayside_exchange::view::{ExchangeView, MessageView, fields_of};
use wayside_exchange::{BodyEnd, Exchange, ExchangeId, Half, Message};
use wayside_formats::messages::{Messages, interleave};
use wayside_store::{Location, Store};

use super::whole::{self, Heads};
use super::{LOOKED_AT, binary};
use crate::clock;
use crate::exit::Exit;
use crate::report::exchange::{Content, Shown, ShownMessage, render};
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::sealed::Seal;
use crate::source;

/// The most of a body that is decoded.
const DECODED: usize = 64 << 20;
const PIECE: usize = 64 << 10;

/// An exchange and what opens its seals.
pub(super) struct Revealing {
    store: Store,
    seal: Seal,
    exchange: Exchange,
}

impl Revealing {
    pub(super) fn open(id: ExchangeId, data: &Location) -> anyhow::Result<Self> {
        let (store, seal) = (source::store(data)?, Seal::of(data)?);
        let stored = store.exchange(id)?;
        let stored =
            stored.ok_or_else(|| Trouble::not_found(format!("`{id}` is not stored any more")))?;
        let exchange = seal.reveal(&store, stored)?;
        Ok(Self { store, seal, exchange })
    }

    /// Says which bodies cannot be revealed whole, if any.
    pub(super) fn say_what_is_missing(&self, printer: &mut Printer) {
        for half in [Half::Request, Half::Response] {
            if self.exchange.message(half).is_some_and(|message| message.body.redacted) {
                printer.say(format!(
                    "some of what was sealed in the {} body is gone: retention deleted the segment that \
                     held it, and from there on the body is shown as it is stored",
                    half.as_str()
                ));
            }
        }
    }

    /// Puts the secrets into what is known of the exchange otherwise.
    pub(super) fn reveal(&self, view: &mut ExchangeView) -> anyhow::Result<()> {
        view.url = self.exchange.summary.url();
        for (shown, head) in view.interim.iter_mut().zip(&self.exchange.informed) {
            shown.headers = head.fields_as_text().collect();
        }
        let shown =
            [(Half::Request, Some(&mut view.request)), (Half::Response, view.response.as_mut())];
        for (half, shown) in shown {
            let (Some(shown), Some(message)) = (shown, self.exchange.message(half)) else {
                continue;
            };
            shown.headers = message.head.fields_as_text().collect();
            shown.trailers = fields_of(&message.trailers);
            if shown.body_redacted && !message.body.redacted {
                shown.body_redacted = false;
                shown.body_sha256 = self.sha256(half, message)?;
            }
        }
        Ok(())
    }

    fn sha256(&self, half: Half, message: &Message) -> anyhow::Result<Option<String>> {
        if message.body.kept != message.body.bytes || message.body.end != BodyEnd::Complete {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        self.pieces(half, |piece| {
            hash.update(piece);
            Ok(())
        })?;
        let mut text = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Some(text))
    }

    /// Both heads and bodies as on the wire.
    pub(super) fn raw(&self, printer: &mut Printer) -> anyhow::Result<()> {
        for half in [Half::Request, Half::Response] {
            let Some(message) = self.exchange.message(half).filter(|m| !m.head.is_empty()) else {
                continue;
            };
            let mut last = b'\n';
            if printer.terminal {
                let head = String::from_utf8_lossy(&message.head.0).replace('\r', "");
                printer.text(&for_terminal_text(&head))?;
            } else {
                printer.bytes(&message.head.0)?;
            }
            self.pieces(half, |piece| {
                last = piece.last().copied().unwrap_or(last);
                print(printer, piece)
            })?;
            if last != b'\n' {
                printer.line("")?;
            }
        }
        Ok(())
    }

    /// One body, decoded unless it is to be `raw`.
    pub(super) fn body(
        &self,
        half: Half,
        raw: bool,
        printer: &mut Printer,
    ) -> anyhow::Result<Exit> {
        let codings = if raw { String::new() } else { self.codings(half) };
        if printer.terminal
            && !is_text(None, &self.beginning(half, LOOKED_AT)?)
            && codings.is_empty()
        {
            return Err(binary(self.exchange.summary.id, half).into());
        }
        if codings.is_empty() {
            self.pieces(half, |piece| print(printer, piece))?;
            return Ok(Exit::Done);
        }
        let bytes = self.beginning(half, DECODED)?;
        match content::decode(&codings, &bytes, DECODED) {
            Ok(decoded) => print(printer, &decoded.bytes)?,
            Err(error) => {
                printer.say(format!("not decoded: {error}"));
                print(printer, &bytes)?;
            }
        }
        Ok(Exit::Done)
    }

    /// For people.
    pub(super) fn render(&self, view: ExchangeView, printer: &mut Printer) -> anyhow::Result<()> {
        let head =
            |half| self.exchange.message(half).map(|m| m.head.0.to_vec()).unwrap_or_default();
        let heads = Heads { request: head(Half::Request), response: head(Half::Response) };
        let (mut request, mut response) = (Content::Empty, Content::Empty);
        let talk = if whole::is_stream(&view) { self.messages()? } else { Vec::new() };
        if talk.is_empty() {
            request = self.content(Half::Request, Some(&view.request))?;
            response = self.content(Half::Response, view.response.as_ref())?;
        } else {
            (request, response) = whole::by_half(talk, request, response);
        }
        let shown = Shown {
            request: ShownMessage { head: as_text(&heads.request), content: request },
            response: ShownMessage { head: as_text(&heads.response), content: response },
            view,
        };
        printer.text(&render(&shown, printer.paint, clock::now()))
    }

    fn messages(&self) -> anyhow::Result<Vec<crate::report::exchange::StreamMessage>> {
        let mut halves = Vec::new();
        for half in [Half::Request, Half::Response] {
            let body = self.seal.body(&self.store, self.exchange.summary.id, half)?;
            halves.push(body.map(|body| Messages::new(&self.exchange, half, body, whole::SHOWN)));
        }
        let response = halves.pop().flatten().into_iter().flatten();
        let request = halves.pop().flatten().into_iter().flatten();
        let all = interleave(request, response).take(whole::MESSAGES);
        all.map(|message| Ok(whole::stream_message(MessageLine::from(message?)))).collect()
    }

    fn content(&self, half: Half, message: Option<&MessageView>) -> anyhow::Result<Content> {
        if message.is_none_or(|message| message.body_kept == 0) {
            return Ok(Content::Empty);
        }
        let bytes = self.beginning(half, DECODED)?;
        let mut bytes = match content::decode(&self.codings(half), &bytes, DECODED) {
            Ok(decoded) => decoded.bytes,
            Err(_) => bytes,
        };
        let cut = bytes.len() > whole::SHOWN;
        bytes.truncate(whole::SHOWN);
        Ok(Content::Whole { bytes, cut })
    }

    fn codings(&self, half: Half) -> String {
        let Some(message) = self.exchange.message(half) else { return String::new() };
        let fields = message.head.fields_as_text();
        let codings = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        codings.map(|(_, value)| value).collect::<Vec<_>>().join(", ")
    }

    fn beginning(&self, half: Half, most: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(body) = self.seal.body(&self.store, self.exchange.summary.id, half)? {
            body.take(most as u64).read_to_end(&mut bytes).with_context(|| self.unread(half))?;
        }
        Ok(bytes)
    }

    fn pieces(
        &self,
        half: Half,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let body = self.seal.body(&self.store, self.exchange.summary.id, half)?;
        let Some(mut body) = body else { return Ok(()) };
        let mut buffer = vec![0; PIECE];
        loop {
            let read = body.read(&mut buffer).with_context(|| self.unread(half))?;
            match buffer.get(..read) {
                Some(piece) if !piece.is_empty() => take(piece)?,
                _ => return Ok(()),
            }
        }
    }

    fn unread(&self, half: Half) -> String {
        format!("could not read the {} body of `{}`", half.as_str(), self.exchange.summary.id)
    }
}

fn print(printer: &mut Printer, piece: &[u8]) -> anyhow::Result<()> {
    if printer.terminal {
        printer.text(&for_terminal_text(&String::from_utf8_lossy(piece)))
    } else {
        printer.bytes(piece)
    }
}
