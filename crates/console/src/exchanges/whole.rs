//! The full view of one exchange: read from the store, its bodies hashed.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Read;

use sha2::{Digest as _, Sha256};
use wayside_exchange::filter::{Filter, Subject};
use wayside_exchange::view::ExchangeView;
use wayside_exchange::{BodyEnd, Exchange, ExchangeId, Half};
use wayside_store::{Store, StoreError};

use crate::refusal::Refusal;

/// Of a longer body a filter sees only so much.
const SEARCHED: u64 = 64 << 20;

/// The full view of `id`.
pub(super) fn view(store: &Store, id: ExchangeId) -> Result<Option<ExchangeView>, Refusal> {
    Ok(match store.exchange(id)? {
        Some(exchange) => Some(of(store, &exchange)?),
        None => None,
    })
}

/// The full view of `exchange`.
pub(super) fn of(store: &Store, exchange: &Exchange) -> Result<ExchangeView, Refusal> {
    let request = sha256(store, exchange, Half::Request)?;
    let response = sha256(store, exchange, Half::Response)?;
    let view = ExchangeView::new(exchange, |half| match half {
        Half::Request => request.clone(),
        Half::Response => response.clone(),
    });
    Ok(store.links(|links| view.stitched_by(links)))
}

/// Whether `filter` takes `exchange`, with its bodies where they are needed.
pub(super) fn matches(
    store: &Store,
    exchange: &Exchange,
    filter: &Filter,
) -> Result<bool, StoreError> {
    let id = exchange.summary.id;
    let mut failed = None;
    let yes =
        filter.on_exchange(&Subject::from(exchange), &mut |half| match store.body(id, half) {
            Ok(reader) => {
                let mut bytes = Vec::new();
                reader?.take(SEARCHED).read_to_end(&mut bytes).ok()?;
                Some(Cow::Owned(bytes))
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        });
    failed.map_or(Ok(yes), Err)
}

/// The hash of a body that was kept whole, in hexadecimal.
fn sha256(store: &Store, exchange: &Exchange, half: Half) -> Result<Option<String>, Refusal> {
    let Some(message) = exchange.message(half) else { return Ok(None) };
    let body = &message.body;
    // The hash of a body would let anyone who has the recording try guesses at what is redacted.
    if body.redacted || body.kept != body.bytes || body.end != BodyEnd::Complete {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    let body = store.body(exchange.summary.id, half)?;
    // Since the exchange was read, retention may have removed it, or a piece of this body.
    let Some(mut body) = body.filter(|body| body.stored() > 0 || message.body.kept == 0) else {
        return Ok(None);
    };
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = body.read(&mut piece).map_err(|error| Refusal::failed(&error))?;
        match piece.get(..read) {
            Some([]) | None => break,
            Some(bytes) => hash.update(bytes),
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Some(text))
}
