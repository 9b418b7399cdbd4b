//! Sealing what was recorded in clear: the same search as while recording, over exchanges that are stored.
//! What was sealed before stays so, whatever the rules say now.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::PathBuf;

use aho_corasick::AhoCorasick;
use bytes::Bytes;
use wayside_exchange::{BodyEnd, Exchange, ExchangeId, Half, Head, HeadView, Message};
use wayside_identity::{
    Credentials, Ending, Rules, Secrets, decode_secrets, encode_secrets, restore,
};
use wayside_store::seal::SealingKey;
use wayside_store::{
    Bodies, Extent, Resealed, ResealedBody, ResealedMessage, Resealing, StoreError,
};

use crate::desk::veil::{Pieces, Veil};

/// Read at a time.
const RUN: usize = 64 << 10;
/// Bytes at which what is stored of a body is written as a piece, and up to which it stays with its record.
const PIECE: usize = 128 << 10;
const SMALL: usize = 64 << 10;
/// Secrets that are looked for afterwards: not so short that they stand anywhere by chance, not so many
/// that they cannot be kept.
const TELLING: std::ops::Range<usize> = 8..4096;
const MOST: usize = 10_000;

/// Seals by rules, with a key.
#[derive(Debug)]
pub struct Resealer {
    credentials: Credentials,
    key: SealingKey,
    /// What was sealed.
    secrets: HashSet<Vec<u8>>,
    /// What finds it.
    finder: Option<AhoCorasick>,
}

/// Writes pieces for [`Veil`].
struct Putting<'a, 'b>(&'a mut Bodies<'b>);

impl Pieces for Putting<'_, '_> {
    fn append(&mut self, _id: ExchangeId, half: Half, data: &[u8]) -> Result<Extent, StoreError> {
        self.0.append_piece(half, data)
    }
}

/// What was in clear in an exchange.
#[derive(Default)]
struct Found {
    count: u64,
    /// In heads: what stands for each.
    in_heads: Secrets,
}

impl Resealer {
    /// By these rules; where they would seal nothing, by those that are the default.
    pub fn new(key: SealingKey, rules: &Rules) -> Self {
        Self {
            credentials: Credentials::new(key.fingerprint_key(), rules.searching()),
            key,
            secrets: HashSet::new(),
            finder: None,
        }
    }

    fn note(&mut self, secret: &[u8]) {
        if TELLING.contains(&secret.len()) && self.secrets.len() < MOST {
            self.finder = None;
            self.secrets.insert(secret.to_vec());
        }
    }

    /// A head or trailers without what is secret in it, and what was.
    fn take(
        &mut self,
        found: &mut Found,
        head: &[u8],
        redact: impl FnOnce(&mut Credentials) -> (Vec<u8>, Secrets),
    ) -> Vec<u8> {
        let (redacted, secrets) = redact(&mut self.credentials);
        if secrets.is_empty() {
            return head.to_vec();
        }
        found.count += secrets.len() as u64;
        for (_, secret) in &secrets {
            self.note(secret);
        }
        found.in_heads.extend(secrets);
        redacted
    }

    fn message(
        &mut self,
        found: &mut Found,
        exchange: &Exchange,
        half: Half,
        bodies: &mut Bodies<'_>,
    ) -> Result<Option<ResealedMessage>, StoreError> {
        let Some(message) = exchange.message(half) else { return Ok(None) };
        let client = exchange.summary.client_addr;
        let head = self.take(found, &message.head.0, |credentials| match half {
            Half::Request => {
                let redacted = credentials.request(&message.head.0, client);
                (redacted.head.into_owned(), redacted.secrets)
            }
            Half::Response => {
                let (head, secrets) = credentials.response(&message.head.0);
                (head.into_owned(), secrets)
            }
        });
        let trailers = self.take(found, &message.trailers, |credentials| {
            let (trailers, secrets) = credentials.trailers(&message.trailers);
            (trailers.into_owned(), secrets)
        });
        let body = match self.search(exchange, message, half, bodies, false)? {
            (0, _) => None,
            (count, _) => {
                found.count += count;
                Some(self.search(exchange, message, half, bodies, true)?.1)
            }
        };
        Ok(Some(ResealedMessage { head, trailers, body }))
    }

