//! The names under which the clients of one scan may stand, asked for once each: the links are held for
//! no longer than that.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Linking;

/// Names, by the name that was asked for; none where it may be any.
type Known = HashMap<String, Option<Arc<[String]>>>;

#[derive(Debug, Default)]
pub(crate) struct ClientNames(Mutex<Known>);

impl ClientNames {
    /// The names of `client`; none where they may be any.
    pub(crate) fn of(&self, linking: &Linking, client: &str) -> Option<Arc<[String]>> {
        let mut known = self.0.lock();
        if let Some(names) = known.get(client) {
            return names.clone();
        }
        let names = linking.now().names_of(client).map(|names| {
            let names = names.into_iter().map(str::to_owned);
            names.collect::<Arc<[String]>>()
        });
        known.insert(client.to_owned(), names.clone());
        names
    }
}
