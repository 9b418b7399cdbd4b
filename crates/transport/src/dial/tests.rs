//! Upstream URLs as people type them, and dials that succeed and fail over loopback.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::authority::Authority;
use crate::client_tls::UpstreamTrust;
use crate::listen::{Bound, Listener};
use crate::server_tls::ServerTls;

const LIMIT: Duration = Duration::from_secs(10);

fn dialer(url: &str, trust: Option<&UpstreamTrust>) -> Dialer {
    let tls = trust.map(|trust| ClientTls::new(trust).unwrap());
    Dialer::new(Upstream::parse(url).unwrap(), tls, LIMIT).unwrap()
}

fn listener() -> Listener {
    Bound::bind("127.0.0.1:0").unwrap().serve().unwrap()
}

/// A backend that shakes hands once.
fn backend() -> (tempfile::TempDir, ServerTls, UpstreamTrust) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Arc::new(Authority::open_or_create(folder.path()).unwrap());
    let trust = UpstreamTrust::Authority(folder.path().join("ca.pem"));
    (folder, ServerTls::new(&[], Some(authority), None).unwrap(), trust)
}

#[test]
fn upstream_urls_are_read() {
    let cases = [
        ("http://localhost:3000", "localhost", 3000, "localhost:3000", ""),
        ("http://LOCALHOST", "localhost", 80, "localhost", ""),
        ("https://api.example.com/", "api.example.com", 443, "api.example.com", ""),
        ("HTTPS://api.example.com:443/v1/", "api.example.com", 443, "api.example.com", "/v1"),
        ("http://api:443/a/b", "api", 443, "api:443", "/a/b"),
        ("http://[::1]:8080", "::1", 8080, "[::1]:8080", ""),
        ("http://[0:0::1]", "::1", 80, "[::1]", ""),
        ("http://shop_api_1:80", "shop_api_1", 80, "shop_api_1", ""),
    ];
    for (url, host, port, authority, base_path) in cases {
        let upstream = Upstream::parse(url).unwrap();
        assert_eq!(upstream.host(), host, "{url}");
        assert_eq!(upstream.port(), port, "{url}");
        assert_eq!(upstream.authority(), authority, "{url}");
        assert_eq!(upstream.base_path(), base_path, "{url}");
    }
    assert_eq!(Upstream::parse("https://[::1]/v1/").unwrap().to_string(), "https://[::1]/v1");
}

