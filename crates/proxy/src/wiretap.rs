//! The socket wrapper under hyper: keeps each HTTP/1 head byte for byte as it passes.
//!
//! hyper's header map forgets the case of names, the order among repeated names and chunk
//! boundaries; a recorder must not. The wrapper only looks at bytes that hyper reads anyway, and
//! follows message framing just far enough to know where the next head begins. Should the two ever
//! disagree, the record is made from the header map instead: see [`Wire::take_head`].

mod framing;
mod injection;
mod scanner;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use injection::Injection;
use scanner::{Found, Scanner};
pub(crate) use scanner::{HeadLimits, Reads, TooLarge};

/// What is wrong with a body whose end cannot be known.
pub(crate) const MISFRAMED: &str = "a chunk, or a line between chunks, does not end with CR LF";

/// A socket whose reads are watched.
#[derive(Debug)]
pub(crate) struct Wiretap<S> {
    stream: S,
    wire: Arc<Wire>,
}

/// What the wrapper and its owner share. Both live on one thread, so no lock is ever waited for; hyper
/// asks for types that could move, since an upgraded connection might.
#[derive(Debug)]
pub(crate) struct Wire {
    scanner: Mutex<Scanner>,
    heads: Mutex<VecDeque<Bytes>>,
    interim: Mutex<VecDeque<Bytes>>,
    awaits_interim: Mutex<Option<Waker>>,
    injection: Injection,
    /// Bytes read since [`Wire::expect_answer`].
    read: AtomicU64,
    body_waits: AtomicBool,
    /// Requests that are too large are refused by us; responses that are fail.
    refuses: bool,
}

impl Wire {
    /// A wire that carries messages of the kind that `reads` says.
    pub(crate) fn new(reads: Reads, limits: HeadLimits) -> Arc<Self> {
        Arc::new(Self {
            scanner: Mutex::new(Scanner::new(reads, limits)),
            heads: Mutex::default(),
            interim: Mutex::default(),
            awaits_interim: Mutex::default(),
            injection: Injection::default(),
            read: AtomicU64::new(0),
            body_waits: AtomicBool::new(false),
            refuses: reads == Reads::Requests,
        })
    }

    /// The oldest head that has not been taken, when its start line begins with `start`. A mismatch
    /// means that framing was misread: then nothing more is kept on this connection.
    pub(crate) fn take_head(&self, begins_well: impl Fn(&[u8]) -> bool) -> Option<Bytes> {
        let head = self.heads.lock().pop_front()?;
        if begins_well(&head) {
            return Some(head);
        }
        self.stop();
        None
    }

    /// No more heads come: the connection speaks another protocol from here on.
    pub(crate) fn stop(&self) {
        self.scanner.lock().stop();
        self.heads.lock().clear();
    }

    /// The request that is about to be sent; its answer's framing depends on it (RFC 9112 6.3).
    pub(crate) fn expect_answer(&self, to_head: bool) {
        self.scanner.lock().expect_answer(to_head);
        self.interim.lock().clear();
        self.read.store(0, Relaxed);
    }

    /// The next interim response, in the order in which they came.
    pub(crate) fn poll_interim(&self, context: &mut Context<'_>) -> Poll<Bytes> {
        if let Some(head) = self.interim.lock().pop_front() {
            return Poll::Ready(head);
        }
        let mut waker = self.awaits_interim.lock();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Whether any byte was read since [`Wire::expect_answer`].
    pub(crate) fn answer_began(&self) -> bool {
        self.read.load(Relaxed) > 0
    }

    /// What has been read of a head that is not complete yet.
    pub(crate) fn partial_head(&self) -> Bytes {
        self.scanner.lock().partial()
    }

    /// Whether a head has begun and is not complete yet.
    pub(crate) fn mid_head(&self) -> bool {
        self.scanner.lock().mid_head()
    }

    /// Why reading was refused, once it has been.
    pub(crate) fn too_large(&self) -> Option<TooLarge> {
        self.scanner.lock().too_large()
    }

    /// Whether a request that came with its body in one piece broke the rules of framing.
    pub(crate) fn misframed(&self) -> bool {
        self.scanner.lock().misframed() && !self.heads.lock().is_empty()
    }

    /// Whether what came cannot become an exchange, and is to be refused by whoever serves.
    pub(crate) fn is_unfit(&self) -> bool {
        let scanner = self.scanner.lock();
        scanner.too_large().is_some() || (scanner.misframed() && !self.heads.lock().is_empty())
    }

    /// Whether bytes of a request body have come although nobody has asked for them yet: a client
    /// that expects 100 Continue and does not wait for it (RFC 9110 section 10.1.1).
    pub(crate) fn body_came_unasked(&self) -> bool {
        self.body_waits.load(Relaxed)
    }

    /// Puts an interim response on the wire, ahead of what hyper writes next. Resolves when it is
    /// written; the final response must not be handed to hyper before.
    pub(crate) async fn inject(&self, head: Bytes) {
        self.injection.send(head).await;
    }

    fn watch(&self, read: &[u8]) -> io::Result<()> {
        self.read.fetch_add(read.len() as u64, Relaxed);
        let mut scanner = self.scanner.lock();
        if scanner.is_stopped() {
            return Ok(());
        }
        let result = scanner.scan(read, &mut |found| match found {
            Found::Head(head) => {
                self.body_waits.store(false, Relaxed);
                self.heads.lock().push_back(head);
            }
            Found::Interim(head) => {
                self.interim.lock().push_back(head);
                if let Some(waker) = &*self.awaits_interim.lock() {
                    waker.wake_by_ref();
                }
            }
            Found::Body => self.body_waits.store(true, Relaxed),
        });
        result.map_err(|too_large| io::Error::new(io::ErrorKind::InvalidData, too_large))?;
        if self.refuses && scanner.misframed() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, MISFRAMED));
        }
        Ok(())
    }
}

impl<S> Wiretap<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        Self { stream, wire }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wiretap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = &polled
            && let Some(read) = buffer.filled().get(before..)
            && !read.is_empty()
        {
            match this.wire.watch(read) {
                // An error would have hyper close before the refusal is written. Whoever serves the
                // connection looks for what is unfit after each poll. Only a body that is under way
                // ends with its error.
                Err(_) if this.wire.refuses && this.wire.is_unfit() => return Poll::Pending,
                watched => watched?,
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wiretap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes when it has written all it had: the one moment between two messages.
        if let Poll::Ready(Err(error)) = this.wire.injection.poll_write(&mut this.stream, context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
