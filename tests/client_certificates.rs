//! Client certificates: who shows one is known by it, who must and does not is refused and recorded, and what
//! is believed changes while it runs.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use wayside_tests::{Echo, Output, Signal, Wayside, program, python};

/// Makes `FILE.pem` and `FILE.key` for a subject (`CN=alice`, or nothing), signed by `ISSUER.pem`, or by itself.
const MAKE: &str = r#"
import datetime, os, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
folder, file, subject, names, issuer, last = sys.argv[1:7]
path = lambda name, ending: os.path.join(folder, name + ending)
key = ec.generate_private_key(ec.SECP256R1())
subject = x509.Name.from_rfc4514_string(subject) if subject else x509.Name([])
now = datetime.datetime.now(datetime.timezone.utc)
builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=9))
builder = builder.not_valid_after(now + datetime.timedelta(days=int(last)))
kinds = {"uri": x509.UniformResourceIdentifier, "dns": x509.DNSName, "mail": x509.RFC822Name}
names = [kinds[name.split("=")[0]](name.split("=")[1]) for name in names.split()]
if names: builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
builder = builder.add_extension(x509.BasicConstraints(not issuer, None), True)
if issuer:
    signer = x509.load_pem_x509_certificate(open(path(issuer, ".pem"), "rb").read()).subject
    signing = serialization.load_pem_private_key(open(path(issuer, ".key"), "rb").read(), None)
else: signer, signing = subject, key
certificate = builder.issuer_name(signer).sign(signing, hashes.SHA256())
pem = serialization.Encoding.PEM
open(path(file, ".pem"), "wb").write(certificate.public_bytes(pem))
open(path(file, ".key"), "wb").write(key.private_bytes(
    pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"#;

/// Asks twice, the second time with the session of the first.
const RESUME: &str = r#"
import socket, ssl, sys
port, ca, certificate, key = int(sys.argv[1]), *sys.argv[2:5]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
def ask(path, session):
    wire = socket.create_connection(("127.0.0.1", port))
    with context.wrap_socket(wire, server_hostname="shop.test", session=session) as tls:
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
        while tls.recv(65536): pass
        return tls.session, tls.session_reused
session, _ = ask("/first", None)
print(ask("/second", session)[1])
"#;

/// A folder with an authority `ca` and certificates of it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().expect("a folder"));
        folder.make("ca", "CN=The CA", "", "", 9);
        folder.make("alice", "CN=alice,O=Acme", "dns=alice.test", "ca", 9);
        folder
    }

    #[track_caller]
    fn make(&self, file: &str, subject: &str, names: &str, issuer: &str, last: i32) {
        let folder = self.0.path().display().to_string();
        python(MAKE, [&folder, file, subject, names, issuer, &last.to_string()]).ok();
    }

    /// As openssl makes them where it is given no extensions.
    #[track_caller]
    fn make_of_version_1(&self, file: &str, issuer: &str) {
        let command = format!(
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {file}.key -subj /CN=alice \
             | openssl x509 -req -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -out {file}.pem"
        );
        program("sh", ["-c", &format!("cd {} && {command}", self.0.path().display())]).ok();
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }

    /// curl with this certificate.
    #[track_caller]
    fn curl(&self, wayside: &Wayside, path: &str, file: &str, more: &[&str]) -> Output {
        let (certificate, key) =
            (self.path(&format!("{file}.pem")), self.path(&format!("{file}.key")));
        let mut all = vec!["--cert", &certificate, "--key", &key];
        all.extend(more);
        wayside.curl(path, &all)
    }
}

