//! How links are written: entries one after the other, each with its length and a checksum, so that the
//! first one that is not whole ends what can be read.

use wayside_exchange::{ExchangeId, Label, Link, LinkKind};

use crate::codec::{Take, put, put_bytes};
use crate::error::StoreError;
use crate::vault::Vault;

pub(super) const MAGIC: [u8; 8] = *b"WAYLNK1\n";

/// The first byte of entries that are encrypted together.
const SEALED: u8 = 5;

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Link(Link),
    /// This name is kept apart.
    Apart(String),
    /// It is not any more.
    Joined(String),
    /// These labels take the place of those before.
    Labels(Vec<Label>),
}

/// Appends an entry.
pub(super) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let mut body = Vec::new();
    match entry {
        Entry::Link(link) => {
            body.push(1);
            put_bytes(&mut body, link.name.as_bytes());
            put_bytes(&mut body, link.client.as_bytes());
            body.push(link.kind as u8);
            body.push(link.confidence);
            put(&mut body, link.connection.unwrap_or(0));
            put(&mut body, link.from.0);
            put(&mut body, link.until.map_or(0, |until| until.0));
            put(&mut body, link.proof.0);
        }
        Entry::Apart(name) => {
            body.push(2);
            put_bytes(&mut body, name.as_bytes());
        }
        Entry::Joined(name) => {
            body.push(3);
            put_bytes(&mut body, name.as_bytes());
        }
        Entry::Labels(labels) => {
            body.push(4);
            put(&mut body, labels.len() as u64);
            for label in labels {
                put_bytes(&mut body, label.name.as_bytes());
                body.push(u8::from(label.star));
                put_bytes(&mut body, label.group.as_deref().unwrap_or_default().as_bytes());
                put(&mut body, label.matching.len() as u64);
                for pattern in &label.matching {
                    put_bytes(&mut body, pattern.as_bytes());
                }
            }
        }
    }
    put_body(out, &body);
}

fn put_body(out: &mut Vec<u8>, body: &[u8]) {
    put_bytes(out, body);
    out.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
}

/// Appends entries, as one that `vault` has encrypted.
pub(super) fn put_sealed(
    out: &mut Vec<u8>,
    entries: &[u8],
    vault: &Vault,
) -> Result<(), StoreError> {
    let body = [&[SEALED], vault.wrap(&MAGIC, entries)?.as_slice()].concat();
    put_body(out, &body);
    Ok(())
}

/// The entries of a file, and up to which byte it is whole. What is encrypted and cannot be read, for want
/// of the key, is passed over.
pub(super) fn entries(bytes: &[u8], vault: &Vault) -> (Vec<Entry>, usize) {
    let mut entries = Vec::new();
    let mut take = Take::new(bytes);
    if take.array() != Some(MAGIC) {
        return (entries, 0);
    }
    let mut whole = bytes.len() - take.len();
    while let Some(body) = next(&mut take) {
        if let Some(sealed) = body.strip_prefix(&[SEALED]) {
            let opened = vault.unwrap(&MAGIC, sealed).unwrap_or_default();
            let mut within = Take::new(&opened);
            entries.extend(std::iter::from_fn(|| next(&mut within)).map_while(entry));
        } else if let Some(entry) = entry(body) {
            entries.push(entry);
        } else {
            break;
        }
        whole = bytes.len() - take.len();
    }
    (entries, whole)
}

/// The next entry, if it is whole.
fn next<'a>(take: &mut Take<'a>) -> Option<&'a [u8]> {
    let body = take.bytes()?;
    let crc = take.u32()?;
    (crc32c::crc32c(body) == crc).then_some(body)
}

fn entry(body: &[u8]) -> Option<Entry> {
    let mut take = Take::new(body);
    let text = |take: &mut Take<'_>| String::from_utf8(take.bytes()?.to_vec()).ok();
    Some(match take.byte()? {
        1 => {
            let (name, client) = (text(&mut take)?, text(&mut take)?);
            let kind = LinkKind::of_number(take.byte()?)?;
            let confidence = take.byte()?;
            let connection = Some(take.number()?).filter(|&connection| connection > 0);
            let from = ExchangeId(take.number()?);
            let until = Some(ExchangeId(take.number()?)).filter(|until| until.0 > 0);
            let proof = ExchangeId(take.number()?);
            Entry::Link(Link { name, client, kind, confidence, connection, from, until, proof })
        }
        2 => Entry::Apart(text(&mut take)?),
        3 => Entry::Joined(text(&mut take)?),
        4 => {
            let mut labels = Vec::new();
            for _ in 0..take.number()? {
                let name = text(&mut take)?;
                let star = take.byte()? != 0;
                let group = Some(text(&mut take)?).filter(|group| !group.is_empty());
                let mut matching = Vec::new();
                for _ in 0..take.number()? {
                    matching.push(text(&mut take)?);
                }
                labels.push(Label { name, matching, star, group });
            }
            Entry::Labels(labels)
        }
        _ => return None,
    })
}
