//! Counting exchanges in a part of the log, each once.

use std::ops::Range;

use wayside_exchange::Mark;

use crate::catalogue::Catalogue;
use crate::catalogue::load::rows_of;
use crate::error::{StoreError, unless_damaged};
use crate::log::Log;

/// How many exchanges have their latest record in a range of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Those that have ended.
    pub(crate) ended: u64,
    /// Those that still ran when that record was written.
    pub(crate) open: u64,
}

impl Tally {
    /// Counts; rows are read only of groups with exchanges that were written more than once.
    /// Those of a damaged group are each counted once.
    pub(crate) fn of(
        log: &Log,
        catalogue: &Catalogue,
        range: Range<u64>,
    ) -> Result<Self, StoreError> {
        let from = catalogue.groups.partition_point(|group| group.position < range.start);
        let mut tally = Self::default();
        for group in catalogue.groups.iter().skip(from) {
            if group.position >= range.end {
                break;
            }
            let segment = catalogue.segment_at(group.position);
            let rows = segment
                .filter(|_| group.needs_tracking())
                .map(|segment| unless_damaged(rows_of(log, &segment, group)))
                .transpose()?
                .flatten();
            let Some(rows) = rows else {
                tally.ended += u64::from(group.count);
                continue;
            };
            for (n, row) in (0..).zip(rows) {
                if !catalogue.is_latest(row.summary.id.0, group.position, n) {
                    continue;
                }
                if row.summary.marks.contains(Mark::Open) {
                    tally.open += 1;
                } else {
                    tally.ended += 1;
                }
            }
        }
        Ok(tally)
    }
}
