//! What is wrong with a store, for its status: each thing once, and never more than can be read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::StoreError;

/// Damaged blocks that are told one by one, and lasting problems.
const MOST: usize = 100;

/// What is wrong now.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// What keeps the writer from writing now.
    trouble: Option<String>,
    /// Pins keep more than may be kept.
    pins: Option<String>,
    /// What is so since the store was opened.
    lasting: Vec<String>,
    /// Damaged blocks by file and offset.
    damaged: BTreeMap<(PathBuf, u64), String>,
}

impl Problems {
    /// Nothing can be written, or it can again.
    pub(super) fn trouble(&mut self, error: Option<&StoreError>) {
        self.trouble = error.map(|error| format!("nothing can be recorded: {error}"));
    }

    /// Something is so, and will be.
    pub(super) fn lasting(&mut self, problem: String) {
        if self.lasting.len() < MOST && !self.lasting.contains(&problem) {
            self.lasting.push(problem);
        }
    }

    /// What is pinned takes so many bytes, more than may be kept; or not any more.
    pub(super) fn pins(&mut self, bytes: Option<u64>) {
        self.pins = bytes.map(|bytes| {
            format!("what is pinned takes {bytes} bytes, more than `keep-bytes` leaves room for: nothing more can be deleted")
        });
    }

    /// A block is damaged, or cannot be read; other errors are none of the store's.
    pub(super) fn damage(&mut self, error: &StoreError) {
        if let StoreError::Io { source, .. } = error {
            return self.lasting(format!("{error}: {source}"));
        }
        let StoreError::Damaged { path, offset, .. } = error else { return };
        if self.damaged.len() < MOST {
            self.damaged.insert((path.clone(), *offset), error.to_string());
        }
    }

    /// All of it in plain words.
    pub(super) fn in_words(&self) -> Vec<String> {
        self.trouble
            .iter()
            .chain(&self.pins)
            .chain(&self.lasting)
            .chain(self.damaged.values())
            .cloned()
            .collect()
    }
}
