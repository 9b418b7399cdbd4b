//! Looks whether anything is left of exchanges that were erased: in every block of a segment, unpacked,
//! and in the small files beside the log.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use memchr::memmem::Finder;

use crate::block::{BlockHeader, Kind, pack};
use crate::catalogue::scan::{Care, Met, Scan};
use crate::error::StoreError;
use crate::row::decode::rows;
use crate::segment::Segment;
use crate::store::Shared;

/// Bytes of a name that does not occur by chance.
const TELLING: usize = 6;

/// A search for exchanges by id, and for a client's name.
pub(super) struct Search<'a> {
    ids: &'a HashSet<u64>,
    least: u64,
    greatest: u64,
    name: Option<Finder<'static>>,
    /// Bytes that were looked at.
    pub(super) searched: u64,
    /// Places where an id was found, or the name where nothing of others can be.
    pub(super) found: u64,
    /// Blocks with the name in them.
    pub(super) mentions: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(ids: &'a HashSet<u64>, client: Option<&str>) -> Self {
        // The kind of evidence stands before the colon only where the name is shown. A name of a few
        // letters without it stands everywhere.
        let name = client.map(|client| match client.split_once(':') {
            Some((_, name)) if name.len() >= TELLING => name,
            _ => client,
        });
        Self {
            ids,
            least: ids.iter().min().copied().unwrap_or(u64::MAX),
            greatest: ids.iter().max().copied().unwrap_or(0),
            name: name.filter(|name| !name.is_empty()).map(|name| Finder::new(name).into_owned()),
            searched: 0,
            found: 0,
            mentions: 0,
        }
    }

    /// Looks through the blocks of a segment.
    pub(super) fn segment(&mut self, shared: &Shared, segment: &Segment) -> Result<(), StoreError> {
        each_block(shared, segment, &mut |header, raw| match header {
            Some(header) => self.block(header, raw),
            // What cannot be read cannot be said to be clean.
            None => self.found += 1,
        })
    }

    /// Looks through the files beside the log.
    pub(super) fn beside(&mut self, shared: &Shared) {
        let Some(name) = self.name.take() else { return };
        for part in ["index", "pins", "links", "forwarded"] {
            self.found += holding(&shared.dir.join(part), &name);
        }
    }

    fn block(&mut self, header: &BlockHeader, raw: &[u8]) {
        self.searched += raw.len() as u64;
        self.mentions += u64::from(self.name.as_ref().is_some_and(|name| name.find(raw).is_some()));
        match header.kind {
            Kind::Piece => self.found += u64::from(self.ids.contains(&header.first)),
            // Ids stand here as they are, in front of each record.
            Kind::Data => self.found += self.ids_in(raw),
            Kind::Summary => {
                let rows = rows(raw, header.count).unwrap_or_default();
                let ours = rows.iter().filter(|row| self.ids.contains(&row.summary.id.0));
                self.found += ours.count() as u64;
            }
        }
    }

    fn ids_in(&self, raw: &[u8]) -> u64 {
        let numbers =
            raw.windows(8).filter_map(|bytes| bytes.try_into().ok().map(u64::from_le_bytes));
        let near = numbers.filter(|number| (self.least..=self.greatest).contains(number));
        near.filter(|number| self.ids.contains(number)).count() as u64
    }
}

/// Hands every block of a segment to `look`, unpacked; none for one that is damaged.
pub(in crate::keeper) fn each_block(
    shared: &Shared,
    segment: &Segment,
    look: &mut dyn FnMut(Option<&BlockHeader>, &[u8]),
) -> Result<(), StoreError> {
    let mut walk = Scan::new(&shared.log, segment, segment.span().start, Care::Payloads);
    while let Some(met) = walk.step()? {
        let raw = match met {
            Met::Good(header, payload) => {
                pack::unpack(&header, payload, segment.opener()).ok().map(|raw| (header, raw))
            }
            Met::Bad(..) => None,
        };
        match raw {
            Some((header, raw)) => look(Some(&header), &raw),
            None => look(None, &[]),
        }
    }
    Ok(())
}

/// How many files at `path`, or in that folder, hold a name.
fn holding(path: &Path, name: &Finder<'_>) -> u64 {
    if let Ok(entries) = fs::read_dir(path) {
        return entries.flatten().map(|entry| holding(&entry.path(), name)).sum();
    }
    u64::from(fs::read(path).is_ok_and(|bytes| name.find(&bytes).is_some()))
}
