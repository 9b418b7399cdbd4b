//! From a running exchange to a record: whose it is, what is secret in it, and its row.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use foldhash::fast::FixedState;
use wayside_exchange::cause::chain;
use wayside_exchange::{
    BodyEnd, Evidence, EvidenceKind, ExchangeId, Half, HeadView, Mark, Scheme, Summary, Tls,
};
use wayside_identity::{Ending, Sighting, encode_secrets, fingerprints};
use wayside_store::{NewBody, NewMessage, NewRecord, NewVeil, StoreError};

use super::running::{Part, Running};
use super::veil::Provisional;
use super::{Desk, guarding};

/// The same for every exchange.
const AGENTS: FixedState = FixedState::with_seed(0);

/// An exchange's row, and its heads as they are stored.
#[derive(Debug)]
pub(super) struct Draft {
    summary: Summary,
    /// Whose it is; the row has its own name.
    client: String,
    request: Safe,
    response: Safe,
    /// None where they are stored as they came.
    informed: Option<Vec<Bytes>>,
    /// The secrets that were taken out of heads and trailers.
    sealed: Vec<u8>,
}

/// A head and trailers without their secrets; none where they are stored as they came.
#[derive(Debug)]
struct Safe {
    head: Option<Vec<u8>>,
    trailers: Option<Vec<u8>>,
}

/// What is written of both bodies, beside what is decided of them.
#[derive(Debug)]
pub(super) struct Bodies {
    request: Provisional,
    response: Provisional,
}

impl Desk {
    /// Searches both bodies.
    pub(super) fn bodies(&mut self, running: &mut Running, open: bool) -> Bodies {
        let request = self.body(running, Half::Request, open);
        Bodies { request, response: self.body(running, Half::Response, open) }
    }