    /// Searches a body, and writes it without what is secret in it where `writes` says so. Gives how many
    /// secrets there are.
    fn search(
        &mut self,
        exchange: &Exchange,
        message: &Message,
        half: Half,
        bodies: &mut Bodies<'_>,
        writes: bool,
    ) -> Result<(u64, ResealedBody), StoreError> {
        let mut new = ResealedBody {
            arrivals: message.body.arrivals.clone(),
            pieces: Vec::new(),
            rest: Vec::new(),
            chunks: Vec::new(),
            sealed: Vec::new(),
        };
        let response = exchange.response.as_ref().map_or(HeadView(b""), |one| one.head.view());
        let search = self.credentials.search(half, exchange.request.head.view(), response);
        let (Some(mut reader), Some(patches)) =
            (bodies.body(half), bodies.patches(half, &self.key))
        else {
            return Ok((0, new));
        };
        if !search.is_needed() {
            return Ok((0, new));
        }
        let id = exchange.summary.id;
        let is_whole =
            message.body.end == BodyEnd::Complete && message.body.kept == message.body.bytes;
        let last = if is_whole { Ending::Whole } else { Ending::Cut };
        let mut veil = Veil::over(half, search, patches, new.arrivals.len());
        let (mut gathered, mut count) = (Vec::new(), 0);
        loop {
            let read = (&mut reader).take(RUN as u64).read_to_end(&mut gathered);
            let read = read.map_err(|source| unreadable(id, source))?;
            let ending = if read == 0 { last } else { Ending::More };
            let before = gathered.clone();
            veil.settle(&mut gathered, &mut new.arrivals, ending, &mut self.credentials);
            for one in veil.taken() {
                // What could not be searched was taken out unseen, and is no secret that was found.
                count += u64::from(!one.stand_in.is_empty());
                self.note(before.get(one.range.clone()).unwrap_or_default());
            }
            if veil.ready().len() >= PIECE || read == 0 && veil.ready().len() > SMALL {
                let (ready, _) = veil.take_ready();
                if writes {
                    new.pieces.push(bodies.append_piece(half, &ready)?);
                    veil.written(ready, id, &mut Putting(bodies), &self.key)?;
                } else {
                    veil.forget();
                }
            }
            if read == 0 {
                break;
            }
        }
        if let Some(trouble) = veil.trouble() {
            return Err(trouble);
        }
        if writes {
            veil.write_chunk(id, &mut Putting(bodies), &self.key)?;
            new.chunks = veil.chunks().to_vec();
            new.sealed = veil.sealed(&self.key, id);
            new.rest = veil.take_ready().0;
        }
        Ok((count, new))
    }
}

impl Resealing for Resealer {
    fn reseal(
        &mut self,
        exchange: &Exchange,
        bodies: &mut Bodies<'_>,
    ) -> Result<Option<Resealed>, StoreError> {
        let id = exchange.summary.id;
        let mut found = Found::default();
        let request = self.message(&mut found, exchange, Half::Request, bodies)?;
        let response = self.message(&mut found, exchange, Half::Response, bodies)?;
        let informed = exchange.informed.iter().map(|Head(head)| {
            Bytes::from(self.take(&mut found, head, |credentials| {
                let (head, secrets) = credentials.response(head);
                (head.into_owned(), secrets)
            }))
        });
        let informed = informed.collect();
        let Some(request) = request.filter(|_| found.count > 0) else { return Ok(None) };
        let sealed = self.sealed(id, &exchange.sealed, found.in_heads)?;
        let mut summary = exchange.summary.clone();
        let head = HeadView(&request.head);
        if !summary.method.is_empty() {
            summary.target = head.target().into_owned();
            let host = head.pseudo(b":authority").or_else(|| head.field("host"));
            summary.host = String::from_utf8_lossy(host.unwrap_or_default()).into_owned();
        }
        let secrets = found.count;
        Ok(Some(Resealed { summary, request, informed, response, sealed, secrets }))
    }

    fn stands_in(&mut self, bytes: &[u8]) -> bool {
        if self.finder.is_none() && !self.secrets.is_empty() {
            self.finder = AhoCorasick::new(&self.secrets).ok();
        }
        self.finder.as_ref().is_some_and(|finder| finder.is_match(bytes))
    }
}

impl Resealer {
    /// All secrets of the heads, sealed: those that were before, and those of now. One that holds what
    /// stands for another is kept as it was.
    fn sealed(&self, id: ExchangeId, before: &[u8], found: Secrets) -> Result<Vec<u8>, StoreError> {
        if found.is_empty() {
            return Ok(before.to_vec());
        }
        let mut secrets = Secrets::new();
        if !before.is_empty() {
            let plain = self.key.unseal(id, before)?;
            secrets = decode_secrets(&plain).map_err(|_| StoreError::Unsealable)?;
        }
        let known = secrets.clone();
        for (token, secret) in found {
            if !secrets.iter().any(|(other, _)| *other == token) {
                secrets.push((token, restore(&secret, &known)));
            }
        }
        Ok(self.key.seal(id, &encode_secrets(&secrets)))
    }
}

fn unreadable(id: ExchangeId, source: std::io::Error) -> StoreError {
    StoreError::Io { doing: "read a body of", path: PathBuf::from(id.to_string()), source }
}

#[cfg(test)]
mod tests;
