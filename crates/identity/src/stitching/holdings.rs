//! What a client is known to hold: tokens and cookies that it was given, and the device it is on.

use wayside_exchange::{Evidence, EvidenceKind, ExchangeId, LinkKind, Links, Timestamp};

use super::Sighting;
use super::recent::Recent;
use super::seats::Owner;

/// Secrets in answers that are remembered.
const SECRETS: usize = 65_536;
/// Devices that are remembered.
const DEVICES: usize = 16_384;

/// Secrets that were used before anybody was seen to be given them.
const EARLY: usize = 1024;

/// Who was given which secret, by its fingerprint.
#[derive(Debug)]
pub(super) struct Given {
    known: Recent<Box<str>, Giver>,
    early: Recent<Box<str>, Kept>,
}

/// A sighting that may have come too early.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    id: ExchangeId,
    at: Timestamp,
    connection: u64,
    resumed: Option<u64>,
    name: Box<str>,
    evidence: Vec<Evidence>,
    agent: u64,
    status: Option<u16>,
    relayed: bool,
}

/// Who was given a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    /// A client that is known.
    Client { name: Box<str>, near: Near },
    /// Somebody in this exchange, whoever that turns out to be.
    Exchange { name: Box<str>, connection: u64, id: ExchangeId, near: Near },
    /// Several: it says nothing.
    Shared,
}

/// Where a secret was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Near {
    host: Box<str>,
    connection: u64,
    /// In exchange for an earlier one.
    renewed: bool,
}

impl Giver {
    /// The client that was given it, where that is known by now, and where it was.
    pub(super) fn client<'a>(&'a self, links: &'a Links) -> Option<(&'a str, &'a Near)> {
        match self {
            Giver::Client { name, near } => Some((links.root(name), near)),
            Giver::Exchange { name, connection, id, near } => {
                let reason = links.reason(name, *connection, *id)?;
                let is_shown = matches!(reason.kind, LinkKind::Token | LinkKind::Cookie);
                is_shown.then(|| (links.root(reason.client), near))
            }
            Giver::Shared => None,
        }
    }
}

impl Near {
    /// Whether who uses the secret is who was given it, and not somebody for whom it was made.
    pub(super) fn is(&self, seen: &Sighting<'_>) -> bool {
        self.renewed
            || self.connection == seen.connection && !seen.relayed
            || *self.host == *seen.host()
    }
}

impl Kept {
    fn of(seen: &Sighting<'_>) -> Self {
        Self {
            id: seen.id,
            at: seen.at,
            connection: seen.connection,
            resumed: seen.resumed,
            name: seen.name.into(),
            evidence: seen.evidence.to_vec(),
            agent: seen.agent,
            status: seen.status,
            relayed: seen.relayed,
        }
    }

    pub(super) fn sighting(&self) -> Sighting<'_> {
        Sighting {
            id: self.id,
            at: self.at,
            connection: self.connection,
            resumed: self.resumed,
            name: &self.name,
            evidence: &self.evidence,
            agent: self.agent,
            status: self.status,
            relayed: self.relayed,
        }
    }
}

impl Default for Given {
    fn default() -> Self {
        Self { known: Recent::of(SECRETS), early: Recent::of(EARLY) }
    }
}

impl Given {
    pub(super) fn forgotten(&self) -> u64 {
        self.known.forgotten()
    }

    /// Remembers the secrets that an exchange of `owner` gave. Gives the sightings that used one before.
    pub(super) fn take(
        &mut self,
        seen: &Sighting<'_>,
        owner: Option<&str>,
        links: &Links,
    ) -> Vec<Kept> {
        for secret in seen.secrets() {
            if self.known.get(secret).is_none() && self.early.get(secret).is_none() {
                self.early.insert(secret.into(), Kept::of(seen));
            }
        }
        let mut early = Vec::new();
        for secret in seen.pieces(EvidenceKind::Given) {
            if seen.secrets().any(|carried| carried == secret) {
                continue;
            }
            let giver = match owner {
                Some(owner) => Giver::Client { name: owner.into(), near: self.near(seen, links) },
                None => Giver::Exchange {
                    name: seen.name.into(),
                    connection: seen.connection,
                    id: seen.id,
                    // Whoever shows to have been given one secret there was given them all.
                    near: Near { renewed: true, ..self.near(seen, links) },
                },
            };
            match (self.known.get_mut(secret), giver) {
                (None, giver) => {
                    self.known.insert(secret.into(), giver);
                    early.extend(self.early.take(secret).filter(|kept| kept.id > seen.id));
                }
                (Some(Giver::Client { name, .. }), Giver::Client { name: other, .. })
                    if links.root(name) == links.root(&other) => {}
                (Some(known), _) => *known = Giver::Shared,
            }
        }
        early
    }

