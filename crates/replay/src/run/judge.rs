//! Puts a recorded exchange beside what the replay brought, and says whether they are the same.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use wayside_exchange::cause::chain;
use wayside_exchange::head::as_text;
use wayside_exchange::stored::Message;
use wayside_exchange::view::fields_of;
use wayside_exchange::{BodyEnd, ExchangeId, Half, HeadView, Outcome};
use wayside_identity::{Credentials, Ending, Rules, Taken};
use wayside_store::Store;
use wayside_store::seal::SealingKey;

use crate::Options;
use crate::compare::{Answer, Differences, Kept, compare};
use crate::credentials::holds_token;
use crate::plan::Step;
use crate::report::{Change, Compared, DifferenceKind, ReplayedEnd};
use crate::send::{Arrived, Sent};

/// Compares what was sent with what was recorded.
pub(super) struct Judge {
    pub(super) store: Store,
    pub(super) options: Arc<Options>,
}

struct Verdict {
    differences: Differences,
    notes: Vec<String>,
}

impl Judge {
    pub(super) async fn compare(&self, step: &Step, sent: Sent) -> Compared {
        let latency_ms = sent.latency.as_secs_f64() * 1000.0;
        let mut replayed = ReplayedEnd { latency_ms, ..ReplayedEnd::default() };
        match &sent.answer {
            Ok(Some(arrived)) => {
                replayed.status = Some(arrived.status);
                replayed.bytes = arrived.bytes;
                replayed.error.clone_from(&arrived.error);
            }
            Ok(None) => {}
            Err(error) => replayed.error = Some(error.clone()),
        }
        let (store, options) = (self.store.clone(), Arc::clone(&self.options));
        let error = replayed.error.clone();
        let judged = spawn_blocking(move || judge(&store, &options, sent, error));
        let verdict = judged
            .await
            .unwrap_or_else(|_| Verdict { differences: broken_off(), notes: Vec::new() });
        let mut notes = verdict.notes;
        if !step.withheld.is_empty() {
            notes.insert(0, format!("sent without credentials: {}", step.withheld.join(", ")));
        }
        let answered = replayed.error.is_none() && replayed.status.is_some();
        let factor = latency_ms / step.recorded.latency_ms;
        Compared {
            id: step.id,
            method: step.method.clone(),
            url: step.url.clone(),
            sent: true,
            skipped: None,
            recorded: step.recorded.clone(),
            replayed: Some(replayed),
            same: verdict.differences.is_empty(),
            latency_factor: (answered && factor.is_finite()).then_some(factor),
            differences: verdict.differences.listed,
            more: verdict.differences.more,
            notes,
        }
    }
}

/// Reads the recorded body; blocks.
fn judge(store: &Store, options: &Options, sent: Sent, error: Option<String>) -> Verdict {
    let mut differences = Differences::up_to(options.differences);
    let mut notes = Vec::new();
    let outcome = sent.exchange.as_ref().map(|exchange| exchange.summary.outcome);
    if let Some(error) = error {
        if outcome == Some(Outcome::UpstreamFailed) {
            notes.push("it failed in the recording too".to_owned());
        } else {
            let recorded = sent.exchange.as_ref().and_then(|exchange| exchange.summary.status);
            let (recorded, replayed) = (recorded.map(Into::into), Some(error.into()));
            differences.add(DifferenceKind::Failure, Change::Changed, "", recorded, replayed);
        }
        return Verdict { differences, notes };
    }
    let (Some(exchange), Ok(Some(arrived))) = (sent.exchange, sent.answer) else {
        notes.push("the recorded client did not wait for the answer either".to_owned());
        return Verdict { differences, notes };
    };
    if outcome == Some(Outcome::UpstreamFailed) {
        let failure = exchange.summary.failure.as_ref();
        let recorded = failure.map_or("it failed", |failure| failure.reason.as_str());
        differences.add(
            DifferenceKind::Failure,
            Change::Changed,
            "",
            Some(recorded.into()),
            Some(arrived.status.into()),
        );
        return Verdict { differences, notes };
    }
    let (Some(response), Some(status)) = (&exchange.response, exchange.summary.status) else {
        notes.push("the recording has no answer to compare with".to_owned());
        return Verdict { differences, notes };
    };
    let body = recorded_body(store, exchange.summary.id, response, &arrived, options, &mut notes);
    let summary = &exchange.summary;
    let mut recorded = Answer {
        status,
        fields: response.head.fields_as_text().collect(),
        trailers: fields_of(&response.trailers),
        hosts: vec![summary.host.clone()],
        base_path: "",
        body,
    };
    let mut replayed = Answer {
        status: arrived.status,
        fields: fields(&arrived.headers),
        trailers: fields(&arrived.trailers),
        hosts: vec![options.target.authority(), options.target.address(), summary.host.clone()],
        base_path: options.target.base_path(),
        body: arrived.body.clone(),
    };
    level_tokens(&mut recorded, &mut replayed);
    if let Some(key) = &options.comparing_key {
        redact(key, exchange.request.head.view(), &mut replayed);
        redact(key, exchange.request.head.view(), &mut recorded);
    }
    compare(&recorded, &replayed, options.body_limit as usize, &mut differences);
    Verdict { differences, notes }
}

