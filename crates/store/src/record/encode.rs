//! Writing the record of an exchange into a DATA block.

use wayside_exchange::Half;

use super::{Extent, NewBody, NewMessage, NewRecord, NewVeil};
use crate::codec::{put, put_bytes, put_delta};

/// The form of records; each carries it in its first byte. One of whose bodies something was taken
/// out has the second, in which each message ends with what hides it.
pub(crate) const PLAIN: u8 = 1;
pub(crate) const VEILED: u8 = 2;
/// Bit of the second byte: there is a response.
pub(crate) const HAS_RESPONSE: u8 = 1;

/// Appends `record` to `out`. `spilled` are bodies whose `rest` was written ahead as pieces.
pub(crate) fn record(out: &mut Vec<u8>, record: &NewRecord<'_>, spilled: &[(Half, Extent)]) {
    let response_veil = record.response.as_ref().and_then(|response| response.body.veil);
    let is_veiled = record.request.body.veil.is_some() || response_veil.is_some();
    out.push(if is_veiled { VEILED } else { PLAIN });
    out.push(if record.response.is_some() { HAS_RESPONSE } else { 0 });
    out.extend_from_slice(&record.summary.id.0.to_le_bytes());
    message(out, &record.request, Half::Request, spilled);
    if is_veiled {
        veil(out, record.request.body.veil);
    }
    put(out, record.informed.len() as u64);
    for head in record.informed {
        put_bytes(out, head);
    }
    if let Some(response) = &record.response {
        message(out, response, Half::Response, spilled);
        if is_veiled {
            veil(out, response_veil);
        }
    }
    put_bytes(out, record.sealed);
}

/// The most that `record` may append for a record: its byte strings, and for everything that is counted the
/// longest that its numbers can be.
pub(crate) fn most(record: &NewRecord<'_>, spilled: &[(Half, Extent)]) -> usize {
    /// The longest varint.
    const NUMBER: usize = 10;
    let message = |message: &NewMessage<'_>| {
        let body = &message.body;
        let (veiled, sealed) =
            body.veil.map_or((0, 0), |veil| (veil.pieces.len(), veil.rest.len()));
        let pairs = body.arrivals.len() + body.pieces.len() + veiled;
        let bytes = message.head.len() + message.trailers.len() + body.rest_len() + sealed;
        bytes + (12 + 2 * pairs) * NUMBER
    };
    let informed: usize = record.informed.iter().map(|head| head.len() + NUMBER).sum();
    message(&record.request)
        + record.response.as_ref().map_or(0, message)
        + informed
        + record.sealed.len()
        + (4 + 2 * spilled.len()) * NUMBER
}

fn message(out: &mut Vec<u8>, message: &NewMessage<'_>, half: Half, spilled: &[(Half, Extent)]) {
    put_bytes(out, message.head);
    put_bytes(out, message.trailers);
    body(out, &message.body, half, spilled);
}

/// A number one above the bytes that were kept, or zero where nothing was taken out.
fn veil(out: &mut Vec<u8>, veil: Option<NewVeil<'_>>) {
    let Some(veil) = veil else { return put(out, 0) };
    put(out, veil.kept + 1);
    extents(out, veil.pieces.len(), veil.pieces.iter());
    put_bytes(out, veil.rest);
}

fn extents<'a>(out: &mut Vec<u8>, count: usize, pieces: impl Iterator<Item = &'a Extent>) {
    put(out, count as u64);
    let mut position = 0;
    for extent in pieces {
        put_delta(out, extent.position, position);
        put(out, extent.bytes);
        position = extent.position;
    }
}

fn body(out: &mut Vec<u8>, body: &NewBody<'_>, half: Half, spilled: &[(Half, Extent)]) {
    put(out, body.bytes);
    out.push(body.end as u8);
    put(out, body.arrivals.len() as u64);
    let (mut offset, mut at) = (0, 0);
    for arrival in body.arrivals {
        put_delta(out, arrival.offset, offset);
        put_delta(out, arrival.at.0 as u64, at);
        (offset, at) = (arrival.offset, arrival.at.0 as u64);
    }
    let spilled = || spilled.iter().filter(|(of, _)| *of == half).map(|(_, extent)| extent);
    let count = body.pieces.len() + spilled().count();
    extents(out, count, body.pieces.iter().chain(spilled()));
    if spilled().next().is_some() {
        put(out, 0);
        return;
    }
    put(out, body.rest_len() as u64);
    for slice in body.rest {
        out.extend_from_slice(slice);
    }
}
