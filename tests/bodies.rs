//! Bodies come back byte for byte, whatever their size and coding; what was not kept is marked and counted.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wayside_tests::{Backend, Echo, Wayside, id, marks};

const BIG: usize = 20 << 20;

#[test]
fn twenty_megabytes_each_way_come_back_whole() {
    let echo = Echo::start();
    // Forty megabytes come at the speed of memory; how long a busy disk may stall is not the question here.
    let wayside = Wayside::start(&echo.url(), &["--queue", "256MiB"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sent, body) = (folder.path().join("sent"), noise(BIG));
    std::fs::write(&sent, &body).expect("it is written");
    let upload = format!("@{}", sent.display());
    for version in ["--http1.1", "--http2"] {
        let answer = wayside.curl("/echo", &[version, "--data-binary", &upload]).ok();
        assert!(answer.stdout == body, "{version}: the client got something else");
    }
    for exchange in wayside.ended("", 2) {
        assert_eq!(marks(&exchange), [""; 0]);
        for half in ["request", "response"] {
            assert_eq!(exchange[half]["body_bytes"], BIG);
            assert_eq!(exchange[half]["body_sha256"], sha256(&body));
            assert!(wayside.body(id(&exchange), half) == body, "the {half} body differs");
        }
    }
}

#[test]
fn a_compressed_body_is_kept_as_transferred_and_shown_decoded() {
    let text = "{\"items\":[\"a lamp\",\"a chair\"],\"note\":\"gr\u{fc}n\"}";
    for (coding, coded) in [
        ("gzip", gzip(text.as_bytes())),
        ("br", brotli(text.as_bytes())),
        ("deflate", deflate(text.as_bytes())),
        ("gzip, br", brotli(&gzip(text.as_bytes()))),
    ] {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\n\
             Content-Length: {}\r\n\r\n",
            coded.len()
        )
        .into_bytes();
        answer.extend_from_slice(&coded);
        let backend = Backend::answering(answer);
        let wayside = Wayside::start(&backend.url(), &[]);
        wayside.curl("/coded", &["--http1.1"]).ok();
        let exchange = &wayside.exchanges("", 1)[0];
        assert_eq!(wayside.body(id(exchange), "response"), coded, "{coding} as transferred");
        assert_eq!(exchange["response"]["body_sha256"], sha256(&coded));
        let decoded = wayside.run(["show", id(exchange), "--body", "response"]).ok();
        assert_eq!(decoded.text(), text, "{coding} decoded");
        let shown = wayside.run(["show", id(exchange)]).ok();
        assert!(shown.text().contains("a lamp"), "{}", shown.text());
    }
}

#[test]
fn a_body_that_does_not_decode_is_shown_as_it_came() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nno gzip!";
    let backend = Backend::answering(answer);
    let wayside = Wayside::start(&backend.url(), &[]);
    wayside.curl("/wrong", &["--http1.1"]).ok();
    let exchange = &wayside.exchanges("", 1)[0];
    let shown = wayside.run(["show", id(exchange), "--body", "response"]).ok();
    assert_eq!(shown.text(), "no gzip!");
    assert!(shown.stderr.contains("not decoded"), "{}", shown.stderr);
}

#[test]
fn a_body_over_the_limit_keeps_its_beginning_and_is_marked() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--body-limit", "1000"]);
    let answer = wayside.curl("/bytes/300000", &[]).ok();
    assert_eq!(answer.stdout.len(), 300_000, "the traffic is whole");
    wayside.curl("/bytes/1000", &[]).ok();
    let exchanges = wayside.ended("", 2);
    let (long, short) = (&exchanges[0], &exchanges[1]);
    assert_eq!(marks(long), ["over_limit"]);
    assert_eq!(long["response"]["body_bytes"], 300_000);
    assert_eq!(long["response"]["body_kept"], 1000);
    assert_eq!(long["response"]["body_sha256"], Value::Null);
    assert_eq!(wayside.body(id(long), "response"), answer.stdout[..1000]);
    assert_eq!(marks(short), [""; 0]);
    let shown = wayside.run(["show", id(long)]).ok();
    assert!(shown.text().contains("missing"), "{}", shown.text());
}

/// Bytes that do not compress and have no short period.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &*bytes, &mut coded, &parameters).expect("a vector takes all");
    coded
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