#[test]
fn what_is_no_upstream_url_is_told_why() {
    let cases = [
        ("localhost:3000", "it has no scheme, `http://` or `https://`"),
        ("ftp://a", "its scheme is `ftp`, not `http` or `https`"),
        ("http://", "it names no host"),
        ("http://:80", "it names no host"),
        ("http://a:", "`` is not a port, a number from 1 to 65535"),
        ("http://a:0", "`0` is not a port, a number from 1 to 65535"),
        ("http://a:65536", "`65536` is not a port, a number from 1 to 65535"),
        ("http://a:x", "`x` is not a port, a number from 1 to 65535"),
        ("http://::1", "an IPv6 address goes into brackets, as in `[::1]`"),
        ("http://[::1", "its IPv6 address lacks the closing `]`"),
        ("http://[a]", "`a` is not an IPv6 address"),
        ("http://[::1]80", "`80` after the address is not a port"),
        ("http://a b", "` ` cannot be in a host name"),
        ("http://käse", "its host name is not ASCII: write it in its `xn--` form"),
        ("http://a/?b", "it has a query, which an upstream cannot have"),
        ("http://a#b", "it has a fragment, which an upstream cannot have"),
        ("http://a/b c", "its path has ` ` in it, unescaped"),
    ];
    for (url, reason) in cases {
        let error = Upstream::parse(url).unwrap_err();
        assert_eq!(error.to_string(), format!("`{url}` is not an upstream URL: {reason}"));
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_password_in_an_upstream_url_is_refused_and_not_repeated() {
    let error = Upstream::parse("https://me:secret@api.example/x").unwrap_err().to_string();
    assert!(error.contains("it names a user"), "{error}");
    assert!(error.contains("`https://...@api.example/x`") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_plain_backend_is_dialled() {
    let listener = listener();
    let dialer = dialer(&format!("http://{}", listener.address()), None);
    let (dialled, (mut backend, seen)) = tokio::join!(dialer.dial(), listener.accept());
    let mut dialled = dialled.unwrap();
    assert_eq!(dialled.peer_addr, listener.address());
    assert_eq!(dialled.local_addr, seen);
    assert_eq!((dialled.alpn, &dialled.tls, dialled.tls_handshake), (None, &None, None));
    assert!(dialled.stream.tcp().nodelay().unwrap());
    backend.write_all(b"hello").await.unwrap();
    let mut read = [0; 5];
    dialled.stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hello");
}

#[tokio::test]
async fn an_encrypted_backend_is_dialled_by_name_at_whichever_address_answers() {
    let (_folder, server, trust) = backend();
    let listener = listener();
    let url = format!("https://localhost:{}", listener.address().port());
    let dialer = dialer(&url, Some(&trust));
    let serve = async {
        let (tcp, _) = listener.accept().await;
        server.accept(tcp, LIMIT, 1).await
    };
    let (dialled, backend_end) = tokio::join!(dialer.dial(), serve);
    let dialled = dialled.unwrap();
    assert_eq!(dialled.alpn, Some(Alpn::Http2));
    assert_eq!(dialled.tls.unwrap().sni.as_deref(), Some("localhost"));
    assert!(dialled.tls_handshake.is_some());
    assert_eq!(backend_end.unwrap().1.sni.as_deref(), Some("localhost"));

    let serve = async {
        let (tcp, _) = listener.accept().await;
        server.accept(tcp, LIMIT, 1).await
    };
    let (dialled, _backend_end) = tokio::join!(dialer.dial_http1(), serve);
    assert_eq!(dialled.unwrap().alpn, Some(Alpn::Http1));
}

#[tokio::test]
async fn a_backend_is_trusted_only_as_told() {
    let (_folder, server, _) = backend();
    let (_other_folder, _, other_trust) = backend();
    let listener = listener();
    let url = format!("https://{}", listener.address());
    let dial = async |trust: &UpstreamTrust| {
        let dialer = dialer(&url, Some(trust));
        let serve = async {
            let (tcp, _) = listener.accept().await;
            server.accept(tcp, LIMIT, 1).await
        };
        tokio::join!(dialer.dial(), serve)
    };
    let error = dial(&other_trust).await.0.unwrap_err();
    assert_eq!(error.kind, DialErrorKind::Tls);
    assert_eq!(
        error.to_string(),
        format!(
            "could not shake hands with `{}`: \
             its certificate is from an authority that is not trusted here",
            listener.address()
        )
    );
    assert!(dial(&UpstreamTrust::Insecure).await.0.is_ok());
}

#[tokio::test]
async fn a_backend_that_does_not_listen_is_refused() {
    let address = listener().address();
    let error = dialer(&format!("http://{address}"), None).dial().await.unwrap_err();
    assert_eq!(error.kind, DialErrorKind::Refused);
    assert_eq!(error.to_string(), format!("could not connect to `{address}`: connection refused"));
}

#[tokio::test]
async fn a_plain_backend_behind_an_https_url_is_told() {
    let listener = listener();
    let dialer = dialer(&format!("https://{}", listener.address()), Some(&UpstreamTrust::Insecure));
    let serve = async {
        let (mut tcp, _) = listener.accept().await;
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tcp
    };
    let (dialled, _tcp) = tokio::join!(dialer.dial(), serve);
    let error = dialled.unwrap_err();
    assert_eq!(
        (error.kind, error.reason.as_str()),
        (DialErrorKind::Tls, "the other side does not speak TLS")
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_never_shakes_hands_is_given_up() {
    let listener = listener();
    let dialer = dialer(&format!("https://{}", listener.address()), Some(&UpstreamTrust::Insecure));
    let (dialled, _silent) = tokio::join!(dialer.dial(), listener.accept());
    let error = dialled.unwrap_err();
    assert_eq!(error.kind, DialErrorKind::TimedOut);
    assert_eq!(error.reason, "no answer within 10s");
    assert_eq!(error.address, Some(listener.address()));
}

#[test]
fn https_needs_someone_to_trust() {
    let upstream = Upstream::parse("https://api.example").unwrap();
    assert!(Dialer::new(upstream, None, LIMIT).is_err());
}

#[test]
fn a_trust_file_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let trust = UpstreamTrust::Authority(path.clone());
    assert!(matches!(ClientTls::new(&trust).unwrap_err(), Error::Unreadable { .. }));
    std::fs::write(&path, "nothing").unwrap();
    assert!(matches!(ClientTls::new(&trust).unwrap_err(), Error::NoCertificate { .. }));
}

#[tokio::test]
async fn a_name_that_resolves_to_our_own_listener_is_not_dialled() {
    let listener = listener();
    let own = listener.address();
    for host in ["localhost", "127.1", "0", "2130706433", "[::ffff:127.0.0.1]", "LOCALHOST"] {
        let dialer = dialer(&format!("http://{host}:{}", own.port()), None);
        assert!(dialer.dial().await.is_ok(), "{host} is reached without a fence");
        let error = dialer.fenced(Fence::around([own])).dial().await.unwrap_err();
        assert_eq!(error.kind, DialErrorKind::Fenced, "{host}: {error}");
        let reason = format!("that is our own listener on `{own}`");
        assert_eq!(error.reason, reason, "{host}");
    }
}
