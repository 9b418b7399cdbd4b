//! What the beginning of an id names.
use wayside_exchange::{ExchangeId, SessionId};
/// What a prefix names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One exchange.
    Exchange(ExchangeId),
    /// One session.
    Session(SessionId),
    /// Several, of which these are the first.
    Ambiguous(Vec<String>),
    /// Nothing in the store.
    Nothing,
}
