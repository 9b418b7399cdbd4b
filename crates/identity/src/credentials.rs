//! Takes credentials out of heads and learns from them whose exchange it is.
//!
//! One pass over the head finds the places (`places`); each secret there becomes a token, its keyed
//! fingerprint (`fingerprint`), and some are evidence (`claim`). All else stays byte for byte, and a
//! head without secrets is lent back.

pub(crate) mod claim;
pub(crate) mod fingerprint;
mod named_in_body;
pub(crate) mod names;
mod places;
pub(crate) mod url;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use wayside_exchange::{Evidence, EvidenceKind, Half, HeadView};

use crate::bodies::{BodySearch, Ending, Hit, Seeking, Taken};
use crate::rules::Rules;
use crate::secrets::{Secrets, TOKEN_PREFIX, is_token};
use fingerprint::{Fingerprints, Known};
pub use named_in_body::NamedInBody;
use places::{Part, Place};

/// A shorter secret may be anybody's: it joins nobody.
const LEAST: usize = 12;
/// Of one message so many secrets are looked for in others.
const MOST_CARRIED: usize = 8;

/// The rules of what is a secret and what is evidence, and the fingerprints of the secrets.
#[derive(Debug)]
pub struct Credentials {
    fingerprints: Fingerprints,
    rules: Rules,
    hits: Vec<Hit>,
}

/// A request head that is safe to store, and what was learnt from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The head; borrowed when nothing had to be taken out of it.
    pub head: Cow<'a, [u8]>,
    /// What was taken out.
    pub secrets: Secrets,
    /// Why it is believed to be a client's, strongest first, the address last, and behind it what may
    /// join it to other exchanges; never empty.
    pub evidence: Vec<Evidence>,
    /// A trusted proxy sent it for somebody at another address.
    pub relayed: bool,
}

impl Credentials {
    /// The same key gives the same secret the same token.
    pub fn new(fingerprint_key: [u8; 32], rules: Rules) -> Self {
        Self { fingerprints: Fingerprints::new(&fingerprint_key), rules, hits: Vec::new() }
    }

    /// The search through the body of `half` of an exchange with these heads.
    pub fn search(&self, half: Half, request: HeadView<'_>, response: HeadView<'_>) -> BodySearch {
        BodySearch::of(&self.rules, half, request, response)
    }

    /// Goes on with `search` through `run`, which follows what was decided before, and adds what has
    /// to be taken out of it, in order. Gives how many bytes of it are decided: the others come again
    /// at the beginning of the next run.
    pub fn find(
        &mut self,
        search: &mut BodySearch,
        run: &[u8],
        ending: Ending,
        taken: &mut Vec<Taken>,
    ) -> usize {
        let mut seeking = Seeking {
            rules: &self.rules,
            fingerprints: &mut self.fingerprints,
            hits: std::mem::take(&mut self.hits),
        };
        let decided = search.find(&mut seeking, run, ending, taken);
        self.hits = seeking.hits;
        decided
    }

