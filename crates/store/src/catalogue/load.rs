//! Making the catalogue from the segments, and finding where a crash left the log.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;

use super::scan::{Care, Met, Pairing, Scan};
use super::{Catalogue, Group};
use crate::block::{BlockHeader, Kind, SEALED_HEADER, header_len};
use crate::cipher::{Envelope, Opener};
use crate::directory::{Directory, TRAILER};
use crate::error::StoreError;
use crate::log::Log;
use crate::row::{Row, decode};
use crate::segment::{
    Form, LONGEST_HEADER, Segment, SegmentHeader, Token, VERSION, name_of, number_of, start_of,
};
use crate::storage::StoredFile;

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
    let (segments, mut settled) = segments(log, &mut loaded)?;
    let last = segments.last().map(|segment| segment.number);
    for segment in segments {
        let is_last = Some(segment.number) == last;
        let base = segment.base;
        let groups = settled.remove(&segment.number);
        loaded.catalogue.segments.push(segment);
        if let Some(groups) = groups {
            add_groups(log, &mut loaded, groups)?;
            continue;
        }
        let care = if is_last { tail } else { Care::Headers };
        let torn_after = is_last.then_some(whole_until);
        extend(log, &mut loaded, base, care, torn_after)?;
    }
    Ok(loaded)
}

