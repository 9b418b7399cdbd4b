//! The hash tables of the folds, which are asked several times for every row of a whole store: a
//! quick hash, seeded anew in each process, so that nobody can choose names that collide.

use std::hash::{BuildHasher, Hash};

pub(crate) use foldhash::fast::FixedState;

pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
pub(crate) type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;

/// Takes the entries out whose key is another now, as `other` says, and gives each with that.
pub(crate) fn moved<K: Clone + Eq + Hash, V, S: BuildHasher>(
    table: &mut std::collections::HashMap<K, V, S>,
    other: impl Fn(&K) -> Option<K>,
) -> Vec<(K, V)> {
    let now = |key: &K| Some((key.clone(), other(key)?));
    let keys: Vec<(K, K)> = table.keys().filter_map(now).collect();
    keys.into_iter().filter_map(|(from, to)| Some((to, table.remove(&from)?))).collect()
}