    /// Finds out whose `running` is, and takes the secrets out of its heads.
    pub(super) fn draft(&mut self, running: &mut Running, open: bool) -> Draft {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let connection = running.connection.clone();
        let client_addr = connection.as_ref().map_or(nowhere, |known| known.client_addr);
        let request = self.credentials.request(&running.request.head, client_addr);
        let (response_head, response_secrets) = self.credentials.response(&running.response.head);
        let (request_trailers, in_request) = self.credentials.trailers(&running.request.trailers);
        let (response_trailers, in_response) =
            self.credentials.trailers(&running.response.trailers);
        let given_in_head = response_secrets.iter();
        let given_in_head = given_in_head.map(|(token, secret)| (token.as_bytes(), secret.len()));
        let given_in_head: Vec<String> = fingerprints(given_in_head).collect();
        let mut secrets = request.secrets;
        for more in [response_secrets, in_request, in_response] {
            secrets.extend(more);
        }
        let mut informed = None;
        for n in 0..running.informed.len() {
            let Some(head) = running.informed.get(n) else { continue };
            if let (Cow::Owned(redacted), more) = self.credentials.response(head) {
                secrets.extend(more);
                let informed = informed.get_or_insert_with(|| running.informed.clone());
                if let Some(slot) = informed.get_mut(n) {
                    *slot = Bytes::from(redacted);
                }
            }
        }
        let sealed = if secrets.is_empty() {
            Vec::new()
        } else {
            self.key.seal(running.id, &encode_secrets(&secrets))
        };

        let mut evidence = request.evidence;
        let certificate = connection
            .as_ref()
            .and_then(|known| known.tls.as_ref())
            .and_then(|tls| tls.client_certificate.as_ref());
        if let Some(certificate) = certificate {
            self.credentials.add_certificate(&mut evidence, &certificate.name, client_addr);
        }
        if let Some(named) = &running.named {
            self.credentials.add_name_in_body(&mut evidence, named);
        }
        let own_name = evidence.first().map(ToString::to_string).unwrap_or_default();
        let of_body = |half: &Part, kind| {
            let stand_ins = half.veil.iter().flat_map(|veil| veil.stand_ins());
            let tokens = fingerprints(stand_ins).map(|token| Evidence { kind, token });
            tokens.collect::<Vec<_>>()
        };
        evidence.extend(of_body(&running.request, EvidenceKind::Carried));
        evidence.extend(
            given_in_head.into_iter().map(|token| Evidence { kind: EvidenceKind::Given, token }),
        );
        evidence.extend(of_body(&running.response, EvidenceKind::Given));
        let connection_id = connection.as_ref().map_or(0, |known| known.id);
        let status = HeadView(&response_head).status();
        let client = if open || request.head.is_empty() {
            self.client_of(&own_name, connection_id, running.id)
        } else {
            self.stitch(&Sighting {
                id: running.id,
                at: running.started_at,
                connection: connection_id,
                resumed: connection.as_ref().and_then(|known| known.resumed),
                name: &own_name,
                evidence: &evidence,
                agent: agent(
                    HeadView(&request.head),
                    connection.as_ref().and_then(|known| known.tls.as_ref()),
                ),
                status,
                relayed: request.relayed,
            })
        };
        let placed = running.session;
        let session =
            placed.unwrap_or_else(|| self.sessions.place(&client, running.id, running.started_at));
        running.session = Some(session);
        self.sessions.touch(&client, session, running.started_at.plus(running.timing.total));
        let head = HeadView(&request.head);
        let (method, target) = (head.method(), head.target());
        let tls = connection.as_ref().and_then(|known| known.tls.clone());
        let host = head.pseudo(b":authority").or_else(|| head.field("host")).unwrap_or_default();
        let route = if method.is_empty() {
            String::new()
        } else {
            let well = !open && status.is_some_and(|status| status < 400);
            self.routes.of(&method, &target, well)
        };
        let mut marks = running.marks;
        if open {
            marks.insert(Mark::Open);
        }
        let summary = Summary {
            id: running.id,
            started_at: running.started_at,
            client: own_name,
            session,
            connection: connection_id,
            client_addr,
            http_version: running.version,
            scheme: if tls.is_some() { Scheme::Https } else { Scheme::Http },
            tls,
            route,
            method: method.into_owned(),
            host: String::from_utf8_lossy(host).into_owned(),
            target: target.into_owned(),
            status,
            outcome: running.outcome,
            failure: running.failure.clone(),
            timing: running.timing,
            request_bytes: running.request.bytes,
            response_bytes: running.response.bytes,
            marks,
            evidence,
        };
        let taken_out = |stored| match stored {
            Cow::Owned(stored) => Some(stored),
            Cow::Borrowed(_) => None,
        };
        let request = Safe { head: taken_out(request.head), trailers: taken_out(request_trailers) };
        let response =
            Safe { head: taken_out(response_head), trailers: taken_out(response_trailers) };
        Draft { summary, client, request, response, informed, sealed }
    }

    /// Appends `running` as it stands.
    pub(super) fn append_record(
        &mut self,
        running: &Running,
        bodies: &Bodies,
        draft: Draft,
        open: bool,
    ) -> (Summary, Result<(), StoreError>) {
        let Draft { mut summary, client, request, response, informed, sealed } = draft;
        let answered = !running.response.head.is_empty();
        let mut request_rest = running.request.decided();
        request_rest.push(&bodies.request.tail);
        let mut response_rest = running.response.decided();
        response_rest.push(&bodies.response.tail);
        let record = NewRecord {
            summary: &summary,
            request: message(&request, (&running.request, &bodies.request, &request_rest), open),
            informed: informed.as_deref().unwrap_or(&running.informed),
            response: answered.then_some(message(
                &response,
                (&running.response, &bodies.response, &response_rest),
                open,
            )),
            sealed: &sealed,
        };
        let result = self.with_writer(|writer| writer.append(&record));
        // The record names whom its own evidence names; everybody else is told whose it is.
        summary.client = client;
        (summary, result)
    }

