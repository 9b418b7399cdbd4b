//! Listening sockets: bound once, accepted from by every worker, through bad moments too.

mod files;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

pub use files::raise_open_files;

use crate::{Error, Result};

/// Connections that may wait for us to accept; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Pauses while the process is out of file descriptors, doubling from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A bound socket that no worker serves yet.
#[derive(Debug)]
pub struct Bound {
    socket: StdListener,
    address: SocketAddr,
}

impl Bound {
    /// Binds and listens on `HOST:PORT`; port 0 takes a free one.
    pub fn bind(address: &str) -> Result<Self> {
        let bad = || Error::BadListenAddress { seen: address.to_owned() };
        // A bare port number or a missing one would otherwise be a resolver's riddle.
        address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).ok_or_else(bad)?;
        let failed = |source| Error::Listen { address: address.to_owned(), source };
        let found = address.to_socket_addrs().map_err(failed)?.next().ok_or_else(bad)?;
        Self::bind_to(found)
    }

    /// Binds and listens on an address.
    pub fn bind_to(address: SocketAddr) -> Result<Self> {
        listening(address).map_err(|source| Error::Listen { address: address.to_string(), source })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another handle on the same socket, for another worker.
    pub fn try_clone(&self) -> Result<Self> {
        let socket = self
            .socket
            .try_clone()
            .map_err(|source| Error::Listen { address: self.address.to_string(), source })?;
        Ok(Self { socket, address: self.address })
    }

    /// The socket for a server that brings its own way to accept, registered as by
    /// [`Bound::serve`].
    pub fn into_tokio(self) -> Result<TcpListener> {
        TcpListener::from_std(self.socket)
            .map_err(|source| Error::Listen { address: self.address.to_string(), source })
    }

    /// Registers the socket with the runtime that calls this: once per worker, on the worker.
    pub fn serve(self) -> Result<Listener> {
        let address = self.address;
        let socket = self.into_tokio()?;
        Ok(Listener { socket, address, struggling: AtomicBool::new(false) })
    }
}

/// A listening socket on one worker.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// Whether the current burst of failures has been told already.
    struggling: AtomicBool,
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection and the client's address. Never fails: what goes wrong with one
    /// connection is passed over, and a lack of file descriptors is waited out.
    pub async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => {
                    if self.struggling.swap(false, Ordering::Relaxed) {
                        tracing::info!(listen = %self.address, "accepting connections again");
                    }
                    // Elsewhere than on Linux the listening socket's setting is not inherited.
                    #[cfg(not(target_os = "linux"))]
                    let _ = stream.set_nodelay(true);
                    return (stream, address);
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if !self.struggling.swap(true, Ordering::Relaxed) {
                        tracing::warn!(
                            listen = %self.address,
                            %error,
                            "could not accept a connection, trying again until it works"
                        );
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// Failures of a connection that was still in the backlog (accept(2) reports them as its own).
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn listening(address: SocketAddr) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it on Linux: one system call for all instead of one for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = StdListener::from(socket);
    let address = socket.local_addr()?;
    Ok(Bound { socket, address })
}
