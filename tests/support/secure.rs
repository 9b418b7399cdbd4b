//! TLS for a peer that plays a client byte by byte: openssl between the test's socket and the proxy.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use crate::Peer;

impl Peer {
    /// Connects to `address` over TLS, trusting `ca`, with HTTP/1.1 agreed; closing it closes the connection.
    #[track_caller]
    pub fn secure(address: SocketAddr, ca: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let local = listener.local_addr().expect("a bound socket");
        let mine = TcpStream::connect(local).expect("a connection to ourselves");
        let (its, _) = listener.accept().expect("our own connection");
        let input = OwnedFd::from(its.try_clone().expect("a second handle"));
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-no_ign_eof", "-nocommands", "-verify_return_error"]);
        openssl.args(["-servername", "shop.test", "-alpn", "http/1.1", "-connect"]);
        openssl.arg(address.to_string()).arg("-CAfile").arg(ca);
        openssl.stdin(Stdio::from(input)).stdout(Stdio::from(OwnedFd::from(its)));
        openssl.stderr(Stdio::null());
        let mut child =
            openssl.spawn().unwrap_or_else(|error| panic!("could not run openssl: {error}"));
        // Its copies of the socket go with the command, so that its end is the end of the connection.
        drop(openssl);
        thread::spawn(move || child.wait());
        Self::new(Arc::new(mine), Arc::default())
    }
}