    fn near(&self, seen: &Sighting<'_>, links: &Links) -> Near {
        let of_known = |secret| self.known.get(secret).and_then(|giver| giver.client(links));
        let is_bearer = seen.kind() == Some(EvidenceKind::Bearer) && seen.is_opaque();
        let renewed = is_bearer || seen.secrets().any(|secret| of_known(secret).is_some());
        Near { host: seen.host().into(), connection: seen.connection, renewed }
    }

    /// Who was given the secrets that the request carries.
    pub(super) fn of<'a>(&'a self, seen: &'a Sighting<'_>) -> impl Iterator<Item = &'a Giver> {
        seen.secrets().filter_map(|secret| self.known.get(secret))
    }

    /// Who was given the credential itself.
    pub(super) fn of_token(&self, seen: &Sighting<'_>) -> Option<&Giver> {
        self.known.get(&*seen.evidence.first()?.token)
    }

    pub(super) fn is_shared(&self, secret: &str) -> bool {
        matches!(self.known.get(secret), Some(Giver::Shared))
    }

    /// Several clients have this secret.
    pub(super) fn share(&mut self, secret: &str) {
        self.known.insert(secret.into(), Giver::Shared);
    }
}

/// Who is on which device.
#[derive(Debug)]
pub(super) struct Devices(Recent<Box<str>, Device>);

#[derive(Debug, Default)]
struct Device {
    owner: Owner,
    /// The firm credential that was seen last, and whether it was refused.
    last: Option<(Box<str>, bool)>,
}

impl Default for Devices {
    fn default() -> Self {
        Self(Recent::of(DEVICES))
    }
}

impl Devices {
    pub(super) fn forgotten(&self) -> u64 {
        self.0.forgotten()
    }

    /// The client is on its device.
    pub(super) fn firm(&mut self, seen: &Sighting<'_>, owner: &str, links: &Links) {
        let Some(device) = seen.pieces(EvidenceKind::Device).next() else { return };
        let device = self.0.of_name(device);
        if seen.is_refused() || seen.is_accepted() {
            device.last = Some((seen.name.into(), seen.is_refused()));
        }
        match &device.owner {
            Owner::Nobody => device.owner = Owner::One(owner.into()),
            Owner::One(one) if links.root(one) == owner || **one == *owner => {}
            Owner::One(_) | Owner::Several => device.owner = Owner::Several,
        }
    }

    /// The one client of the device.
    pub(super) fn owner(&self, seen: &Sighting<'_>, links: &Links) -> Option<Box<str>> {
        let device = self.0.get(seen.pieces(EvidenceKind::Device).next()?)?;
        match &device.owner {
            Owner::One(owner) => Some(links.root(owner).into()),
            Owner::Nobody | Owner::Several => None,
        }
    }

    /// The credential that its one client used last, and whether that was refused.
    pub(super) fn last(&self, seen: &Sighting<'_>) -> Option<(Box<str>, bool)> {
        let device = self.0.get(seen.pieces(EvidenceKind::Device).next()?)?;
        if matches!(device.owner, Owner::One(_)) { device.last.clone() } else { None }
    }

    /// More than one client turned out to be on it.
    pub(super) fn shared(&mut self, seen: &Sighting<'_>) {
        if let Some(device) = seen.pieces(EvidenceKind::Device).next()
            && let Some(device) = self.0.get_mut(device)
        {
            device.owner = Owner::Several;
        }
    }
}