    /// Redacts a request head in the form of [`wayside_exchange::Head`] that came from
    /// `client_addr`.
    pub fn request<'a>(&mut self, head: &'a [u8], client_addr: SocketAddr) -> Redacted<'a> {
        let mut found = Found::default();
        let mut redaction = Redaction::of(head);
        let is_kept = self.rules.seals_nothing();
        places::find(head, Part::Request, &self.rules, &mut |place, range| {
            if place == Place::UserAgent {
                found.user_agent = range;
                return;
            }
            let Some(secret) = head.get(range.clone()) else { return };
            let known = self.fingerprints.of(secret);
            // What stands for a secret is none.
            if !is_kept && !is_token(secret) && place != Place::Device {
                redaction.replace(range, &known.fingerprint);
            }
            found.note(place, secret, known, &self.rules);
        });
        let user_agent = head.get(found.user_agent.clone()).unwrap_or_default();
        let naming = &self.rules.naming;
        let source = naming.source(HeadView(head), client_addr.ip());
        let evidence = found.evidence(source, user_agent, &self.rules);
        let (head, secrets) = redaction.done();
        Redacted { head, secrets, evidence, relayed: source != client_addr.ip() }
    }

    /// What looks for the client's name in the body of a request; none where it is not to be looked for.
    pub fn named_in_body(&self, request: HeadView<'_>) -> Option<NamedInBody> {
        if self.rules.naming.pointers.is_empty() { None } else { NamedInBody::of(request) }
    }

    /// Goes on through a body.
    pub fn read_name(&self, search: &mut NamedInBody, data: &[u8]) {
        search.read(data, &self.rules.naming.pointers);
    }

    /// Adds the name that was found in a body, by its fingerprint.
    pub fn add_name_in_body(&mut self, evidence: &mut Vec<Evidence>, search: &NamedInBody) {
        if let Some(name) = search.name().filter(|name| !is_token(name)) {
            let token = self.fingerprints.of(name).fingerprint.clone();
            self.insert(evidence, Evidence { kind: EvidenceKind::Body, token });
        }
    }

    /// Adds the name in the certificate that a client at `client_addr` showed.
    pub fn add_certificate(
        &mut self,
        evidence: &mut Vec<Evidence>,
        name: &str,
        client_addr: SocketAddr,
    ) {
        // That of a proxy is its own.
        if !self.rules.naming.trusts(client_addr.ip()) {
            let token = claim::plain(name, &self.fingerprints.of(name.as_bytes()).fingerprint);
            self.insert(evidence, Evidence { kind: EvidenceKind::Certificate, token });
        }
    }

    /// Adds a piece of evidence behind what is stronger.
    pub fn insert(&self, evidence: &mut Vec<Evidence>, piece: Evidence) {
        let rank = |kind| self.rules.naming.rank(kind);
        let is_weaker =
            |other: &Evidence| !other.kind.names_a_client() || rank(other.kind) > rank(piece.kind);
        let at = evidence.iter().position(is_weaker).unwrap_or(evidence.len());
        evidence.insert(at, piece);
    }

    /// Redacts a response head, interim or final.
    pub fn response<'a>(&mut self, head: &'a [u8]) -> (Cow<'a, [u8]>, Secrets) {
        self.redact(head, Part::Response)
    }

    /// Redacts trailer lines of either half.
    pub fn trailers<'a>(&mut self, trailers: &'a [u8]) -> (Cow<'a, [u8]>, Secrets) {
        self.redact(trailers, Part::Trailers)
    }

    fn redact<'a>(&mut self, head: &'a [u8], part: Part) -> (Cow<'a, [u8]>, Secrets) {
        let mut redaction = Redaction::of(head);
        if self.rules.seals_nothing() {
            return redaction.done();
        }
        places::find(head, part, &self.rules, &mut |place, range| {
            if place != Place::UserAgent
                && let Some(secret) = head.get(range.clone())
                && !is_token(secret)
            {
                redaction.replace(range, &self.fingerprints.of(secret).fingerprint);
            }
        });
        redaction.done()
    }
}

/// The fingerprints in what stands in for secrets, of those that are long enough to join exchanges by;
/// each comes with the length of its secret.
pub fn fingerprints<'a>(
    stand_ins: impl IntoIterator<Item = (&'a [u8], usize)>,
) -> impl Iterator<Item = String> {
    let long = stand_ins.into_iter().filter(|(_, length)| *length >= LEAST);
    long.filter_map(|(stand_in, _)| fingerprint_in(stand_in)).take(MOST_CARRIED)
}

/// The fingerprint in what stands in for a secret.
fn fingerprint_in(stand_in: &[u8]) -> Option<String> {
    let prefix = TOKEN_PREFIX.as_bytes();
    let at = memchr::memmem::find(stand_in, prefix)? + prefix.len();
    let digits = stand_in.get(at..at + fingerprint::DIGITS)?;
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| digits.to_owned())
}

/// A head on its way to being redacted.
struct Redaction<'a> {
    head: &'a [u8],
    redacted: Vec<u8>,
    /// Up to where the head is already in `redacted`.
    copied: usize,
    secrets: Secrets,
}

impl<'a> Redaction<'a> {
    fn of(head: &'a [u8]) -> Self {
        Self { head, redacted: Vec::new(), copied: 0, secrets: Secrets::new() }
    }

