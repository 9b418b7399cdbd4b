//! What searching bodies for secrets costs the recorder's thread: each benchmark is one body.

use divan::Bencher;
use divan::counter::BytesCount;
use wayside_exchange::{Half, HeadView, content};
use wayside_identity::{Credentials, Ending, Rules};

fn main() {
    divan::main();
}

/// About 2 KiB of JSON as an API answers, without a secret.
fn json() -> Vec<u8> {
    let row = r#"{"id":48213,"name":"Blue lamp, large","price":{"amount":"24.90","currency":"EUR"},"stock":17,"updated_at":"2026-05-04T10:11:12Z","tags":["new","home"]}"#;
    format!("{{\"items\":[{}],\"next\":null,\"total\":13}}", [row; 13].join(",")).into_bytes()
}

fn search(bencher: Bencher, head: &str, body: &[u8]) {
    let mut credentials = Credentials::new([7; 32], Rules::default());
    let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
    bencher.counter(BytesCount::new(body.len())).bench_local(|| {
        let head = HeadView(head.as_bytes());
        let mut search = credentials.search(Half::Response, HeadView(b""), head);
        let mut taken = Vec::new();
        credentials.find(&mut search, body, Ending::Whole, &mut taken);
        taken
    });
}

#[divan::bench]
fn json_without_secrets(bencher: Bencher) {
    search(bencher, "Content-Type: application/json\r\n", &json());
}

#[divan::bench]
fn json_with_a_token(bencher: Bencher) {
    let mut body = json();
    body.extend_from_slice(b",\"access_token\":\"0123456789abcdef\"}");
    search(bencher, "Content-Type: application/json\r\n", &body);
}

#[divan::bench]
fn form(bencher: Bencher) {
    let body = b"name=Ann+Lee&street=1+High+Road&city=Oslo&note=ring+twice&quantity=3";
    search(bencher, "Content-Type: application/x-www-form-urlencoded\r\n", body);
}

#[divan::bench]
fn text_of_any_type(bencher: Bencher) {
    let body = "The quick brown fox jumps over the lazy dog. ".repeat(46);
    search(bencher, "Content-Type: text/plain\r\n", body.as_bytes());
}

#[divan::bench]
fn json_in_gzip(bencher: Bencher) {
    let body = content::encode("gzip", &json()).unwrap_or_default();
    search(bencher, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", &body);
}

#[divan::bench]
fn a_picture(bencher: Bencher) {
    search(bencher, "Content-Type: image/png\r\n", &vec![0xA5; 1 << 20]);
}
