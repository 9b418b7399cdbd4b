//! What a search knows of where its texts may stand, each looked up once for a segment.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::table::Candidates;
use crate::catalogue::{Catalogue, Group};
use crate::directory::Directory;
use crate::log::Log;
use crate::segment::{Form, Segment};

/// A segment's number and a text.
type Question = (u64, String);

/// What is known so far; none where a text may stand anywhere in a segment.
#[derive(Debug, Default)]
pub(crate) struct TextHints {
    known: Mutex<HashMap<Question, Option<Arc<Candidates>>>>,
}

/// The text of one group, as far as is known without reading it.
pub(crate) struct GroupTexts<'a> {
    hints: &'a TextHints,
    log: &'a Log,
    place: Option<(Segment, Arc<Directory>, usize)>,
}

impl TextHints {
    /// What can be said of a group of `catalogue`.
    pub(crate) fn of<'a>(
        &'a self,
        log: &'a Log,
        catalogue: &Catalogue,
        group: &Group,
    ) -> GroupTexts<'a> {
        let place = catalogue.segment_at(group.position).and_then(|segment| {
            let Form::Settled(directory) = &segment.form else { return None };
            let (column, directory) = (catalogue.column(&segment, group)?, directory.clone());
            Some((segment, directory, column))
        });
        GroupTexts { hints: self, log, place }
    }
}

impl GroupTexts<'_> {
    /// Whether `text` may stand in it, in any case.
    pub(crate) fn may_have(&self, text: &str) -> bool {
        let Some((segment, directory, column)) = &self.place else { return true };
        let key = (segment.number, text.to_owned());
        let mut known = self.hints.known.lock();
        let found = known.entry(key).or_insert_with(|| {
            let file = self.log.file(segment).ok()?;
            // A damaged table rules nothing out; `verify` names it.
            directory.texts?.candidates(&*file, segment.opener(), text)?.ok().map(Arc::new)
        });
        found.as_ref().is_none_or(|candidates| candidates.has(*column))
    }
}
