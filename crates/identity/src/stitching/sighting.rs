//! An exchange as stitching sees it: what it shows, and how that was answered.

use wayside_exchange::{Evidence, EvidenceKind, ExchangeId, Link, LinkKind, Timestamp};

/// Digits of a keyed fingerprint.
const DIGITS: usize = 12;

/// What stitching needs to know of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Its id.
    pub id: ExchangeId,
    /// When it started.
    pub at: Timestamp,
    /// Its connection; zero for none.
    pub connection: u64,
    /// The connection whose TLS session this one goes on with.
    pub resumed: Option<u64>,
    /// What its strongest evidence names.
    pub name: &'a str,
    /// All its evidence, strongest first.
    pub evidence: &'a [Evidence],
    /// A hash of its whole user agent and of what TLS agreed on; zero where it is not known.
    pub agent: u64,
    /// How it was answered.
    pub status: Option<u16>,
    /// A trusted proxy sent it: the connection says nothing.
    pub relayed: bool,
}

impl Sighting<'_> {
    pub(super) fn kind(&self) -> Option<EvidenceKind> {
        self.evidence.first().map(|piece| piece.kind)
    }

    /// Whether it shows a credential, other than a cookie.
    pub(super) fn has_credential(&self) -> bool {
        self.kind().is_some_and(|kind| kind < EvidenceKind::Cookie)
    }

    /// Whether its strongest evidence is known by its fingerprint alone, and may be renewed: who is named
    /// in a certificate or a body is not.
    pub(super) fn is_opaque(&self) -> bool {
        self.evidence.first().is_some_and(|piece| {
            !matches!(piece.kind, EvidenceKind::Certificate | EvidenceKind::Body)
                && is_fingerprint(&piece.token)
        })
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..400).contains(&status))
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.status, Some(401 | 403))
    }

    pub(super) fn pieces(&self, kind: EvidenceKind) -> impl Iterator<Item = &str> {
        self.evidence.iter().filter(move |piece| piece.kind == kind).map(|piece| &*piece.token)
    }

    /// Fingerprints of all secrets that the request carried, as far as they are kept.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let names = self.evidence.iter().filter(|piece| {
            matches!(piece.kind, EvidenceKind::Bearer | EvidenceKind::Cookie)
                && is_fingerprint(&piece.token)
        });
        names.map(|piece| &*piece.token).chain(self.pieces(EvidenceKind::Carried))
    }

    /// Its address and user agent.
    pub(super) fn address(&self) -> &str {
        self.pieces(EvidenceKind::Address).next().unwrap_or_default()
    }

    /// Its address alone.
    pub(super) fn host(&self) -> &str {
        self.address().split('/').next().unwrap_or_default()
    }

    pub(super) fn lasting(&self, name: &str, client: &str, kind: LinkKind, confidence: u8) -> Link {
        Link {
            name: name.to_owned(),
            client: client.to_owned(),
            kind,
            confidence,
            connection: None,
            from: ExchangeId(0),
            until: None,
            proof: self.id,
        }
    }

    /// A link of one exchange.
    pub(super) fn just(
        &self,
        name: &str,
        connection: u64,
        id: ExchangeId,
        client: &str,
        kind: LinkKind,
        confidence: u8,
    ) -> Link {
        Link {
            connection: Some(connection),
            from: id,
            until: Some(ExchangeId(id.0 + 1)),
            ..self.lasting(name, client, kind, confidence)
        }
    }
}

/// Whether a name is no firm credential's.
pub(super) fn is_loose(name: &str) -> bool {
    name.starts_with("cookie:") || name.starts_with("addr:")
}

pub(super) fn is_fingerprint(token: &str) -> bool {
    token.len() == DIGITS && token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
