//! Scans: the rows that a filter lets through, run of blocks by run of blocks, on several cores.
//!
//! The blocks of a run are taken by whichever core is free, so within a run rows come in no order;
//! the runs themselves go down or up through the ids, and [`Scan::horizon`] says how far. Runs begin
//! with one block and double, so that who wants little reads little.

use std::cmp::Reverse;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use wayside_exchange::filter::Filter;
use wayside_exchange::{Details, ExchangeId, Glance, HeadView, Summary};

use super::Shared;
use super::sieve::{Buffers, Sieve};
use crate::catalogue::{Catalogue, Group};
use crate::error::StoreError;
use crate::linking::names::ClientNames;
use crate::record::decode::RecordView;
use crate::row::decode::RowView;
use crate::text::hints::TextHints;
use crate::zone::{BlockZone, ClientNamed, GroupSets};

/// A run ends with the block that brings it to so many rows.
pub(super) const ROWS_AT_ONCE: usize = 10_000;

/// In which order a listing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Ascending ids.
    #[default]
    OldestFirst,
    /// Descending ids.
    NewestFirst,
}

/// A scan under way. Damaged blocks are left out and told in the store's status; an error of the
/// system ends it.
pub struct Scan {
    shared: Arc<Shared>,
    /// The store as it was when the scan began: it keeps to that.
    pub(super) catalogue: Arc<Catalogue>,
    texts: TextHints,
    names: ClientNames,
    /// Whether clients may stand under other names.
    has_links: bool,
    filter: Filter,
    /// Whether records are read of all that is let through.
    whole: bool,
    pub(super) order: Order,
    /// Blocks to come, the next one last.
    groups: Vec<Group>,
    /// How many of them are read next.
    next_run: usize,
    /// One for each core that takes part.
    buffers: Vec<Buffers>,
    /// Turns true when nobody wants the rest.
    abandoned: Option<Arc<AtomicBool>>,
}

/// An exchange as far as a scan reads it.
pub struct Told<'a> {
    /// Its row.
    pub row: Glance<'a>,
    /// What else its row says.
    pub details: &'a dyn Details,
    /// Its request's head, as it is stored; none unless it was asked for.
    pub request: Option<HeadView<'a>>,
    /// What was taken out of its heads, sealed.
    pub sealed: &'a [u8],
}

impl Scan {
    pub(crate) fn new(shared: Arc<Shared>, filter: Filter, order: Order) -> Self {
        let catalogue = shared.catalogue();
        let groups = catalogue.groups.clone();
        Self::over(shared, catalogue, groups, filter, order)
    }

    /// A scan of some groups of a catalogue.
    pub(crate) fn over(
        shared: Arc<Shared>,
        catalogue: Arc<Catalogue>,
        mut groups: Vec<Group>,
        filter: Filter,
        order: Order,
    ) -> Self {
        let (filter, has_links) = {
            let links = shared.linking.now();
            if links.is_empty() {
                (filter, false)
            } else {
                (filter.renamed(&|name| links.renamed(name)), true)
            }
        };
        groups.sort_unstable_by_key(|group| Reverse((bound(order, group), group.position)));
        let buffers = (0..cores(&shared)).map(|_| Buffers::default()).collect();
        Self {
            shared,
            catalogue,
            texts: TextHints::default(),
            names: ClientNames::default(),
            has_links,
            filter,
            whole: false,
            order,
            groups,
            next_run: 1,
            buffers,
            abandoned: None,
        }
    }

    /// Ends the scan soon after `abandoned` turns true, also while nothing matches. The end looks
    /// like any other, so the flag is for an asker who no longer waits for it.
    #[must_use]
    pub fn until(mut self, abandoned: Arc<AtomicBool>) -> Self {
        self.abandoned = Some(abandoned);
        self
    }

    /// One `T` for each core that takes part, for [`Scan::fold`].
    pub fn parts<T: Default>(&self) -> Vec<T> {
        self.buffers.iter().map(|_| T::default()).collect()
    }

