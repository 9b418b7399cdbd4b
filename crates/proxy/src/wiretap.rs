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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};

use injection::Injection;
use scanner::{Found, Scanner};
pub(crate) use scanner::{HeadLimits, Reads, TooLarge};

/// What is wrong with a body whose end cannot be known.
pub(crate) const MISFRAMED: &str = "a chunk, or a line between chunks, does not end with CR LF";
/// Bytes that one read may bring. hyper would go up to 400 KiB, and keep a buffer of that size for each
/// connection; since it doubles its buffer when a read has filled it, the bound is one byte less.
const READ: u64 = (128 << 10) - 1;

/// A socket whose reads are watched.
#[derive(Debug)]
pub(crate) struct Wiretap<S> {
    stream: Take<S>,
    wire: Arc<Wire>,
}

/// What the wrapper and its owner share. Both live on one thread, so no lock is ever waited for; hyper
/// asks for types that could move, since an upgraded connection might.
#[derive(Debug)]
pub(crate) struct Wire {
    seen: Mutex<Seen>,
    injection: Injection,
    /// Bytes read since [`Wire::expect_answer`].
    read: AtomicU64,
    body_waits: AtomicBool,
    /// A head went over a limit, or a body broke the rules of framing: what one looks for after each
    /// poll, without the lock.
    unfit: AtomicBool,
    /// Something was written that may not have left yet.
    unflushed: AtomicBool,
    /// Requests that are too large are refused by us; responses that are fail.
    refuses: bool,
}

/// What has been read so far.
#[derive(Debug)]
struct Seen {
    scanner: Scanner,
    heads: VecDeque<Bytes>,
    interim: VecDeque<Bytes>,
    awaits_interim: Option<Waker>,
}

impl Wire {
    /// A wire that carries messages of the kind that `reads` says.
    pub(crate) fn new(reads: Reads, limits: HeadLimits) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::new(Seen {
                scanner: Scanner::new(reads, limits),
                heads: VecDeque::new(),
                interim: VecDeque::new(),
                awaits_interim: None,
            }),
            injection: Injection::default(),
            read: AtomicU64::new(0),
            body_waits: AtomicBool::new(false),
            unfit: AtomicBool::new(false),
            unflushed: AtomicBool::new(false),
            refuses: reads == Reads::Requests,
        })
    }

    /// The oldest head that has not been taken, when its start line begins with `start`. A mismatch
    /// means that framing was misread: then nothing more is kept on this connection.
    pub(crate) fn take_head(&self, begins_well: impl Fn(&[u8]) -> bool) -> Option<Bytes> {
        let head = self.seen.lock().heads.pop_front()?;
        if begins_well(&head) {
            return Some(head);
        }
        self.stop();
        None
    }

    /// No more heads come: the connection speaks another protocol from here on.
    pub(crate) fn stop(&self) {
        let mut seen = self.seen.lock();
        seen.scanner.stop();
        seen.heads.clear();
    }

    /// The request that is about to be sent; its answer's framing depends on it (RFC 9112 6.3).
    pub(crate) fn expect_answer(&self, to_head: bool) {
        let mut seen = self.seen.lock();
        seen.scanner.expect_answer(to_head);
        seen.interim.clear();
        self.read.store(0, Relaxed);
    }

    /// The next interim response, in the order in which they came.
    pub(crate) fn poll_interim(&self, context: &mut Context<'_>) -> Poll<Bytes> {
        let mut seen = self.seen.lock();
        if let Some(head) = seen.interim.pop_front() {
            return Poll::Ready(head);
        }
        if !seen.awaits_interim.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            seen.awaits_interim = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Whether any byte was read since [`Wire::expect_answer`].
    pub(crate) fn answer_began(&self) -> bool {
        self.read.load(Relaxed) > 0
    }

    /// What has been read of a head that is not complete yet.
    pub(crate) fn partial_head(&self) -> Bytes {
        self.seen.lock().scanner.partial()
    }

    /// Whether a head has begun and is not complete yet.
    pub(crate) fn mid_head(&self) -> bool {
        self.seen.lock().scanner.mid_head()
    }

    /// Whether the connection is between two messages, and all that was written has left.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.unflushed.load(Relaxed) && self.seen.lock().scanner.at_start()
    }

    /// Why reading was refused, once it has been.
    pub(crate) fn too_large(&self) -> Option<TooLarge> {
        self.unfit.load(Relaxed).then(|| self.seen.lock().scanner.too_large()).flatten()
    }

    /// Whether a request that came with its body in one piece broke the rules of framing.
    pub(crate) fn misframed(&self) -> bool {
        self.unfit.load(Relaxed) && self.seen.lock().misframed()
    }

    /// Whether what came cannot become an exchange, and is to be refused by whoever serves.
    pub(crate) fn is_unfit(&self) -> bool {
        if !self.unfit.load(Relaxed) {
            return false;
        }
        let seen = self.seen.lock();
        seen.scanner.too_large().is_some() || seen.misframed()
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
        let mut seen = self.seen.lock();
        let Seen { scanner, heads, interim, awaits_interim } = &mut *seen;
        let scanned = scanner.scan(read, &mut |found| match found {
            Found::Head(head) => {
                self.body_waits.store(false, Relaxed);
                heads.push_back(head);
            }
            Found::Interim(head) => {
                interim.push_back(head);
                if let Some(waker) = awaits_interim {
                    waker.wake_by_ref();
                }
            }
            Found::Body => self.body_waits.store(true, Relaxed),
        });
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| {
            self.unfit.store(true, Relaxed);
            io::Error::new(io::ErrorKind::InvalidData, error)
        };
        scanned.map_err(|too_large| invalid(too_large.into()))?;
        if self.refuses && scanner.misframed() { Err(invalid(MISFRAMED.into())) } else { Ok(()) }
    }
}

impl Seen {
    /// Whether a request that is not taken yet came with a body whose end cannot be known.
    fn misframed(&self) -> bool {
        self.scanner.misframed() && !self.heads.is_empty()
    }
}

impl<S: AsyncRead> Wiretap<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        Self { stream: stream.take(READ), wire }
    }

    /// What it wraps.
    pub(crate) fn stream(&self) -> &S {
        self.stream.get_ref()
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
        this.stream.set_limit(READ);
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wiretap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.wire.unflushed.store(true, Relaxed);
        Pin::new(this.stream.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.wire.unflushed.store(true, Relaxed);
        Pin::new(this.stream.get_mut()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let stream = this.stream.get_mut();
        // hyper flushes when it has written all it had: the one moment between two messages. Only a
        // client's connection is ever told of interim responses.
        if this.wire.refuses
            && let Poll::Ready(Err(error)) = this.wire.injection.poll_write(stream, context)
        {
            return Poll::Ready(Err(error));
        }
        let flushed = Pin::new(stream).poll_flush(context);
        if flushed.is_ready() {
            this.wire.unflushed.store(false, Relaxed);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_shutdown(context)
    }
}