/// Adds what the last segment of the catalogue, a raw one, holds from `from` on. Behind `torn_after` what
/// follows the last whole group is an unfinished write; elsewhere it is damage.
pub(crate) fn extend(
    log: &Log,
    loaded: &mut Loaded,
    from: u64,
    care: Care,
    torn_after: Option<u64>,
) -> Result<(), StoreError> {
    let Some(segment) = loaded.catalogue.segments.last().cloned() else { return Ok(()) };
    let mut scan = Scan::new(log, &segment, segment.offset(from).unwrap_or(0), care);
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
            Met::Bad(offset, reason) => {
                pairing.broken();
                bad.push((segment.position(offset), reason));
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
    for (position, reason) in bad {
        loaded.problems.push(log.damaged(&segment, position, reason));
    }
    add_groups(log, loaded, groups)
}

/// Adds groups of the last segment.
fn add_groups(
    log: &Log,
    loaded: &mut Loaded,
    groups: impl IntoIterator<Item = Group>,
) -> Result<(), StoreError> {
    let Some(segment) = loaded.catalogue.segments.last().cloned() else { return Ok(()) };
    for group in groups {
        let mut tracked = Vec::new();
        if group.needs_tracking() {
            match rows_of(log, &segment, &group) {
                Ok(rows) => tracked = loaded.catalogue.tracked_among(&rows),
                Err(error @ StoreError::Damaged { .. }) => loaded.problems.push(error),
                Err(error) => return Err(error),
            }
        }
        loaded.catalogue.push(group, &tracked);
    }
    Ok(())
}

/// The rows of a group.
pub(crate) fn rows_of(log: &Log, segment: &Segment, group: &Group) -> Result<Vec<Row>, StoreError> {
    let (header, block): (_, Bytes) = log.block(segment, group.position)?;
    decode::rows(&block, header.count)
        .ok_or_else(|| log.damaged(segment, group.position, "its rows cannot be read"))
}

/// The groups of settled segments, by the segment's number.
type Settled = HashMap<u64, Vec<Group>>;

/// The segments in the order of their positions, each ending where the next begins.
fn segments(log: &Log, loaded: &mut Loaded) -> Result<(Vec<Segment>, Settled), StoreError> {
    let names = match log.storage.list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        names => names.map_err(|source| StoreError::io("list", &log.storage.path(""), source))?,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    loaded.last_number = numbers.last().copied().unwrap_or(0);
    let (mut segments, mut groups) = (Vec::new(), Settled::new());
    for &number in &numbers {
        let path = log.path(number);
        let failed = |source| StoreError::io("read", &path, source);
        let file = match log.storage.open(&name_of(number), false) {
            // A recorder has deleted it since the folder was read.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            file => file.map_err(|source| StoreError::io("open", &path, source))?,
        };
        let mut bytes = [0; LONGEST_HEADER];
        let read = file.read_at(&mut bytes, 0).map_err(failed)?;
        let header = SegmentHeader::decode(bytes.get(..read).unwrap_or_default());
        match header.filter(|header| header.number == number) {
            Some(header) if header.version > VERSION => {
                return Err(StoreError::Newer { path, version: header.version, known: VERSION });
            }
            Some(header) if header.settled => {
                let (segment, of_it) = settled(log, &header, &file, loaded)?;
                segments.push(segment);
                groups.insert(number, of_it);
            }
            Some(SegmentHeader { version, base, envelope, .. }) => {
                let opener = opener(log, number, envelope)?;
                let len = file.len().map_err(failed)?;
                let end = base + len.saturating_sub(start_of(base));
                let form = Form::Raw(Token::new());
                let segment = Segment { number, version, base, end, form, opener };
                log.keep_open(&segment, &file);
                segments.push(segment);
            }
            // A crash right after the file was made; nothing was in it yet.
            None if read < LONGEST_HEADER || bytes == [0; LONGEST_HEADER] => {
                loaded.obsolete.push(number);
            }
            None => loaded.problems.push(StoreError::Damaged {
                path,
                offset: 0,
                reason: "the segment's header does not fit",
            }),
        }
    }
    within_their_limits(&mut segments, loaded);
    Ok((segments, groups))
}

/// What opens a segment that says this of its keys.
fn opener(
    log: &Log,
    number: u64,
    envelope: Option<Envelope>,
) -> Result<Option<Arc<Opener>>, StoreError> {
    envelope.map(|envelope| log.vault.opener(&log.path(number), envelope)).transpose()
}

/// A settled segment and its groups; one whose directory is damaged gets another, made from its blocks.
fn settled(
    log: &Log,
    header: &SegmentHeader,
    file: &Arc<dyn StoredFile>,
    loaded: &mut Loaded,
) -> Result<(Segment, Vec<Group>), StoreError> {
    let SegmentHeader { number, version, base, envelope, .. } = *header;
    let opener = opener(log, number, envelope)?;
    let by = opener.clone();
    let failed = |source| StoreError::io("read", &log.path(number), source);
    let of = |mut directory: Directory| {
        let groups = directory.take_groups();
        let (end, form) = (directory.end, Form::Settled(Arc::new(directory)));
        let segment = Segment { number, version, base, end, form, opener };
        log.keep_open(&segment, file);
        (segment, groups)
    };
    if let Some(directory) = Directory::read(&**file, by.as_deref()).map_err(failed)? {
        return Ok(of(directory));
    }
    let file_bytes = file.len().map_err(failed)?;
    loaded.problems.push(StoreError::Damaged {
        path: log.path(number),
        offset: file_bytes.saturating_sub(TRAILER as u64),
        reason: "the segment's directory does not fit; its blocks are found without it",
    });
    let mut offset = start_of(base);
    let mut directory = Directory::new(offset, base);
    while offset < file_bytes {
        let mut room = [0; SEALED_HEADER];
        let bytes = room.get_mut(..header_len(by.is_some())).unwrap_or_default();
        file.read_at(bytes, offset).map_err(failed)?;
        // The filter and the directory follow the blocks; neither begins like one.
        let Some(header) = BlockHeader::read(bytes, by.as_deref()) else { break };
        directory.add(&header, offset);
        directory.end = directory.end.max(header.position + header.len());
        offset += header.len();
    }
    directory.finish();
    directory.file_bytes = file_bytes;
    Ok(of(directory))
}

/// Each segment ends where the next begins; those of which nothing is left are obsolete.
fn within_their_limits(segments: &mut Vec<Segment>, loaded: &mut Loaded) {
    let mut limit = u64::MAX;
    for segment in segments.iter_mut().rev() {
        segment.end = segment.end.min(limit).max(segment.base);
        if segment.base >= limit {
            loaded.obsolete.push(segment.number);
        }
        limit = limit.min(segment.base);
    }
    segments.retain(|segment| !loaded.obsolete.contains(&segment.number));
}
