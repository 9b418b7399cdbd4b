//! A scripted backend: a plain TCP server whose script sees the bytes of each connection and answers as it
//! likes. It notes all that it received.

use std::any::Any;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};

use crate::Peer;

/// A backend that does as its script says.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    connections: Mutex<Vec<Connection>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Debug)]
struct Connection {
    socket: Weak<TcpStream>,
    received: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Backend {
    /// Runs `script` once for every connection, each on its own thread; the connection closes when it returns.
    pub fn scripted(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let script = Arc::new(script);
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                if accepting.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let socket = Arc::new(socket.expect("an accepted connection"));
                let kept = Arc::downgrade(&socket);
                let received = Arc::new(Mutex::new(Vec::new()));
                let mut peer = Peer::new(socket, Arc::clone(&received));
                let script = Arc::clone(&script);
                let noting = Arc::clone(&accepting);
                let thread = thread::spawn(move || {
                    // Noted before the socket closes: the test may be over as soon as it does.
                    let ended = catch_unwind(AssertUnwindSafe(|| script(&mut peer)));
                    // What a script makes of losing its socket at the end of the test is nobody's failure.
                    if let (Err(panic), false) = (ended, noting.stopping.load(Ordering::SeqCst)) {
                        noting.panic.lock().expect("no panic holds it").get_or_insert(panic);
                    }
                });
                let connection = Connection { socket: kept, received, thread };
                accepting.connections.lock().expect("no panic holds it").push(connection);
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Answers every request on every connection with `answer`, as it stands.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::scripted(move |peer| {
            while let Some(head) = peer.head() {
                peer.body(&head);
                if !peer.send(&answer) {
                    break;
                }
            }
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDR`, as `wayside record` takes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came on each connection so far, in the order of acceptance, byte for byte.
    pub fn received(&self) -> Vec<Vec<u8>> {
        let connections = self.shared.connections.lock().expect("no panic holds it");
        connections
            .iter()
            .map(|connection| connection.received.lock().expect("same").clone())
            .collect()
    }

    /// Closes everything; a script that panicked panics here.
    pub fn join(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept call, which has no other way to be told.
        drop(TcpStream::connect(self.address));
        let accepting = thread.join().err();
        let connections = std::mem::take(&mut *self.shared.connections.lock().expect("all joined"));
        for connection in connections {
            let _ = connection.socket.upgrade().map(|socket| socket.shutdown(Shutdown::Both));
            let _ = connection.thread.join();
        }
        let panic = self.shared.panic.lock().expect("all joined").take().or(accepting);
        if let Some(panic) = panic
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_backend_answers_and_notes_what_came() {
        let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(crate::curl([backend.url(), "-dx".to_owned()]).ok().text(), "hi");
        assert!(backend.received()[0].starts_with(b"POST / HTTP/1.1\r\n"));
        backend.join();
    }

    #[test]
    #[should_panic(expected = "as scripted")]
    fn a_panic_in_a_script_comes_out_at_the_end() {
        let backend = Backend::scripted(|peer| {
            peer.head();
            panic!("as scripted");
        });
        // An empty answer: the script is over when curl is.
        crate::curl([backend.url()]).exits(52);
        backend.join();
    }

    #[test]
    fn a_reset_is_no_clean_end() {
        let backend = Backend::scripted(|peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\n\r\npart");
            peer.reset();
        });
        crate::curl([backend.url()]).exits(56);
        backend.join();
    }
}
