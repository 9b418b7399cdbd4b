//! Bodies of which something was taken out: what is stored, and what comes back with the key.

use std::io::Read as _;

use wayside_exchange::{BodyEnd, Half};

use super::support::{open, row};
use crate::record::{NewBody, NewMessage, NewRecord, NewVeil};
use crate::seal::SealingKey;
use crate::veil::Patches;

#[test]
fn a_veiled_body_is_stored_with_tokens_and_comes_back_byte_for_byte_with_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut writer, _) = open(dir.path());
    let key = SealingKey::open_or_create(&dir.path().join("keys")).unwrap();
    let summary = row(3);
    let id = summary.id;
    let original = b"first=SECRET-1&second=SECRET-2&third=x&tail";
    let stored: [&[u8]; 3] = [b"first=T1&second", b"=TOKEN2&third=x", b"&tail"];
    // In a chunk that is full, one that is not, and between pieces.
    let mut patches = Patches::of(Half::Response);
    patches.push(6, 2, b"SECRET-1");
    let full = patches.sealed(&key, id);
    patches.next_chunk();
    patches.push(16, 6, b"SECRET-2");
    let last = patches.sealed(&key, id);
    let pieces = [
        writer.append_piece(id, Half::Response, stored[0]).unwrap(),
        writer.append_piece(id, Half::Response, stored[1]).unwrap(),
    ];
    let chunks = [writer.append_piece(id, Half::Response, &full).unwrap()];
    let veil = NewVeil { kept: original.len() as u64, pieces: &chunks, rest: &last };
    let body = NewBody {
        bytes: original.len() as u64,
        end: BodyEnd::Complete,
        arrivals: &[],
        pieces: &pieces,
        rest: &stored[2..],
        veil: Some(veil),
    };
    let message = |head, body| NewMessage { head, trailers: b"", body };
    let record = NewRecord {
        summary: &summary,
        request: message(b"GET / HTTP/1.1\r\n\r\n", NewBody::none()),
        informed: &[],
        response: Some(message(b"HTTP/1.1 200 OK\r\n\r\n", body)),
        sealed: b"",
    };
    writer.append(&record).unwrap();
    writer.flush().unwrap();

    let response = store.exchange(id).unwrap().unwrap().response.unwrap().body;
    assert_eq!((response.bytes, response.kept), (43, 43));
    assert_eq!((response.stored, response.redacted), (35, true));
    let mut bytes = Vec::new();
    store.body(id, Half::Response).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, stored.concat());
    bytes.clear();
    store.revealed(id, Half::Response, &key).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, original);
    // The half without secrets reads the same either way.
    bytes.clear();
    store.revealed(id, Half::Request, &key).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"");
    let other = SealingKey::open_or_create(&dir.path().join("other")).unwrap();
    let mut revealed = store.revealed(id, Half::Response, &other).unwrap().unwrap();
    assert!(revealed.read_to_end(&mut bytes).is_err());
}