/// What redaction took out of a recorded field cannot be compared: both sides say the same then.
fn level_tokens(recorded: &mut Answer<'_>, replayed: &mut Answer<'_>) {
    level(&mut recorded.fields, &mut replayed.fields);
    level(&mut recorded.trailers, &mut replayed.trailers);
}

fn level(recorded: &mut [(String, String)], replayed: &mut [(String, String)]) {
    // Of cookies only the names are compared anyway.
    let is_cookie = |name: &str| name.eq_ignore_ascii_case("set-cookie");
    let redacted: Vec<String> = recorded
        .iter()
        .filter(|(name, value)| !is_cookie(name) && holds_token(value.as_bytes()))
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    for (name, value) in recorded.iter_mut().chain(replayed) {
        if redacted.contains(&name.to_ascii_lowercase()) {
            "redacted".clone_into(value);
        }
    }
}

fn recorded_body(
    store: &Store,
    id: ExchangeId,
    response: &Message,
    arrived: &Arrived,
    options: &Options,
    notes: &mut Vec<String>,
) -> Kept {
    let body = &response.body;
    if body.kept < body.bytes || body.bytes > 0 && body.end != BodyEnd::Complete {
        notes.push("the body was not recorded whole and is not compared".to_owned());
        return Kept::NotWhole;
    }
    if body.bytes == 0 {
        return Kept::Whole(Bytes::new());
    }
    let hash_only = matches!(arrived.body, Kept::Hashed { .. }) || body.bytes > options.body_limit;
    let read = if body.redacted {
        let Some(key) = &options.comparing_key else {
            notes.push(
                "its secrets are sealed and the key is not here: the body is not compared"
                    .to_owned(),
            );
            return Kept::NotWhole;
        };
        let is_coded = response.head.field("content-encoding").is_some();
        redacted_body(store, id, key, arrived, hash_only || is_coded && body.stored < body.kept / 2)
    } else {
        store.body(id, Half::Response).map_err(|error| chain(&error)).and_then(|reader| {
            let reader = reader.ok_or("it is not in the store any more")?;
            read_body(reader, body.bytes, hash_only)
        })
    };
    match read {
        Ok(kept) => kept,
        Err(error) => {
            notes.push(format!("the recorded body could not be read: {error}"));
            Kept::NotWhole
        }
    }
}

/// The body as it is stored, with tokens for its secrets; or, where only hashes can be compared or
/// the answer is the same to the byte, as that is.
fn redacted_body(
    store: &Store,
    id: ExchangeId,
    key: &SealingKey,
    arrived: &Arrived,
    hash_only: bool,
) -> Result<Kept, String> {
    let gone = "it is not in the store any more";
    let original = || {
        let reader = store.revealed(id, Half::Response, key).map_err(|error| chain(&error))?;
        reader.ok_or(gone.to_owned())
    };
    if let Kept::Whole(new) = &arrived.body
        && is_same(original()?, new)?
    {
        return Ok(Kept::Whole(new.clone()));
    }
    if hash_only {
        return read_body(original()?, 0, true);
    }
    let reader = store.body(id, Half::Response).map_err(|error| chain(&error))?;
    let reader = reader.ok_or(gone)?;
    let bytes = reader.stored();
    read_body(reader, bytes, false)
}

fn is_same(mut reader: impl Read, bytes: &[u8]) -> Result<bool, String> {
    let mut rest = bytes;
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = reader.read(&mut piece).map_err(|error| chain(&error))?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(rest.is_empty());
        };
        let Some(after) = rest.strip_prefix(read) else { return Ok(false) };
        rest = after;
    }
}

/// Tokens in the place of the secrets of an answer: they are compared, and never shown.
fn redact(key: &SealingKey, request: HeadView<'_>, replayed: &mut Answer<'_>) {
    let Kept::Whole(bytes) = &replayed.body else { return };
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in &replayed.fields {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let mut credentials = Credentials::new(key.fingerprint_key(), Rules::default());
    let mut search = credentials.search(Half::Response, request, HeadView(&head));
    let mut taken = Vec::new();
    credentials.find(&mut search, bytes, Ending::Whole, &mut taken);
    if !taken.is_empty() {
        replayed.body = Kept::Whole(Bytes::from(Taken::apply(bytes, &taken)));
    }
}

fn read_body(mut reader: impl Read, bytes: u64, hash_only: bool) -> Result<Kept, String> {
    if hash_only {
        let mut hasher = Sha256::new();
        let mut piece = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            let read = reader.read(&mut piece).map_err(|error| chain(&error))?;
            bytes += read as u64;
            match piece.get(..read) {
                Some(read) if !read.is_empty() => hasher.update(read),
                _ => return Ok(Kept::Hashed { bytes, sha256: hasher.finalize().into() }),
            }
        }
    }
    let mut whole = Vec::with_capacity(bytes as usize);
    reader.read_to_end(&mut whole).map_err(|error| chain(&error))?;
    Ok(Kept::Whole(Bytes::from(whole)))
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &http::HeaderName, value: &http::HeaderValue| {
        (name.as_str().to_owned(), as_text(value.as_bytes()))
    };
    headers.iter().map(|(name, value)| text(name, value)).collect()
}

fn broken_off() -> Differences {
    let mut differences = Differences::up_to(1);
    let error = "comparing broke off".into();
    differences.add(DifferenceKind::Failure, Change::Changed, "", None, Some(error));
    differences
}
