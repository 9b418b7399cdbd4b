//! The links of a recording, and what they make of a name: one look-up for each row.
//!
//! What holds for good leads from name to name; what holds for a while, or on one connection, leads
//! into that. Memory is bounded: of links that hold on one connection, or for a while, the oldest go
//! when there are too many.

mod label;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
pub use label::Label;

use crate::id::ExchangeId;
use crate::link::{Link, LinkKind};
use crate::summary::EvidenceKind;

/// Links that hold on one connection or for a while.
const MOST_SCOPED: usize = 200_000;
/// Links that hold for good.
const MOST_LASTING: usize = 500_000;
/// So many names lead on to the next; a circle ends here.
const LONGEST_WAY: usize = 32;
/// A client with more names than this may be anywhere.
const MOST_NAMES: usize = 256;

/// All links, labels, and names that are kept apart.
#[derive(Clone, Debug, Default)]
pub struct Links {
    names: HashMap<Arc<str>, Known, RandomState>,
    /// By client, the names that lead to it at once.
    behind: HashMap<Arc<str>, BTreeSet<Arc<str>>, RandomState>,
    /// Links that do not hold for good, in the order in which they came.
    scoped: VecDeque<(Arc<str>, (u64, ExchangeId))>,
    lasting: usize,
    apart: BTreeSet<String>,
    labels: Vec<Label>,
    folded: u64,
    changes: u64,
    joined: u64,
}

/// Where a name leads.
#[derive(Clone, Debug, Default)]
struct Known {
    always: Option<Lead>,
    /// By connection and beginning.
    scoped: BTreeMap<(u64, ExchangeId), Lead>,
}

/// Why an exchange belongs to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// The client.
    pub client: &'a str,
    /// What kind of reason.
    pub kind: LinkKind,
    /// How sure it is, in per cent.
    pub confidence: u8,
    /// The exchange that proves it.
    pub proof: ExchangeId,
}

#[derive(Clone, Debug)]
struct Lead {
    client: Arc<str>,
    kind: LinkKind,
    confidence: u8,
    until: Option<ExchangeId>,
    proof: ExchangeId,
}

