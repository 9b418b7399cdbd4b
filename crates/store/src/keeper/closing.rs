//! Waiting until all that was recorded so far is in segments that are written to no more and durable.

use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::segment::Segment;
use crate::store::Shared;

/// Looks that it is waited for: half a minute.
const PATIENCE: u32 = 150;

/// The writer was asked to close its segment.
#[derive(Debug)]
pub(super) struct Closing {
    asked: u64,
    looks: u32,
}

impl Closing {
    /// Asks the writer.
    pub(super) fn begin(shared: &Shared) -> Self {
        Self { asked: shared.sealing.ask_to_close(), looks: 0 }
    }

    /// The segments that were recorded until then, once they are closed and durable.
    pub(super) fn look(
        &mut self,
        shared: &Shared,
        catalogue: &Catalogue,
    ) -> Result<Option<Vec<Segment>>, StoreError> {
        self.looks += 1;
        let through = shared.sealing.closed_through();
        let meant: Vec<Segment> = catalogue
            .segments
            .iter()
            .filter(|segment| segment.number <= through)
            .cloned()
            .collect();
        let durable = meant.iter().all(|segment| shared.sealing.is_closed(segment));
        if !shared.sealing.is_served(self.asked) || !durable {
            return self.patiently();
        }
        // After a failed sync the end of the log was written anew, into a segment that is open again.
        let end = shared.sealing.served_end();
        if catalogue.segments.iter().any(|one| one.number > through && one.base < end) {
            self.asked = shared.sealing.ask_to_close();
            return self.patiently();
        }
        Ok(Some(meant))
    }

    fn patiently<T>(&self) -> Result<Option<T>, StoreError> {
        if self.looks > PATIENCE { Err(StoreError::NotDurable) } else { Ok(None) }
    }
}
