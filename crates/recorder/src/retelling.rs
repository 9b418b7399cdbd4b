//! Whose exchanges would be by other rules of evidence: the same reading of heads and the same stitching as while
//! recording, over what is stored. Nothing of it is kept.

use std::sync::Arc;

use wayside_exchange::filter::Filter;
use wayside_exchange::{Evidence, EvidenceKind, Label, Links};
use wayside_identity::{Credentials, Rules, Sighting, Stitcher, decode_secrets, restore};
use wayside_store::seal::SealingKey;
use wayside_store::{Order, Store, StoreError, Told};

use crate::desk::{agent, is_relayed};

/// What exchanges show by other rules, and whose they are therefore.
#[derive(Clone, Debug)]
pub struct Retelling {
    reader: Reader,
    links: Arc<Links>,
}

/// Reads evidence out of stored heads.
#[derive(Debug)]
struct Reader {
    key: SealingKey,
    rules: Rules,
    credentials: Credentials,
    unopened: u64,
}

/// Who is who, as far as it was read.
struct Reading {
    reader: Reader,
    stitcher: Stitcher,
    links: Links,
}

impl Retelling {
    /// Reads the whole recording by `rules`; `labels` say what clients are called.
    pub fn of(
        store: &Store,
        key: SealingKey,
        rules: Rules,
        labels: Vec<Label>,
    ) -> Result<Self, StoreError> {
        let reader = Reader::new(key, rules);
        let (stitcher, links) = (Stitcher::default(), Links::default());
        let mut reading = Reading { reader, stitcher, links };
        let scan = store.scan(Filter::all(), Order::OldestFirst).with_heads();
        scan.each(&mut reading, Reading::see)?;
        reading.links.relabel(labels);
        let Reading { reader, links, .. } = reading;
        Ok(Self { reader, links: Arc::new(links) })
    }

    /// Exchanges whose credentials could not be opened, so that they go by what is left of their heads.
    pub fn unopened(&self) -> u64 {
        self.reader.unopened
    }

    /// Who is who.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Whose an exchange is; `told` has its request's head.
    pub fn client(&mut self, told: &Told<'_>) -> String {
        let own = name(&self.reader.evidence(told));
        self.links.client_of(&own, told.row.connection, told.row.id).to_owned()
    }
}

impl Reading {
    fn see(&mut self, told: &Told<'_>) {
        if !told.row.has_request() {
            return;
        }
        let evidence = self.reader.evidence(told);
        let seen = Sighting {
            id: told.row.id,
            at: told.row.started_at,
            connection: told.row.connection,
            // Which session a connection resumed is known while it lasts, and is not stored.
            resumed: None,
            name: &name(&evidence),
            evidence: &evidence,
            agent: agent(told.request.unwrap_or_default(), told.details.tls().as_deref()),
            status: told.row.status,
            relayed: is_relayed(told.details.client_addr(), &evidence),
        };
        for link in self.stitcher.see(&seen, &self.links) {
            self.links.add(&link);
        }
    }
}

impl Reader {
    fn new(key: SealingKey, rules: Rules) -> Self {
        let credentials = Credentials::new(key.fingerprint_key(), rules.clone());
        Self { key, rules, credentials, unopened: 0 }
    }

    /// What an exchange shows. A head whose secrets cannot be opened is read as it is stored; of bodies and
    /// responses what was found while recording stays.
    fn evidence(&mut self, told: &Told<'_>) -> Vec<Evidence> {
        let stored = told.request.unwrap_or_default();
        let secrets = if told.sealed.is_empty() {
            None
        } else {
            let opened = self.key.unseal(told.row.id, told.sealed).ok();
            let secrets = opened.and_then(|plain| decode_secrets(&plain).ok());
            self.unopened += u64::from(secrets.is_none());
            secrets
        };
        let head = match &secrets {
            Some(secrets) => restore(stored.0, secrets),
            None => stored.0.to_vec(),
        };
        let client_addr = told.details.client_addr();
        let mut evidence = self.credentials.request(&head, client_addr).evidence;
        if let Some(certificate) = told.details.tls().and_then(|tls| tls.client_certificate.clone())
        {
            self.credentials.add_certificate(&mut evidence, &certificate.name, client_addr);
        }
        for piece in told.details.evidence().iter() {
            if piece.kind == EvidenceKind::Body {
                self.credentials.insert(&mut evidence, piece.clone());
            }
            let is_later = matches!(piece.kind, EvidenceKind::Carried | EvidenceKind::Given);
            if is_later && !evidence.iter().any(|known| known.token == piece.token) {
                evidence.push(piece.clone());
            }
        }
        evidence
    }
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        Self::new(self.key.clone(), self.rules.clone())
    }
}

fn name(evidence: &[Evidence]) -> String {
    evidence.first().map(ToString::to_string).unwrap_or_default()
}
