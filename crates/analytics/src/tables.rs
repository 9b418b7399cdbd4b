//! The hash tables of the folds, which are asked several times for every row of a whole store: a
//! quick hash, seeded anew in each process, so that nobody can choose names that collide.

pub(crate) use foldhash::fast::FixedState;

pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
pub(crate) type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;
