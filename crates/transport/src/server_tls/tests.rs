//! Handshakes over loopback: what clients are shown, and what is said of those that fail.

mod failures;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::client_tls::{ClientStream, ClientTls, UpstreamTrust};
use crate::listen::Bound;

const LIMIT: Duration = Duration::from_secs(10);

type ServerEnd = Result<(ServerStream, TlsFacts), HandshakeFailure>;
type ClientEnd = std::io::Result<(ClientStream, TlsFacts)>;

/// An authority in a folder of its own, and clients that trust it.
struct Trusted {
    folder: TempDir,
    authority: Arc<Authority>,
}

impl Trusted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open_or_create(folder.path()).unwrap());
        Self { folder, authority }
    }

    fn server(&self) -> ServerTls {
        ServerTls::new(&[], Some(Arc::clone(&self.authority)), None).unwrap()
    }

    fn client(&self) -> ClientTls {
        ClientTls::new(&UpstreamTrust::Authority(self.folder.path().join("ca.pem"))).unwrap()
    }

    /// A certificate of this authority, as if it had been bought.
    fn given(&self, name: &str) -> Given {
        let leaf = self.authority.leaf(&[name.to_owned()]).unwrap();
        let write = |file: &str, text: &str| -> PathBuf {
            let path = self.folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        Given::load(&write("leaf.pem", leaf.pem()), &write("leaf.key", &leaf.key_pem())).unwrap()
    }
}

/// Both ends of a connection over loopback: the client's, ours.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = Bound::bind("127.0.0.1:0").unwrap().serve().unwrap();
    let (client, (server, _)) =
        tokio::join!(TcpStream::connect(listener.address()), listener.accept());
    (client.unwrap(), server)
}

async fn shake_hands(
    server: &ServerTls,
    client: &ClientTls,
    name: &str,
    http1_only: bool,
) -> (ServerEnd, ClientEnd) {
    let (near, far) = connection().await;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = async {
        let (mut stream, facts) = client.connect(name, near, http1_only).await?;
        // A TLS 1.3 client learns only now whether the server liked its end of the handshake.
        stream.read_exact(&mut [0; 2]).await?;
        Ok((stream, facts))
    };
    let server = async {
        let (mut stream, facts) = server.accept(far, LIMIT, 1).await?;
        stream.write_all(b"hi").await.unwrap();
        stream.flush().await.unwrap();
        Ok((stream, facts))
    };
    tokio::join!(server, client)
}

#[tokio::test]
async fn h2_is_chosen_where_the_client_offers_it() {
    let trusted = Trusted::new();
    let server = trusted.server();
    let (ours, theirs) = shake_hands(&server, &trusted.client(), "Shop.Example", false).await;
    let (facts, seen) = (ours.unwrap().1, theirs.unwrap().1);
    assert_eq!(facts.alpn, Some(Alpn::Http2));
    assert_eq!(facts.sni.as_deref(), Some("shop.example"));
    assert_eq!(facts.version, "TLSv1.3");
    assert_eq!(facts.cipher, "TLS_AES_128_GCM_SHA256");
    assert!(!facts.resumed);
    assert!(facts.ja4.as_ref().is_some_and(|ja4| ja4.starts_with("t13d")), "{facts:?}");
    assert_eq!(seen, TlsFacts { ja4: None, ..facts });

    let (ours, _) = shake_hands(&server, &trusted.client(), "shop.example", true).await;
    assert_eq!(ours.unwrap().1.alpn, Some(Alpn::Http1));
}

#[tokio::test]
async fn a_client_that_returns_resumes_its_tls_session() {
    let trusted = Trusted::new();
    let (server, client) = (trusted.server(), trusted.client());
    let (first, seen) = shake_hands(&server, &client, "shop.example", false).await;
    assert!(!first.unwrap().1.resumed && !seen.unwrap().1.resumed);
    server.replace(&[], Some(Arc::clone(&trusted.authority)), None).unwrap();
    let (second, seen) = shake_hands(&server, &client, "shop.example", false).await;
    let second = second.unwrap().1;
    assert!(second.resumed && seen.unwrap().1.resumed);
    assert_eq!(second.resumed_from, Some(1), "the ticket holds the number of the first");
}

#[tokio::test]
async fn a_client_that_names_no_host_gets_a_leaf_for_the_address() {
    let trusted = Trusted::new();
    let (ours, theirs) =
        shake_hands(&trusted.server(), &trusted.client(), "127.0.0.1", false).await;
    assert_eq!(ours.unwrap().1.sni, None);
    theirs.unwrap();
}

#[tokio::test]
async fn given_certificates_are_chosen_by_name() {
    let (shop, bank) = (Trusted::new(), Trusted::new());
    let given = [shop.given("shop.example"), bank.given("*.bank.example")];
    let server = ServerTls::new(&given, None, None).unwrap();
    let accepts = async |client: ClientTls, name: &str| {
        shake_hands(&server, &client, name, false).await.1.is_ok()
    };
    assert!(accepts(shop.client(), "shop.example").await);
    assert!(accepts(bank.client(), "www.bank.example").await);
    // A wildcard stands for one label; everything unknown is shown the first certificate.
    for unknown in ["a.www.bank.example", "bank.example", "other.example", "127.0.0.1"] {
        let (ours, theirs) = shake_hands(&server, &shop.client(), unknown, false).await;
        let reason = theirs.unwrap_err().to_string();
        assert!(reason.contains("not valid for name"), "{unknown}: {reason}");
        assert_eq!(ours.unwrap_err().kind, HandshakeFailureKind::CertificateRefused);
    }
}

#[tokio::test]
async fn the_authority_serves_names_that_no_given_certificate_covers() {
    let (shop, own) = (Trusted::new(), Trusted::new());
    let given = [shop.given("shop.example")];
    let server = ServerTls::new(&given, Some(Arc::clone(&own.authority)), None).unwrap();
    assert!(shake_hands(&server, &shop.client(), "shop.example", false).await.1.is_ok());
    assert!(shake_hands(&server, &own.client(), "other.example", false).await.1.is_ok());
}

#[tokio::test]
async fn replaced_certificates_hold_from_the_next_handshake_and_disturb_no_connection() {
    let (before, after) = (Trusted::new(), Trusted::new());
    let server = before.server();
    let (ours, theirs) = shake_hands(&server, &before.client(), "shop.example", false).await;
    server.replace(&[], Some(Arc::clone(&after.authority)), None).unwrap();

    let (mut ours, mut theirs) = (ours.unwrap().0, theirs.unwrap().0);
    ours.write_all(b"still here").await.unwrap();
    ours.flush().await.unwrap();
    let mut read = [0; 10];
    theirs.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"still here");

    assert!(shake_hands(&server, &after.client(), "shop.example", false).await.1.is_ok());
    assert!(shake_hands(&server, &before.client(), "shop.example", false).await.1.is_err());
}

#[test]
fn https_needs_something_to_show() {
    assert!(matches!(ServerTls::new(&[], None, None), Err(Error::NothingToServe)));
}

#[tokio::test]
async fn a_handshake_may_move_between_threads() {
    fn movable<T: Send>(future: T) -> T {
        future
    }
    let (near, far) = connection().await;
    drop(near);
    let server = Trusted::new().server();
    assert!(movable(server.accept(far, LIMIT, 1)).await.is_err());
}
