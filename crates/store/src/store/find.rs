//! Listings.
use wayside_exchange::Summary;
use crate::error::StoreError;
/// In which order a listing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Ascending ids.
    #[default]
    OldestFirst,
    /// Descending ids.
    NewestFirst,
}
/// A listing under way.
pub struct Found {}
impl Iterator for Found {
    type Item = Result<Summary, StoreError>;
    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}
