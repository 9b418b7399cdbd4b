//! WebSocket: secrets in messages, masked, in fragments, compressed, cut anywhere.

use std::io::Write as _;

use flate2::{Compress, Compression, FlushCompress};
use wayside_exchange::{Half, HeadView};

use super::super::{Ending, Taken};
use crate::credentials::Credentials;
use crate::rules::Rules;

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const MASK: [u8; 4] = [1, 2, 3, 4];

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    if payload.len() < 126 {
        frame.push(0x80 | payload.len() as u8);
    } else if payload.len() < 65536 {
        frame.push(0x80 | 0x7e);
        frame.extend((payload.len() as u16).to_be_bytes());
    } else {
        frame.push(0x80 | 0x7f);
        frame.extend((payload.len() as u64).to_be_bytes());
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The payloads of what is stored, fragments and all, and the body that comes back.
fn stored(answer: &str, body: &[u8], run: usize, last: Ending) -> (Vec<u8>, Vec<u8>) {
    let mut credentials = Credentials::new([7; 32], Rules::default());
    let answer = HeadView(answer.as_bytes());
    let mut search = credentials.search(Half::Request, HeadView(REQUEST), answer);
    let (mut stored, mut back, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    let runs: Vec<&[u8]> = body.chunks(run).collect();
    for n in 0..=runs.len() {
        waiting.extend_from_slice(runs.get(n).copied().unwrap_or_default());
        let ending = if n < runs.len() { Ending::More } else { last };
        let mut taken = Vec::new();
        let decided = credentials.find(&mut search, &waiting, ending, &mut taken);
        let run: Vec<u8> = waiting.drain(..decided).collect();
        stored.extend(Taken::apply(&run, &taken));
        back.extend(run);
    }
    (stored, back)
}

fn messages(stored: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    let mut at = 0;
    while let Some(header) = super::super::websocket::header(&stored[at..]) {
        let (bytes, length) = header;
        let payload = &stored[at + bytes..at + bytes + length];
        let plain = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        messages.push(String::from_utf8_lossy(&plain.collect::<Vec<_>>()).into_owned());
        at += bytes + length;
    }
    assert_eq!(at, stored.len());
    messages
}

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn a_secret_in_a_message_goes_and_the_others_stay_as_they_were() {
    let body = [
        frame(0x81, br#"{"hello":"world"}"#),
        frame(0x81, br#"{"type":"auth","token":"canary-1"}"#),
        frame(0x89, b"ping"),
        // In fragments, with a ping between them.
        frame(0x01, br#"{"password":"cana"#),
        frame(0x89, b"p2"),
        frame(0x80, br#"ry-2","x":1}"#),
        frame(0x82, b"\x00\x01binary"),
    ]
    .concat();
    for run in [1, 5, 17, 4000] {
        let (stored, back) = stored(ANSWER, &body, run, Ending::Whole);
        assert_eq!(back, body);
        let found = messages(&stored);
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(found[0], r#"{"hello":"world"}"#);
        assert!(found[1].starts_with(r#"{"type":"auth","token":"wayside-sealed-"#), "{found:?}");
        assert!(found[3].starts_with(r#"{"password":"wayside-sealed-"#), "{found:?}");
        assert!(found[3].ends_with(r#"","x":1}"#), "{found:?}");
        assert_eq!((found[2].as_str(), found[4].as_str()), ("ping", "p2"));
    }
}

#[test]
fn compressed_messages_are_read_and_stored_uncompressed_once_one_was_replaced() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut compress = Compress::new(Compression::fast(), false);
    let mut body = Vec::new();
    for text in
        [r#"{"a":"first"}"#, r#"{"token":"canary-1"}"#, r#"{"a":"again: canary-1"}"#, "last"]
    {
        let mut packed = vec![0; 1000];
        let before = compress.total_out();
        compress.compress(text.as_bytes(), &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate((compress.total_out() - before) as usize);
        packed.truncate(packed.len() - 4);
        body.write_all(&frame(0xc1, &packed)).unwrap();
    }
    let (stored, back) = stored(answer, &body, 11, Ending::Whole);
    assert_eq!(back, body);
    let first = body.len().min(stored.len()).min(20);
    assert_eq!(stored[..8], body[..8], "{first}");
    let found = messages(&stored);
    assert_eq!(found.len(), 4);
    assert!(found[1].starts_with(r#"{"token":"wayside-sealed-"#), "{found:?}");
    // It is no secret there by its name, and stands in clear as the client wrote it.
    assert_eq!((found[2].as_str(), found[3].as_str()), (r#"{"a":"again: canary-1"}"#, "last"));
}

#[test]
fn a_message_too_long_to_be_searched_is_taken_out_and_the_next_is_read() {
    let long = format!(r#"{{"password":"{}"}}"#, "canary ".repeat(100_000));
    let body = [frame(0x81, long.as_bytes()), frame(0x81, b"{\"pin\":\"canary\"}")].concat();
    let (stored, back) = stored(ANSWER, &body, 50_000, Ending::Whole);
    assert_eq!(back, body);
    let found = messages(&stored);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("wayside-sealed-") && found[0].len() == 27, "{found:?}");
    assert!(found[1].starts_with(r#"{"pin":"wayside-sealed-"#), "{found:?}");
}

#[test]
fn what_breaks_off_or_makes_no_sense_shows_nothing() {
    let whole = frame(0x81, br#"{"token":"canary-1"}"#);
    let (broken, back) = stored(ANSWER, &whole[..whole.len() - 4], 7, Ending::Cut);
    assert_eq!((broken.len(), back.len()), (0, whole.len() - 4));
    let nonsense =
        [frame(0x81, b"fine"), vec![0xf7, 0x05], b"{\"token\":\"canary\"}".to_vec()].concat();
    let (stored, back) = stored(ANSWER, &nonsense, 100, Ending::Whole);
    assert_eq!(back, nonsense);
    assert_eq!(messages(&stored), ["fine"]);
}