#[test]
fn who_shows_a_certificate_is_known_by_it() {
    let (echo, folder) = (Echo::start(), Folder::new());
    let wayside = Wayside::start(&echo.url(), &["--client-ca", &folder.path("ca.pem")]);
    folder.make("uri", "O=Acme", "dns=b.test uri=spiffe://acme/b mail=b@acme.test", "ca", 9);
    folder.make("host", "O=Acme", "mail=c@acme.test dns=C.test", "ca", 9);
    folder.make("mail", "", "mail=d@acme.test", "ca", 9);
    folder.make("subject", "O=Acme", "", "ca", 9);
    folder.make("odd", "CN=e f\\,g", "", "ca", 9);
    for file in ["alice", "uri", "host", "mail", "subject", "odd"] {
        folder.curl(&wayside, &format!("/{file}"), file, &[]).ok();
    }
    // Even where it is refused: the handshake has shown who it is.
    folder.curl(&wayside, "/status/403?alice", "alice", &["-H", "X-Api-Key: k-123456789012"]).ok();
    wayside.curl("/nobody", &["-A", "probe/1"]).ok();
    wayside.ended("", 8);
    let client = |path: &str| one(&wayside, path)["client"].as_str().unwrap_or("").to_owned();
    assert_eq!(client("/alice"), "cert:alice");
    assert_eq!(client("/uri"), "cert:spiffe://acme/b");
    assert_eq!(client("/host"), "cert:c.test");
    assert_eq!(client("/mail"), "cert:d@acme.test");
    assert!(client("/subject").starts_with("cert:O_Acme~"), "{}", client("/subject"));
    assert!(client("/odd").starts_with("cert:e_f_g~"), "{}", client("/odd"));
    assert_eq!(client("/status/403"), "cert:alice");
    assert_eq!(client("/nobody"), "addr:127.0.0.1/probe");

    let alice = one(&wayside, "/alice");
    let certificate = &alice["tls"]["client_certificate"];
    assert_eq!(certificate["name"], "alice", "{alice:#}");
    let subject = certificate["subject"].as_str().expect("a subject");
    assert!(subject.contains("CN=alice") && subject.contains("O=Acme"), "{subject}");
    assert_eq!(one(&wayside, "/nobody")["tls"]["client_certificate"], Value::Null);
    let shown = wayside.run(["show", wayside_tests::id(&alice)]).ok();
    assert!(shown.text().contains(&format!("certificate {subject}")), "{}", shown.text());
    assert!(shown.text().contains("its client certificate (cert:alice)"), "{}", shown.text());
    assert_eq!(wayside.exchanges("client:cert:alice", 2).len(), 2);
    assert_eq!(wayside.exchanges("Acme client:alice", 2).len(), 2, "the subject is searched");
}

