//! The append side.
use wayside_exchange::{ExchangeId, Half, Timestamp};
use crate::error::StoreError;
use crate::record::{Extent, NewRecord};
/// The one append side.
pub struct Writer {}
impl Writer {
    /// a
    pub fn append(&mut self, record: &NewRecord<'_>) -> Result<(), StoreError> { let _ = record; Ok(()) }
    /// a
    pub fn append_piece(&mut self, id: ExchangeId, half: Half, data: &[u8]) -> Result<Extent, StoreError> { let _ = (id, half); Ok(Extent { position: 0, bytes: data.len() as u64 }) }
    /// a
    pub fn tick(&mut self, now: Timestamp) -> Result<(), StoreError> { let _ = now; Ok(()) }
    /// a
    pub fn flush(&mut self) -> Result<(), StoreError> { Ok(()) }
    /// a
    pub fn sync(&mut self) -> Result<(), StoreError> { Ok(()) }
    /// a
    pub fn close(self) -> Result<(), StoreError> { Ok(()) }
    /// a
    pub fn note_forwarded(&mut self, count: u64) -> Result<(), StoreError> { let _ = count; Ok(()) }
}
