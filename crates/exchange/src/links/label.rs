//! A label: what people call a client that goes by one or more names.

use serde::{Deserialize, Serialize};

/// A client as the configuration names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// What it is called.
    pub name: String,
    /// The names that it goes by, such as `key:3f9a1c220b7d`; `*` stands for any text.
    pub matching: Vec<String>,
    /// Whether it is never left out.
    #[serde(default)]
    pub star: bool,
    /// What it belongs to, if anything.
    #[serde(default)]
    pub group: Option<String>,
}

impl Label {
    /// Whether a client's name is one of its.
    pub fn fits(&self, name: &str) -> bool {
        self.matching.iter().any(|pattern| fits(pattern, name))
    }

    /// Its names, where none has a star.
    pub(super) fn exact(&self) -> Option<impl Iterator<Item = &str>> {
        let any_star = self.matching.iter().any(|pattern| pattern.contains('*'));
        (!any_star).then(|| self.matching.iter().map(String::as_str))
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        if let Some(between) = last.replace(part) {
            let Some(at) = rest.find(between) else { return false };
            rest = rest.split_at(at + str::len(between)).1;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}
