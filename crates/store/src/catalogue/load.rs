//! Making the catalogue from the segments, and finding where a crash left the log.

use bytes::Bytes;

use super::scan::{Care, Met, Pairing, Scan};
use super::{Catalogue, Group};
use crate::block::Kind;
use crate::error::StoreError;
use crate::log::Log;
use crate::row::{Row, decode};
use crate::segment::{HEADER, Segment, SegmentHeader, VERSION, number_of};

/// The catalogue and what was found on the way.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) catalogue: Catalogue,
    /// Damage that is not an unfinished write.
    pub(crate) problems: Vec<StoreError>,
    /// Bytes after the last good block of the log.
    pub(crate) torn_bytes: u64,
    /// Files of which nothing is needed: their creation was cut short, or they were replaced.
    pub(crate) obsolete: Vec<u64>,
    /// The greatest number of any segment's file.
    pub(crate) last_number: u64,
}

/// Reads the block headers of all segments. `tail` says how closely to look at the last one; up to
/// `whole_until` the log was whole once, so what is not is damage and no unfinished write.
pub(crate) fn load(log: &Log, tail: Care, whole_until: u64) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded::default();
    let segments = segments(log, &mut loaded)?;
    let last = segments.last().map(|segment| segment.number);
    for segment in segments {
        let is_last = Some(segment.number) == last;
        let care = if is_last { tail } else { Care::Headers };
        loaded.catalogue.segments.push(segment);
        let torn_after = is_last.then_some(whole_until);
        extend(log, &mut loaded, segment.base, care, torn_after)?;
    }
    Ok(loaded)
}

/// Adds what the last segment of the catalogue holds from `from` on. Behind `torn_after` what
/// follows the last whole group is an unfinished write; elsewhere it is damage.
pub(crate) fn extend(
    log: &Log,
    loaded: &mut Loaded,
    from: u64,
    care: Care,
    torn_after: Option<u64>,
) -> Result<(), StoreError> {
    let Some(&segment) = loaded.catalogue.segments.last() else { return Ok(()) };
    let mut scan = Scan::new(log, segment, from, care);
    let mut pairing = Pairing::default();
    let mut good_end = from;
    let mut groups = Vec::new();
    let mut bad = Vec::new();
    while let Some(met) = scan.step()? {
        match met {
            Met::Good(header, _) => {
                if pairing.completes(&header) {
                    good_end = header.position + header.len();
                }
                if header.kind == Kind::Summary {
                    groups.push(Group::of(&header));
                }
            }
            Met::Bad(position, reason) => {
                pairing.broken();
                bad.push((position, reason));
            }
        }
    }
    if let Some(whole_until) = torn_after {
        good_end = good_end.max(whole_until.min(segment.end));
        loaded.torn_bytes = segment.end - good_end;
        if let Some(last) = loaded.catalogue.segments.last_mut() {
            last.end = good_end;
        }
        groups.retain(|group| group.position < good_end);
        bad.retain(|(position, _)| *position < good_end);
    }
    let path = log.path(segment.number);
    for (position, reason) in bad {
        let offset = segment.offset(position);
        loaded.problems.push(StoreError::Damaged { path: path.clone(), offset, reason });
    }
    for group in groups {
        let mut tracked = Vec::new();
        if group.needs_tracking() {
            match rows_of(log, &segment, &group) {
                Ok(rows) => tracked = loaded.catalogue.tracked_among(&rows),
                Err(error) => loaded.problems.push(error),
            }
        }
        loaded.catalogue.push(group, None, &tracked);
    }
    Ok(())
}

/// The rows of a group.
pub(crate) fn rows_of(log: &Log, segment: &Segment, group: &Group) -> Result<Vec<Row>, StoreError> {
    let (header, block): (_, Bytes) = log.block(segment, group.position)?;
    decode::rows(&block, header.count).ok_or_else(|| StoreError::Damaged {
        path: log.path(segment.number),
        offset: segment.offset(group.position),
        reason: "its rows cannot be read",
    })
}

/// The segments in the order of their positions, each ending where the next begins.
fn segments(log: &Log, loaded: &mut Loaded) -> Result<Vec<Segment>, StoreError> {
    let names = match log.storage.list() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(|source| StoreError::io("list", &log.storage.path(""), source))?,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    loaded.last_number = numbers.last().copied().unwrap_or(0);
    let mut segments = Vec::new();
    for &number in &numbers {
        let path = log.path(number);
        let failed = |source| StoreError::io("read", &path, source);
        let file = log.file(number)?;
        let mut bytes = [0; HEADER];
        let read = file.read_at(&mut bytes, 0).map_err(failed)?;
        let header = SegmentHeader::decode(bytes.get(..read).unwrap_or_default());
        match header.filter(|header| header.number == number) {
            Some(header) if header.version > VERSION => {
                return Err(StoreError::Newer { path, version: header.version, known: VERSION });
            }
            Some(header) => {
                let len = file.len().map_err(failed)?;
                let end = header.base + len.saturating_sub(HEADER as u64);
                segments.push(Segment { number, base: header.base, end });
            }
            // A crash right after the file was made; nothing was in it yet.
            None if read < HEADER || bytes == [0; HEADER] => loaded.obsolete.push(number),
            None => loaded.problems.push(StoreError::Damaged {
                path,
                offset: 0,
                reason: "the segment's header does not fit",
            }),
        }
    }
    let mut limit = u64::MAX;
    for segment in segments.iter_mut().rev() {
        segment.end = segment.end.min(limit).max(segment.base);
        if segment.base >= limit {
            loaded.obsolete.push(segment.number);
        }
        limit = limit.min(segment.base);
    }
    segments.retain(|segment| !loaded.obsolete.contains(&segment.number));
    Ok(segments)
}