impl Links {
    /// Whether names mean what they say.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.labels.is_empty()
    }

    /// Grows whenever a name is split off, joined again, labelled or forgotten, so that what was counted
    /// may be another's.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Grows with every link that holds for good.
    pub fn joined(&self) -> u64 {
        self.joined
    }

    /// Links that went for want of room.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Takes a link up. Says whether that changed anything.
    pub fn add(&mut self, link: &Link) -> bool {
        let name = self.interned(&link.name);
        let scope = (link.connection.unwrap_or(0), link.from);
        let lead = Lead {
            client: self.interned(&link.client),
            kind: link.kind,
            confidence: link.confidence,
            until: link.until,
            proof: link.proof,
        };
        let always = link.holds_always();
        if always && !link.is_withdrawal() && self.root(&link.client) == link.name {
            // A circle would lead nowhere.
            return false;
        }
        let known = self.names.entry(Arc::clone(&name)).or_default();
        let slot = if always { known.always.as_ref() } else { known.scoped.get(&scope) };
        let old = slot.map(|old| Arc::clone(&old.client));
        if link.is_withdrawal() && old.is_none()
            || slot.is_some_and(|old| old.client == lead.client && old.until == lead.until)
        {
            return false;
        }
        if always && old.is_none() {
            if self.lasting >= MOST_LASTING {
                self.folded += 1;
                return false;
            }
            self.lasting += 1;
        }
        match (always, link.is_withdrawal()) {
            (true, true) => {
                known.always = None;
                self.lasting -= 1;
            }
            (true, false) => {
                known.always = Some(lead.clone());
                self.joined += 1;
            }
            (false, true) => {
                known.scoped.remove(&scope);
            }
            (false, false) => {
                known.scoped.insert(scope, lead.clone());
            }
        }
        if let Some(old) = &old {
            self.forget_behind(&name, old);
        }
        if !link.is_withdrawal() {
            self.behind.entry(lead.client).or_default().insert(Arc::clone(&name));
            if !always && old.is_none() {
                self.scoped.push_back((name, scope));
                self.make_room();
            }
        }
        true
    }

    /// Keeps `name` apart: links lead from it no more, until [`Links::rejoin`].
    pub fn split(&mut self, name: &str) -> bool {
        let fresh = self.apart.insert(name.to_owned());
        self.changes += u64::from(fresh);
        fresh
    }

    /// Lets links lead from `name` again.
    pub fn rejoin(&mut self, name: &str) -> bool {
        let gone = self.apart.remove(name);
        self.changes += u64::from(gone);
        gone
    }

    /// Names that are kept apart.
    pub fn apart(&self) -> impl Iterator<Item = &str> {
        self.apart.iter().map(String::as_str)
    }

    /// Whether a name is kept apart.
    pub fn is_apart(&self, name: &str) -> bool {
        self.apart.contains(name)
    }

    /// Puts labels in the place of those that there are. Says whether that changed anything.
    pub fn relabel(&mut self, labels: Vec<Label>) -> bool {
        let differ = self.labels != labels;
        self.labels = labels;
        self.changes += u64::from(differ);
        differ
    }

    /// The labels, in order.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The label of this name.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name == name)
    }

    /// Whose exchange `id` on `connection` is, when its own evidence names `name`: a label, or the name
    /// of the client.
    pub fn client_of<'a>(&'a self, name: &'a str, connection: u64, id: ExchangeId) -> &'a str {
        if self.is_empty() || name.is_empty() {
            return name;
        }
        let first = self.lead(name, connection, id).map_or(name, |lead| &*lead.client);
        self.labelled(first).unwrap_or_else(|| self.root(first))
    }

    /// The same without labels.
    pub fn owner_of<'a>(&'a self, name: &'a str, connection: u64, id: ExchangeId) -> &'a str {
        self.root(self.lead(name, connection, id).map_or(name, |lead| &*lead.client))
    }

    /// The client that `name` belongs to for good; itself, where it belongs to nobody else.
    pub fn root<'a>(&'a self, name: &'a str) -> &'a str {
        self.way(name).last().unwrap_or(name)
    }

    /// What a name that somebody types means: the client or label that it belongs to for good.
    pub fn meaning<'a>(&'a self, name: &'a str) -> &'a str {
        self.labelled(name).unwrap_or_else(|| self.root(name))
    }

    /// Why an exchange that goes by `name` belongs to another client there and then, if it does.
    pub fn reason(&self, name: &str, connection: u64, id: ExchangeId) -> Option<Reason<'_>> {
        let Lead { client, kind, confidence, proof, .. } = self.lead(name, connection, id)?;
        Some(Reason { client, kind: *kind, confidence: *confidence, proof: *proof })
    }

    /// The other names that a filter's name of a client may mean: the whole name, or its part after the
    /// kind of evidence.
    pub fn renamed(&self, text: &str) -> Option<String> {
        let kinds = EvidenceKind::ALL.iter().filter(|kind| kind.names_a_client());
        let spelled = kinds.map(|kind| format!("{}:{text}", kind.as_str()));
        std::iter::once(text.to_owned()).chain(spelled).find_map(|name| {
            let meant = self.meaning(&name);
            (meant != name).then(|| meant.to_owned())
        })
    }

    /// Whether any link, even one that is withdrawn for now, leads from `name`.
    pub fn leads_from(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|known| known.always.is_some() || !known.scoped.is_empty())
    }

    /// The names under which exchanges of `client` may stand; none where they may be any.
    pub fn names_of<'a>(&'a self, client: &'a str) -> Option<Vec<&'a str>> {
        let mut names: Vec<&str> = Vec::new();
        let mut ahead: Vec<&str> = Vec::new();
        match self.label(client) {
            Some(label) => ahead.extend(label.exact()?),
            None => ahead.push(client),
        }
        while let Some(name) = ahead.pop() {
            if names.contains(&name) {
                continue;
            }
            if names.len() >= MOST_NAMES {
                return None;
            }
            names.push(name);
            ahead.extend(self.behind.get(name).into_iter().flatten().map(|name| &**name));
        }
        Some(names)
    }

    /// Every link, for who writes them down.
    pub fn iter(&self) -> impl Iterator<Item = Link> {
        self.names.iter().flat_map(|(name, known)| {
            let always = known.always.iter().map(|lead| ((0, ExchangeId(0)), lead));
            let scoped = known.scoped.iter().map(|(scope, lead)| (*scope, lead));
            always.chain(scoped).map(|((connection, from), lead)| Link {
                name: name.to_string(),
                client: lead.client.to_string(),
                kind: lead.kind,
                confidence: lead.confidence,
                connection: Some(connection).filter(|&connection| connection > 0),
                from,
                until: lead.until,
                proof: lead.proof,
            })
        })
    }

    /// Forgets a client: every link from and to the names that it goes by for good, and its label. Says
    /// whether there was any.
    pub fn forget(&mut self, client: &str) -> bool {
        let mut names: Vec<Arc<str>> = match self.label(client) {
            Some(label) => label.exact().into_iter().flatten().map(Arc::from).collect(),
            None => vec![self.interned(client)],
        };
        let before = self.labels.len();
        self.labels.retain(|label| label.name != client);
        let mut any = self.labels.len() < before;
        let mut n = 0;
        while let Some(name) = names.get(n).cloned() {
            n += 1;
            let lasting = self.behind.get(&name).into_iter().flatten().filter(|behind| {
                let always = self.names.get(*behind).and_then(|known| known.always.as_ref());
                always.is_some_and(|lead| lead.client == name)
            });
            let lasting: Vec<Arc<str>> =
                lasting.filter(|behind| !names.contains(behind)).cloned().collect();
            names.extend(lasting);
            any |= self.forget_name(&name);
        }
        self.scoped.retain(|(from, scope)| {
            self.names.get(from).is_some_and(|known| known.scoped.contains_key(scope))
        });
        self.changes += u64::from(any);
        any
    }

    fn forget_name(&mut self, name: &str) -> bool {
        let mut any = self.apart.remove(name);
        let mut names: Vec<Arc<str>> = self.behind.remove(name).into_iter().flatten().collect();
        names.extend(self.names.get_key_value(name).map(|(name, _)| Arc::clone(name)));
        for from in names {
            let Some(known) = self.names.get_mut(&from) else { continue };
            let goes = |lead: &Lead| *from == *name || &*lead.client == name;
            if known.always.as_ref().is_some_and(goes) {
                known.always = None;
                self.lasting -= 1;
            }
            known.scoped.retain(|_, lead| !goes(lead));
            any = true;
        }
        self.names.remove(name);
        for names in self.behind.values_mut() {
            names.remove(name);
        }
        any
    }

    /// Where the name leads there and then.
    fn lead(&self, name: &str, connection: u64, id: ExchangeId) -> Option<&Lead> {
        let known = self.names.get(name)?;
        if !self.apart.is_empty() && self.apart.contains(name) {
            return None;
        }
        let mut begun = known.scoped.range((connection, ExchangeId(0))..=(connection, id));
        let scoped = begun.next_back().map(|(_, lead)| lead);
        scoped.filter(|lead| lead.until.is_none_or(|until| id < until)).or(known.always.as_ref())
    }

    /// The names that `name` leads to for good, one after the other.
    fn way<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(name), |name| {
            let lead = self.names.get(*name)?.always.as_ref()?;
            (self.apart.is_empty() || !self.apart.contains(*name)).then_some(&*lead.client)
        })
        .take(LONGEST_WAY)
    }

    /// The label of a client, by any of the names that it goes by for good.
    fn labelled(&self, name: &str) -> Option<&str> {
        if self.labels.is_empty() {
            return None;
        }
        let label = self.labels.iter().find(|label| self.way(name).any(|name| label.fits(name)))?;
        Some(&label.name)
    }

    fn interned(&self, name: &str) -> Arc<str> {
        self.names.get_key_value(name).map_or_else(|| name.into(), |(known, _)| Arc::clone(known))
    }

    /// Forgets that `name` leads to `client`, unless another of its links does.
    fn forget_behind(&mut self, name: &str, client: &str) {
        let leads = |lead: &Lead| &*lead.client == client;
        let still = self.names.get(name).is_some_and(|known| {
            known.always.as_ref().is_some_and(leads) || known.scoped.values().any(leads)
        });
        if !still && let Some(names) = self.behind.get_mut(client) {
            names.remove(name);
        }
    }

    fn make_room(&mut self) {
        while self.scoped.len() > MOST_SCOPED
            && let Some((name, scope)) = self.scoped.pop_front()
        {
            let gone = self.names.get_mut(&name).and_then(|known| known.scoped.remove(&scope));
            if let Some(gone) = gone {
                self.folded += 1;
                self.forget_behind(&name, &gone.client);
            }
        }
    }
}

#[cfg(test)]
mod tests;