    /// Places come in order and do not overlap.
    fn replace(&mut self, range: Range<usize>, fingerprint: &str) {
        let Some(secret) = self.head.get(range.clone()) else { return };
        if self.redacted.capacity() == 0 {
            self.redacted.reserve(self.head.len() + 64);
        }
        let before = self.head.get(self.copied..range.start).unwrap_or_default();
        self.redacted.extend_from_slice(before);
        self.redacted.extend_from_slice(TOKEN_PREFIX.as_bytes());
        self.redacted.extend_from_slice(fingerprint.as_bytes());
        self.copied = range.end;
        let known = |(token, _): &(String, Vec<u8>)| token.ends_with(fingerprint);
        if !self.secrets.iter().any(known) {
            self.secrets.push((format!("{TOKEN_PREFIX}{fingerprint}"), secret.to_vec()));
        }
    }

    fn done(mut self) -> (Cow<'a, [u8]>, Secrets) {
        if self.secrets.is_empty() {
            return (Cow::Borrowed(self.head), self.secrets);
        }
        self.redacted.extend_from_slice(self.head.get(self.copied..).unwrap_or_default());
        (Cow::Owned(self.redacted), self.secrets)
    }
}

/// The evidence in one head: the first of each kind.
#[derive(Default)]
struct Found {
    key: Option<String>,
    bearer: Option<String>,
    basic: Option<String>,
    cookie: Option<String>,
    device: Option<String>,
    /// Fingerprints of secrets that may have been given to the client before.
    carried: Vec<String>,
    user_agent: Range<usize>,
}

impl Found {
    fn note(&mut self, place: Place, secret: &[u8], known: &Known, rules: &Rules) {
        let may_be_given = matches!(place, Place::Bearer | Place::SessionCookie | Place::Other);
        if may_be_given && secret.len() >= LEAST && self.carried.len() < MOST_CARRIED {
            self.carried.push(known.fingerprint.clone());
        }
        let slot = match place {
            Place::Key | Place::SignedRequest => &mut self.key,
            Place::Bearer => &mut self.bearer,
            Place::Basic | Place::Digest => &mut self.basic,
            Place::SessionCookie => &mut self.cookie,
            Place::Device => &mut self.device,
            Place::Other | Place::UserAgent => return,
        };
        let name = |secret: &[u8]| match place {
            Place::SignedRequest => claim::access_key(secret),
            Place::Bearer => claim::of_bearer(secret, &rules.naming.claims),
            Place::Basic => claim::user_of_basic(secret),
            Place::Digest => claim::user_of_digest(secret),
            _ => None,
        };
        if slot.is_some() {
            return;
        }
        let fingerprint = &known.fingerprint;
        let read = || name(secret).map(|name| claim::plain(&name, fingerprint));
        *slot = match known.name(place, read) {
            Some(name) => Some(name),
            // Whatever signs each request anew has no fingerprint that lasts.
            None if matches!(place, Place::SignedRequest | Place::Digest) => None,
            None => Some(fingerprint.clone()),
        };
    }

    fn evidence(self, ip: IpAddr, user_agent: &[u8], rules: &Rules) -> Vec<Evidence> {
        let own = [&self.key, &self.bearer, &self.basic, &self.cookie];
        let is_named = |token: &String| own.iter().any(|name| name.as_ref() == Some(token));
        let carried: Vec<String> =
            self.carried.iter().filter(|token| !is_named(token)).cloned().collect();
        let mut secrets = [
            (EvidenceKind::Key, self.key),
            (EvidenceKind::Bearer, self.bearer),
            (EvidenceKind::Basic, self.basic),
            (EvidenceKind::Cookie, self.cookie),
        ];
        secrets.sort_by_key(|(kind, _)| rules.naming.rank(*kind));
        let address = claim::address(ip, user_agent);
        let address = Evidence { kind: EvidenceKind::Address, token: address };
        let named = secrets.into_iter().filter_map(|(kind, token)| Some((kind, token?)));
        let piece = |(kind, token)| Evidence { kind, token };
        let device = self.device.map(|token| (EvidenceKind::Device, token));
        let carried = carried.into_iter().map(|token| (EvidenceKind::Carried, token));
        let joining = device.into_iter().chain(carried).map(piece);
        named.map(piece).chain([address]).chain(joining).collect()
    }
}

#[cfg(test)]
mod tests;