#[test]
fn another_kind_can_go_before_the_certificate() {
    let (echo, folder) = (Echo::start(), Folder::new());
    let flags = ["--client-ca", &folder.path("ca.pem"), "--client-order", "key"];
    let wayside = Wayside::start(&echo.url(), &flags);
    folder.curl(&wayside, "/", "alice", &["-H", "X-Api-Key: k-123456789012"]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    assert!(exchange["client"].as_str().is_some_and(|name| name.starts_with("key:")), "{exchange}");
    assert!(exchange["evidence"].to_string().contains("alice"), "{exchange}");
}

#[test]
fn the_certificate_of_a_trusted_proxy_names_none_of_its_clients() {
    let (echo, folder) = (Echo::start(), Folder::new());
    let flags = ["--client-ca", &folder.path("ca.pem"), "--trusted-proxy", "127.0.0.1"];
    let wayside = Wayside::start(&echo.url(), &flags);
    folder.curl(&wayside, "/", "alice", &["-H", "X-Forwarded-For: 192.0.2.7", "-A", "x"]).ok();
    assert_eq!(wayside.ended("", 1).remove(0)["client"], "addr:192.0.2.7/x");
}

#[test]
fn a_certificate_that_is_missing_or_not_believed_is_refused_and_recorded() {
    let (echo, folder) = (Echo::start(), Folder::new());
    folder.make("other-ca", "CN=Another", "", "", 9);
    folder.make("stranger", "CN=alice", "", "other-ca", 9);
    folder.make("late", "CN=alice", "", "ca", -1);
    folder.make_of_version_1("old", "ca");
    let ca = folder.path("ca.pem");
    let required = ["--client-ca", &ca, "--client-certificates", "required"];
    let wayside = Wayside::start(&echo.url(), &required);
    let reason = |count: usize| {
        let failed = wayside.exchanges("outcome:refused", count);
        failed.last().expect("one")["failure"]["reason"].as_str().expect("why").to_owned()
    };
    assert_ne!(wayside.curl("/", &[]).code, 0);
    assert_eq!(
        reason(1),
        "TLS handshake failed: the client showed no certificate, and one is required \
         (`--client-certificates`)"
    );
    assert_ne!(folder.curl(&wayside, "/", "stranger", &[]).code, 0);
    assert_eq!(
        reason(2),
        "TLS handshake failed: the client's certificate is of no authority in `--client-ca`"
    );
    assert_ne!(folder.curl(&wayside, "/", "late", &["--tls-max", "1.2"]).code, 0);
    assert_eq!(reason(3), "TLS handshake failed: the client's certificate has expired");
    assert_ne!(folder.curl(&wayside, "/", "old", &[]).code, 0);
    assert_eq!(
        reason(4),
        "TLS handshake failed: the client's certificate is not of X.509 version 3"
    );
    folder.curl(&wayside, "/", "alice", &[]).ok();
    assert_eq!(wayside.exchanges("outcome:complete", 1)[0]["client"], "cert:alice");

    // One that is not believed is refused where none is required, too.
    let optional = Wayside::start(&echo.url(), &["--client-ca", &ca]);
    assert_ne!(folder.curl(&optional, "/", "stranger", &[]).code, 0);
    optional.curl("/", &[]).ok();
}

#[test]
fn a_resumed_session_is_still_that_clients() {
    let (echo, folder) = (Echo::start(), Folder::new());
    let wayside = Wayside::start(&echo.url(), &["--client-ca", &folder.path("ca.pem")]);
    let said = python(RESUME, arguments(&folder, &wayside)).ok();
    assert_eq!(said.text().trim(), "True", "it was resumed");
    for exchange in wayside.ended("", 2) {
        assert_eq!(exchange["client"], "cert:alice", "{exchange}");
    }
}

#[test]
fn authorities_are_taken_up_anew_and_sessions_under_the_old_ones_end() {
    let (echo, folder) = (Echo::start(), Folder::new());
    let ca = folder.path("ca.pem");
    let required = ["--client-ca", &ca, "--client-certificates", "required"];
    let wayside = Wayside::start(&echo.url(), &required);
    folder.curl(&wayside, "/", "alice", &[]).ok();
    let session = folder.path("session");
    let openssl = |flags: &str| {
        let command = format!(
            "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client \
             -ign_eof -connect {} -cert {} -key {} {flags} 2>&1",
            wayside.https(),
            folder.path("alice.pem"),
            folder.path("alice.key"),
        );
        program("sh", ["-c", &command])
    };
    assert!(openssl(&format!("-sess_out {session}")).text().contains("200 OK"));
    let resumed = openssl(&format!("-sess_in {session}"));
    assert!(resumed.text().contains("Reused") && resumed.text().contains("200 OK"));

    // An authority that cannot be read changes nothing.
    let before = fs::read(&ca).expect("the authority");
    fs::write(&ca, "nonsense").expect("written");
    wayside.signal(Signal::Reload);
    wayside.wait_for("kept what was in force");
    folder.curl(&wayside, "/", "alice", &[]).ok();

    fs::write(&ca, before).expect("written");
    folder.make("ca", "CN=The new CA", "", "", 9);
    folder.make("bob", "CN=bob", "", "ca", 9);
    wayside.signal(Signal::Reload);
    wayside_tests::eventually("bob is believed", std::time::Duration::from_secs(20), || {
        folder.curl(&wayside, "/", "bob", &[]).code == 0
    });
    assert_ne!(folder.curl(&wayside, "/", "alice", &[]).code, 0);
    let resumed = openssl(&format!("-sess_in {session}"));
    assert!(!resumed.text().contains("200 OK"), "{}", resumed.text());
}

#[test]
fn settings_that_make_no_sense_are_clear_errors() {
    let folder = Folder::new();
    fs::write(folder.path("empty.pem"), "").expect("written");
    let wrong: [(&[&str], &str); 4] = [
        (&["--client-certificates", "required"], "no authority is named"),
        (&["--client-ca", &folder.path("empty.pem")], "empty.pem"),
        (&["--client-ca", &folder.path("missing.pem")], "could not read"),
        (&["--client-ca", "x", "--client-certificates", "maybe"], "neither `optional` nor"),
    ];
    for (flags, words) in wrong {
        let mut all = vec!["record", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
        all.extend(["--console", "127.0.0.1:0"]);
        all.extend(flags);
        let said = Wayside::run_on(&folder.0.path().join("data"), all);
        assert_ne!(said.code, 0);
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

fn arguments(folder: &Folder, wayside: &Wayside) -> [String; 4] {
    let ca: &Path = &wayside.ca();
    [
        wayside.https().port().to_string(),
        ca.display().to_string(),
        folder.path("alice.pem"),
        folder.path("alice.key"),
    ]
}

/// The one exchange with this path.
#[track_caller]
fn one(wayside: &Wayside, path: &str) -> Value {
    wayside.exchanges(&format!("path:{path}"), 1).remove(0)
}
