//! Bodies in runs: every byte is decided once and in order, and what was taken out gives the body back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wayside_exchange::{Half, HeadView};
use wayside_identity::{Credentials, Ending, Rules};

const HEADS: [&str; 8] = [
    "Content-Type: application/json",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=b",
    "Content-Type: text/xml",
    "Content-Type: text/plain",
    "Content-Type: application/grpc",
    "Content-Encoding: gzip",
    "Upgrade: websocket",
];

fuzz_target!(|input: &[u8]| {
    let [kind, run, body @ ..] = input else { return };
    let head = HEADS[usize::from(*kind) % HEADS.len()];
    let request = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n");
    let mut rules = Rules::default();
    rules.pointer("/a/*/b").expect("a pointer");
    let mut credentials = Credentials::new([7; 32], rules);
    let answer = HeadView(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let mut search = credentials.search(Half::Request, HeadView(request.as_bytes()), answer);
    let runs: Vec<&[u8]> = body.chunks(usize::from(*run) + 1).collect();
    let (mut held, mut decided) = (Vec::new(), 0);
    for n in 0..=runs.len() {
        held.extend_from_slice(runs.get(n).copied().unwrap_or_default());
        let ending = match n {
            _ if n == runs.len() => Ending::Cut,
            _ if n % 7 == 6 => Ending::Crowded,
            _ => Ending::More,
        };
        let mut taken = Vec::new();
        let now = credentials.find(&mut search, &held, ending, &mut taken);
        let mut at = 0;
        for one in &taken {
            assert!(
                at <= one.range.start && one.range.start <= one.range.end && one.range.end <= now
            );
            at = one.range.end;
        }
        held.drain(..now);
        decided += now;
    }
    assert_eq!(decided, body.len());
});
