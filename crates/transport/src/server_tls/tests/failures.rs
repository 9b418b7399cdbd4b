//! Handshakes that fail: the client's side is played down to its bytes.

use std::io;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

/// What is said of a client that sends these bytes, and what it reads until we close.
async fn said_of(server: &ServerTls, sent: &[u8]) -> (HandshakeFailure, String) {
    let (mut near, far) = connection().await;
    let client = async {
        near.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let (failure, answer) = tokio::join!(server.accept(far, LIMIT, 1), client);
    (failure.unwrap_err(), answer)
}

fn hello(provider: CryptoProvider, name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut octets = Vec::new();
    client.write_tls(&mut octets).unwrap();
    octets
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_named_with_its_host() {
    let (ours, other) = (Trusted::new(), Trusted::new());
    let (failure, _) = shake_hands(&ours.server(), &other.client(), "shop.example", false).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind, HandshakeFailureKind::CertificateRefused);
    assert_eq!(failure.reason, "the client does not trust the certificate (alert unknown_ca)");
    assert_eq!(failure.sni.as_deref(), Some("shop.example"));
}

#[tokio::test]
async fn a_client_that_speaks_plain_http_is_told_in_plain_http() {
    let server = Trusted::new().server();
    for request in ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let (failure, answer) = said_of(&server, request.as_bytes()).await;
        assert_eq!(failure.kind, HandshakeFailureKind::PlainHttp);
        assert_eq!(failure.reason, "no TLS: the client spoke plain HTTP");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains("speaks https"), "{body}");
    }
}

#[tokio::test]
async fn a_client_that_speaks_neither_is_told_apart() {
    let (failure, _) = said_of(&Trusted::new().server(), b"SSH-2.0-OpenSSH_9.6\r\n").await;
    assert_eq!(failure.kind, HandshakeFailureKind::NotTls);
    assert_eq!(failure.reason, "no TLS: the client sent something else");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_given_up() {
    let (_near, far) = connection().await;
    let failure = Trusted::new().server().accept(far, LIMIT, 1).await.unwrap_err();
    assert_eq!(failure.kind, HandshakeFailureKind::TimedOut);
    assert_eq!(failure.reason, "timed out after 10s");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_after_its_hello_is_given_up_by_name() {
    let (mut near, far) = connection().await;
    near.write_all(&hello((*provider()).clone(), "shop.example")).await.unwrap();
    let failure = Trusted::new().server().accept(far, LIMIT, 1).await.unwrap_err();
    assert_eq!(failure.kind, HandshakeFailureKind::TimedOut);
    assert_eq!(failure.sni.as_deref(), Some("shop.example"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_by_how_far_it_came() {
    let server = Trusted::new().server();
    let (near, far) = connection().await;
    drop(near);
    let failure = server.accept(far, LIMIT, 1).await.unwrap_err();
    assert_eq!(failure.kind, HandshakeFailureKind::ClosedEarly);

    let (mut near, far) = connection().await;
    near.write_all(&hello((*provider()).clone(), "shop.example")).await.unwrap();
    near.shutdown().await.unwrap();
    let failure = server.accept(far, LIMIT, 1).await.unwrap_err();
    assert_eq!(failure.kind, HandshakeFailureKind::ClosedMidway);
    assert_eq!(failure.sni.as_deref(), Some("shop.example"));
}

#[tokio::test]
async fn a_client_without_a_common_cipher_is_told() {
    let rsa_only = CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256],
        ..(*provider()).clone()
    };
    let sent = hello(rsa_only, "shop.example");
    let (failure, _) = said_of(&Trusted::new().server(), &sent).await;
    assert_eq!(failure.kind, HandshakeFailureKind::NothingInCommon);
    assert_eq!(failure.reason, "no cipher in common");
}

#[tokio::test]
async fn a_name_that_is_no_host_name_is_refused() {
    let mut sent = hello((*provider()).clone(), "shop.example");
    let at = sent.windows(12).position(|window| window == b"shop.example").unwrap();
    sent[at..at + 12].copy_from_slice(b"sh/../xample");
    let (failure, _) = said_of(&Trusted::new().server(), &sent).await;
    assert_eq!(failure.kind, HandshakeFailureKind::BadName);
}

#[test]
fn a_broken_connection_is_not_called_closed() {
    let error = io::Error::other("no route to host");
    let failure = HandshakeFailure::after_hello(None, &error);
    assert_eq!(failure.kind, HandshakeFailureKind::Broken);
    assert_eq!(failure.to_string(), "the connection broke: no route to host");
}
