//! A file that is tried on the past: what it says holds in the place of what the configuration says, and what it
//! does not say stays. So a configuration can be tried before it is put in force.

use std::path::Path;

use wayside_analytics::Thresholds;
use wayside_exchange::Label;
use wayside_identity::{Rules, Sealing};

use super::{Origin, Read, Resolved, settings};

/// What is tried.
pub struct Trial {
    /// What clients are held against.
    pub thresholds: Thresholds,
    /// What clients are called; none where neither the file nor the configuration says anything of that.
    pub labels: Option<Vec<Label>>,
    /// What names a client; none where that stays as it was recorded.
    pub naming: Option<Rules>,
}

/// Settings that say what names a client.
const NAMING: [&str; 7] = [
    "client-header",
    "client-parameter",
    "client-cookie",
    "client-claim",
    "client-device",
    "client-order",
    "trusted-proxy",
];

impl Resolved {
    /// These settings with what the file at `path` says in their place. `recorded` is what clients are called in the
    /// recording, which holds where nothing else is said.
    pub fn tried_with(mut self, path: &Path, recorded: &[Label]) -> anyhow::Result<Trial> {
        let own = Some(self.labels).filter(|labels| !labels.is_empty());
        let otherwise = own.as_deref().unwrap_or(recorded);
        let Read { path, values: written, labels, rules } =
            super::read(path.to_owned(), otherwise)?;
        let labels = labels.or(own);
        self.labels = labels.clone().unwrap_or_else(|| recorded.to_vec());
        let mut names = false;
        for (key, values, origin) in &mut self.values {
            if let Some((_, said)) = written.iter().find(|(known, _)| known.name == key.name) {
                names |= NAMING.contains(&key.name);
                values.clone_from(said);
                *origin = Origin::File(path.clone());
            } else if key.name == "rules" && rules.is_some() {
                values.clear();
            }
        }
        if let Some(rules) = rules {
            self.rules = rules;
        }
        Ok(Trial {
            thresholds: settings::thresholds(&self)?,
            naming: names.then(|| settings::rules(&self, Sealing::Default)).transpose()?,
            labels,
        })
    }
}
