//! Which worker carries a connection, and whether it may be carried at all.
//!
//! Every worker accepts from the same socket, so whoever wakes first gets the connection: harmless
//! for many short ones, bad for a few long-lived HTTP/2 connections that all land on one core. So a
//! worker that carries more than the least loaded one hands a fresh connection over. After that the
//! connection stays where it is. Limits count what is open, in all and for each client address.

mod limits;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub use limits::{ConnectionLimits, LimitReached};

use limits::Counts;

/// One connection more than the least loaded worker is too many among few; among many, an eighth:
/// moving a connection wakes another thread, which short connections should not pay for.
const TOLERATED_EXCESS: usize = 8;

/// Places accepted connections on workers. Cheap to clone, one for each worker and listener.
#[derive(Debug, Clone)]
pub struct Spread(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    workers: Vec<Worker>,
    counts: Counts,
}

#[derive(Debug)]
struct Worker {
    open: AtomicUsize,
    inbox: mpsc::UnboundedSender<HandedOver>,
}

/// A connection on its way to another worker: counted there already, registered nowhere.
#[derive(Debug)]
struct HandedOver {
    stream: StdStream,
    peer_addr: SocketAddr,
    guard: ConnectionGuard,
}

/// Where a connection went.
#[derive(Debug)]
pub enum Placement {
    /// This worker carries it.
    Here(Placed),
    /// It was handed to the worker of this index, through its inbox.
    HandedTo(usize),
}

/// A connection on the worker that will carry it.
#[derive(Debug)]
pub struct Placed {
    /// The connection, registered with this worker's runtime.
    pub stream: TcpStream,
    /// The client's address.
    pub peer_addr: SocketAddr,
    /// Counts the connection as open for as long as it is held.
    pub guard: ConnectionGuard,
}

/// Whose a fresh connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of who is at its other end.
    Peer,
    /// A proxy passes it on, and will say whose it is ([`ConnectionGuard::turns_out`]). It counts for no
    /// address before.
    Unknown,
}

/// An open connection in the counts of its worker, its client's address once that is known, and all.
#[derive(Debug)]
pub struct ConnectionGuard {
    shared: Arc<Shared>,
    worker: usize,
    client: Option<IpAddr>,
}

/// Connections that other workers hand to this one.
#[derive(Debug)]
pub struct Inbox(mpsc::UnboundedReceiver<HandedOver>);

impl Spread {
    /// A spread over `workers` workers (at least one), and the inbox of each in its order.
    pub fn new(workers: usize, limits: ConnectionLimits) -> (Self, Vec<Inbox>) {
        let (workers, inboxes) = (0..workers.max(1))
            .map(|_| {
                let (inbox, receiver) = mpsc::unbounded_channel();
                (Worker { open: AtomicUsize::new(0), inbox }, Inbox(receiver))
            })
            .unzip();
        (Self(Arc::new(Shared { workers, counts: Counts::new(limits) })), inboxes)
    }

    /// Counts a connection that worker `here` accepted, and finds the worker to carry it.
    ///
    /// Over a limit it is refused: the stream is closed, the reason says which limit.
    pub fn place(
        &self,
        here: usize,
        stream: TcpStream,
        peer_addr: SocketAddr,
        whose: Whose,
    ) -> Result<Placement, LimitReached> {
        let peer = peer_addr.ip().to_canonical();
        let client = (whose == Whose::Peer).then_some(peer);
        self.0.counts.enter(peer, client)?;
        let worker = self.worker_for(here);
        if let Some(worker) = self.0.workers.get(worker) {
            worker.open.fetch_add(1, Ordering::Relaxed);
        }
        let guard = ConnectionGuard { shared: Arc::clone(&self.0), worker, client };
        if worker == here {
            return Ok(Placement::Here(Placed { stream, peer_addr, guard }));
        }
        match stream.into_std() {
            Ok(stream) => self.hand_over(worker, HandedOver { stream, peer_addr, guard }),
            Err(error) => {
                tracing::warn!(client = %peer_addr, %error, "lost a connection between workers");
            }
        }
        Ok(Placement::HandedTo(worker))
    }

    /// How many connections each worker carries.
    pub fn open(&self) -> Vec<usize> {
        self.0.workers.iter().map(|worker| worker.open.load(Ordering::Relaxed)).collect()
    }

    fn hand_over(&self, worker: usize, connection: HandedOver) {
        // A worker whose inbox is gone has ended: the process is on its way out, and the
        // connection closes with it.
        if let Some(worker) = self.0.workers.get(worker) {
            let _ = worker.inbox.send(connection);
        }
    }

    fn worker_for(&self, here: usize) -> usize {
        let open = |worker: &Worker| worker.open.load(Ordering::Relaxed);
        let mine = self.0.workers.get(here).map_or(usize::MAX, open);
        let least = self.0.workers.iter().map(open).enumerate().min_by_key(|(_, open)| *open);
        match least {
            Some((worker, least)) if mine > least + least / TOLERATED_EXCESS => worker,
            _ => here,
        }
    }
}

impl Inbox {
    /// The next connection handed to this worker; `None` when nobody is left to hand one.
    ///
    /// Nothing is lost when the future is dropped before it is done.
    pub async fn next(&mut self) -> Option<Placed> {
        loop {
            let HandedOver { stream, peer_addr, guard } = self.0.recv().await?;
            match TcpStream::from_std(stream) {
                Ok(stream) => return Some(Placed { stream, peer_addr, guard }),
                Err(error) => {
                    tracing::warn!(client = %peer_addr, %error, "lost a connection between workers");
                }
            }
        }
    }
}

impl ConnectionGuard {
    /// The worker that carries the connection.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Counts the connection for `client`, whose it is, from now on. Over the limit it is to be closed.
    pub fn turns_out(&mut self, client: SocketAddr) -> Result<(), LimitReached> {
        let client = client.ip().to_canonical();
        self.shared.counts.turns_out(self.client, client)?;
        self.client = Some(client);
        Ok(())
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Some(worker) = self.shared.workers.get(self.worker) {
            worker.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.shared.counts.leave(self.client);
    }
}
