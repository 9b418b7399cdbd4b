//! Heads as they come from clients, backends and imported files: what redaction takes out of one, the
//! sealed secrets put back, byte for byte.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use wayside_exchange::HeadView;
use wayside_identity::{Credentials, Rules, decode_secrets, encode_secrets, restore};

/// How every token begins.
const TOKEN: &[u8] = b"wayside-sealed-";

fuzz_target!(|head: &[u8]| {
    // The fuzzer, which sees the key, forges the token of a secret beside it; that would be put back too.
    if head.windows(TOKEN.len()).any(|part| part == TOKEN) {
        return;
    }
    let view = HeadView(head);
    let _ = (view.start_line(), view.method(), view.target(), view.status(), view.is_http2());
    let _ = view.fields_as_text().count();
    let mut credentials = Credentials::new([7; 32], Rules::default());
    let from: SocketAddr = ([192, 0, 2, 7], 4711).into();
    let request = credentials.request(head, from);
    check(head, &request.head, &request.secrets);
    let (redacted, secrets) = credentials.response(head);
    check(head, &redacted, &secrets);
    let (redacted, secrets) = credentials.trailers(head);
    check(head, &redacted, &secrets);
});

fn check(head: &[u8], redacted: &[u8], secrets: &[(String, Vec<u8>)]) {
    let decoded = decode_secrets(&encode_secrets(secrets)).expect("what was encoded decodes");
    assert_eq!(restore(redacted, &decoded), head);
}
