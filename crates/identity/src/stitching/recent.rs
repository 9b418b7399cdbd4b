//! A table that remembers what was met lately, in bounded memory: when the newer half is full, the
//! older half is forgotten.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    newer: HashMap<K, V, RandomState>,
    older: HashMap<K, V, RandomState>,
    half: usize,
    forgotten: u64,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// Remembers so many at least, and twice as many at most.
    pub(super) fn of(half: usize) -> Self {
        let (newer, older) = (HashMap::default(), HashMap::default());
        Self { newer, older, half, forgotten: 0 }
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.newer.get(key).or_else(|| self.older.get(key))
    }

    /// What is known, which counts as met now.
    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.newer.contains_key(key) {
            let (key, value) = self.older.remove_entry(key)?;
            self.insert(key, value);
        }
        self.newer.get_mut(key)
    }

    /// Takes what is known out.
    pub(super) fn take<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.newer.remove(key).or_else(|| self.older.remove(key))
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.newer.len() >= self.half {
            let older = std::mem::replace(&mut self.older, std::mem::take(&mut self.newer));
            self.forgotten += older.len() as u64;
        }
        self.newer.insert(key, value);
    }
}

impl<V: Default> Recent<Box<str>, V> {
    /// What is known of `name`, or the beginning of it.
    pub(super) fn of_name(&mut self, name: &str) -> &mut V {
        if self.get_mut(name).is_none() {
            self.insert(name.into(), V::default());
        }
        // It is there: this makes no other.
        self.newer.entry(name.into()).or_default()
    }
}

impl<V: Default> Recent<u64, V> {
    /// What is known of `number`, or the beginning of it.
    pub(super) fn of_number(&mut self, number: u64) -> &mut V {
        if self.get_mut(&number).is_none() {
            self.insert(number, V::default());
        }
        self.newer.entry(number).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_lately_is_remembered_and_no_more_than_that() {
        let mut recent: Recent<u64, u64> = Recent::of(100);
        for n in 0..10_000 {
            *recent.of_number(n) = n;
            assert_eq!(
                recent.get_mut(&7).copied(),
                (n >= 7).then_some(7),
                "it is met all the time"
            );
            assert!(recent.newer.len() + recent.older.len() <= 200);
        }
        assert!(recent.forgotten() > 9_000 && recent.get(&9_950) == Some(&9_950));
    }
}
