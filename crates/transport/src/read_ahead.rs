//! A TCP socket under TLS that reads ahead: rustls asks for 4 KiB at a time, which is a system call
//! each; here one brings all that has come, up to a bound, and the rest of it is handed out from
//! memory.
//!
//! What is read goes through a buffer of the thread, so that a connection holds memory of its own only
//! while it has bytes that TLS has not asked for yet: an idle one holds none.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that one read may bring: two TLS records of the largest size, with their overhead.
const AHEAD: usize = 33 << 10;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; AHEAD]);
}

/// A TCP socket that reads ahead.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    tcp: TcpStream,
    ahead: Vec<u8>,
    taken: usize,
}

impl ReadAhead {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, ahead: Vec::new(), taken: 0 }
    }

    /// The socket underneath.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Hands out what is there; whether anything was.
    fn take(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = self.ahead.get(self.taken..).unwrap_or_default();
        if left.is_empty() {
            return false;
        }
        let now = left.get(..buffer.remaining()).unwrap_or(left);
        buffer.put_slice(now);
        self.taken += now.len();
        if self.taken == self.ahead.len() {
            (self.ahead, self.taken) = (Vec::new(), 0);
        }
        true
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.take(buffer) {
            return Poll::Ready(Ok(()));
        }
        READ.with_borrow_mut(|read| {
            let mut read = ReadBuf::new(read);
            ready!(Pin::new(&mut this.tcp).poll_read(context, &mut read))?;
            let (now, later) =
                read.filled().split_at_checked(buffer.remaining()).unwrap_or((read.filled(), &[]));
            buffer.put_slice(now);
            if !later.is_empty() {
                this.ahead = later.to_vec();
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(context, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_was_read_ahead_comes_in_order_and_before_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut ahead = ReadAhead::new(listener.accept().await.unwrap().0);
        let sent: Vec<u8> = (0..3 * AHEAD).map(|n| (n % 251) as u8).collect();
        let sending = async {
            sender.write_all(&sent).await.unwrap();
            drop(sender);
        };
        let receiving = async {
            let (mut received, mut piece) = (Vec::new(), [0; 4096]);
            loop {
                match ahead.read(&mut piece).await.unwrap() {
                    0 => return received,
                    n => received.extend_from_slice(&piece[..n]),
                }
            }
        };
        let ((), received) = tokio::join!(sending, receiving);
        assert_eq!(received, sent);
        assert_eq!(ahead.ahead.capacity(), 0, "an idle connection holds no memory");
    }
}