    /// Reads the next run of blocks: `add`s each row that is let through to one of `parts`, whichever
    /// it may be. False when there was nothing left to read.
    pub fn fold<T: Send>(
        &mut self,
        parts: &mut [T],
        add: impl Fn(&mut T, &Glance<'_>) + Sync,
    ) -> Result<bool, StoreError> {
        self.run(parts, |part, _, _, row, _| add(part, &row.glance))
    }

    /// Reads everything: each row is `add`ed to some `T`, and these are `merge`d into one.
    pub fn total<T: Default + Clone + Send>(
        self,
        add: impl Fn(&mut T, &Glance<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, StoreError> {
        self.total_of(T::default(), add, merge)
    }

    /// The same where each `T` begins as `first` is.
    pub fn total_of<T: Clone + Send>(
        self,
        first: T,
        add: impl Fn(&mut T, &Glance<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, StoreError> {
        self.whole_run(first, |part, _, _, row, _| add(part, &row.glance), merge)
    }

    /// Reads heads, too: that costs many times what rows do.
    #[must_use]
    pub fn with_heads(self) -> Self {
        Self { whole: true, ..self }
    }

    /// As [`Scan::total_of`], for who needs more than a glance.
    pub fn total_of_all<T: Clone + Send>(
        self,
        first: T,
        add: impl Fn(&mut T, &Told<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, StoreError> {
        self.whole_run(first, told(&add), merge)
    }

    fn whole_run<T: Clone + Send>(
        mut self,
        first: T,
        add: impl Fn(&mut T, &Group, u32, &RowView<'_>, Option<&RecordView<'_>>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, StoreError> {
        let mut parts: Vec<T> = self.buffers.iter().map(|_| first.clone()).collect();
        while self.run(&mut parts, &add)? {}
        let mut total = first;
        for part in parts {
            merge(&mut total, part);
        }
        Ok(total)
    }

    /// Gives everything to one after the other, on one core; those of one connection in the order in which they
    /// ended.
    pub fn each<T: Send>(
        mut self,
        state: &mut T,
        add: impl Fn(&mut T, &Told<'_>) + Sync,
    ) -> Result<(), StoreError> {
        while self.run(std::slice::from_mut(state), told(&add))? {}
        Ok(())
    }

    /// How many exchanges there are of which the strongest evidence names `name`, whomever they belong to.
    pub fn own_names(mut self, name: &str) -> Result<u64, StoreError> {
        let mut parts: Vec<u64> = self.parts();
        let own = |row: &RowView<'_>| {
            row.details.evidence().first().is_some_and(|piece| piece.to_string() == name)
        };
        let add =
            |part: &mut u64, _: &Group, _: u32, row: &RowView<'_>, _: Option<&RecordView<'_>>| {
                *part += u64::from(own(row));
            };
        while self.run(&mut parts, add)? {}
        Ok(parts.iter().sum())
    }

    /// All rows that are let through and that `also` wants, in no order.
    pub(crate) fn summaries(
        mut self,
        also: impl Fn(&Glance<'_>) -> bool + Sync,
    ) -> Result<Vec<Summary>, StoreError> {
        let mut parts: Vec<Vec<Summary>> = self.parts();
        let add = |part: &mut Vec<Summary>,
                   _: &Group,
                   _: u32,
                   row: &RowView<'_>,
                   _: Option<&RecordView<'_>>| {
            if also(&row.glance) {
                part.push(row.glance.summary(&row.details));
            }
        };
        while self.run(&mut parts, add)? {}
        Ok(parts.into_iter().flatten().collect())
    }

    /// The least id that may still come, or the greatest when the newest come first; none when
    /// everything is read.
    pub fn horizon(&self) -> Option<ExchangeId> {
        self.bound().map(|bound| ExchangeId(key(self.order, bound)))
    }

    /// As [`Scan::fold`], for who needs to know where rows lie.
    pub(super) fn run<T: Send>(
        &mut self,
        parts: &mut [T],
        add: impl Fn(&mut T, &Group, u32, &RowView<'_>, Option<&RecordView<'_>>) + Sync,
    ) -> Result<bool, StoreError> {
        if self.groups.is_empty() || self.is_abandoned() {
            return Ok(false);
        }
        let run = self.take_run();
        let mut buffers = std::mem::take(&mut self.buffers);
        let next = AtomicUsize::new(0);
        let scan = &*self;
        let work = |(part, buffers): (&mut T, &mut Buffers)| {
            let sieve = scan.sieve();
            while let Some(group) = run.get(next.fetch_add(1, Ordering::Relaxed))
                && !scan.is_abandoned()
            {
                sieve.pass(group, buffers, |n, row, record| {
                    if scan.is_latest(group, n, row) {
                        add(part, group, n, row, record);
                    }
                })?;
            }
            Ok(())
        };
        let mut hands = parts.iter_mut().zip(&mut buffers).take(run.len());
        let done = thread::scope(|scope| {
            let Some(own) = hands.next() else { return Ok(()) };
            let others: Vec<_> = hands.map(|hand| scope.spawn(|| work(hand))).collect();
            let own = work(own);
            let others = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            others.fold(own, Result::and)
        });
        self.buffers = buffers;
        done.map(|()| true)
    }

    /// The key of the first row that may still come.
    pub(super) fn bound(&self) -> Option<u64> {
        self.groups.last().map(|group| bound(self.order, group))
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.as_ref().is_some_and(|abandoned| abandoned.load(Ordering::Relaxed))
    }

    /// The next blocks, without those that cannot hold a match.
    fn take_run(&mut self) -> Vec<Group> {
        let mut run = Vec::new();
        let mut rows = 0;
        while run.len() < self.next_run
            && rows < ROWS_AT_ONCE
            && let Some(group) = self.groups.pop()
        {
            if self.may_match(&group) {
                rows += group.count as usize;
                run.push(group);
            }
        }
        self.next_run = self.next_run.saturating_mul(2);
        run
    }

    fn may_match(&self, group: &Group) -> bool {
        if self.filter.is_all() {
            return true;
        }
        let sets = GroupSets::of(self.shared.index.as_deref(), group);
        let texts = self.texts.of(&self.shared.log, &self.catalogue, group);
        let names = |client: &str| self.names.of(&self.shared.linking, client);
        let names = self.has_links.then_some(&names as &ClientNamed<'_>);
        self.filter.may_match(&BlockZone { group, sets, texts, names })
    }

    /// Whether a row is the latest of its exchange. Only in marked blocks can it be any other.
    fn is_latest(&self, group: &Group, n: u32, row: &RowView<'_>) -> bool {
        !group.needs_tracking() || self.catalogue.is_latest(row.glance.id.0, group.position, n)
    }

    pub(super) fn sieve(&self) -> Sieve<'_> {
        Sieve {
            shared: &self.shared,
            catalogue: &self.catalogue,
            filter: &self.filter,
            whole: self.whole,
        }
    }
}

fn told<T>(
    add: &(impl Fn(&mut T, &Told<'_>) + Sync),
) -> impl Fn(&mut T, &Group, u32, &RowView<'_>, Option<&RecordView<'_>>) + Sync {
    move |part, _, _, row, record| {
        let request = record.map(|record| HeadView(record.request.head));
        let sealed = record.map(|record| record.sealed).unwrap_or_default();
        add(part, &Told { row: row.glance, details: &row.details, request, sealed });
    }
}

/// All cores, but beside a recorder only half of them: traffic comes first.
fn cores(shared: &Shared) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if shared.read_only { cores } else { cores.div_ceil(2) }
}

/// What ascends in the order of the listing.
pub(super) fn key(order: Order, id: u64) -> u64 {
    match order {
        Order::OldestFirst => id,
        Order::NewestFirst => !id,
    }
}

/// The least key that a row of the block can have.
fn bound(order: Order, group: &Group) -> u64 {
    match order {
        Order::OldestFirst => group.first,
        Order::NewestFirst => !group.last,
    }
}