    /// Whose an exchange is that has ended: what that says of others is kept as links.
    pub(super) fn stitch(&mut self, seen: &Sighting<'_>) -> String {
        let stitcher = &mut self.stitcher;
        let found = self.store.links(|links| stitcher.see(seen, links));
        if !found.is_empty() {
            self.store.link(&found);
            for link in found.iter().filter(|link| !link.is_withdrawal()) {
                let client = self.store.links(|links| links.meaning(&link.client).to_owned());
                self.sessions.adopt(&link.name, &client);
            }
        }
        self.client_of(seen.name, seen.connection, seen.id)
    }

    fn client_of(&self, name: &str, connection: u64, id: ExchangeId) -> String {
        self.store.links(|links| links.client_of(name, connection, id).to_owned())
    }

    /// Searches what is left of a body, and what there is of one that goes on.
    fn body(&mut self, running: &mut Running, half: Half, open: bool) -> Provisional {
        let ending = if open { Ending::More } else { running.part(half).ending() };
        let before = running.gathered(half);
        running.settle(half, ending, &mut self.credentials);
        if open {
            self.gathered = self.gathered.saturating_sub(before) + running.gathered(half);
        }
        let id = running.id;
        let part = running.part(half);
        let Some(veil) = &mut part.veil else { return Provisional::default() };
        if open {
            let (body, arrivals) = (&part.body, &part.arrivals);
            return veil.provisional(body, arrivals, &mut self.credentials, &self.key, id);
        }
        let written =
            guarding(&mut self.writing, || veil.write_chunk(id, &mut self.writer, &self.key));
        if let Err(error) = written {
            self.counts.problem(Some(chain(&error)));
        }
        let sealed = veil.sealed(&self.key, id);
        Provisional { sealed, is_redacted: veil.is_redacted(), ..Provisional::default() }
    }
}

/// A number that differs where the user agent or what TLS agreed on does; never zero.
pub(crate) fn agent(head: HeadView<'_>, tls: Option<&Tls>) -> u64 {
    let mut hasher = AGENTS.build_hasher();
    hasher.write(head.field("user-agent").unwrap_or_default());
    if let Some(tls) = tls {
        hasher.write(tls.version.as_bytes());
        hasher.write(tls.alpn.as_deref().unwrap_or_default().as_bytes());
        hasher.write(lasting(tls.ja4.as_deref().unwrap_or_default()).as_bytes());
    }
    hasher.finish().max(1)
}

/// The part of a JA4 that a client keeps: its ciphers. Beside them it says which extensions came, and a
/// client that resumes a session sends one more.
fn lasting(ja4: &str) -> &str {
    ja4.split('_').nth(1).unwrap_or_default()
}

fn message<'a>(
    safe: &'a Safe,
    (part, shown, rest): (&'a Part, &'a Provisional, &'a [&'a [u8]]),
    open: bool,
) -> NewMessage<'a> {
    // A body of which no byte and no end was ever told is none, and whole.
    let end = match part.end {
        Some(end) => end,
        None if open => BodyEnd::Open,
        None if part.bytes == 0 => BodyEnd::Complete,
        None => BodyEnd::Cut,
    };
    let arrivals = shown.arrivals.as_ref().unwrap_or(&part.arrivals);
    let chunks = part.veil.as_ref().map_or(&[] as &[_], |veil| veil.chunks());
    let veil = NewVeil { kept: part.kept, pieces: chunks, rest: &shown.sealed };
    let veil = shown.is_redacted.then_some(veil);
    let body = NewBody { bytes: part.bytes, end, arrivals, pieces: &part.pieces, rest, veil };
    NewMessage {
        head: safe.head.as_deref().unwrap_or(&part.head),
        trailers: safe.trailers.as_deref().unwrap_or(&part.trailers),
        body,
    }
}
