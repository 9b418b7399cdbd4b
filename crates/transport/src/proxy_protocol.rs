//! The header by which a proxy that passes a connection on says whose it is (the PROXY protocol of `HAProxy`,
//! versions 1 and 2, proxy-protocol.txt).
//!
//! It is read to its last byte and not beyond, so that whoever reads next finds what the client itself sent.
//! Whether the proxy is believed is for the caller to say, before.

mod header;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use header::{LONGEST_LINE, SIGNATURE, Second};

/// Why a connection has no such header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyProtocolError {
    /// The connection was closed before its first byte, as health checks do.
    #[error("the connection was closed before it said anything")]
    ClosedEarly,
    /// It begins with something else.
    #[error("the connection does not begin with a PROXY protocol header")]
    Missing,
    /// It begins like a header, and is none.
    #[error("the PROXY protocol header is malformed: {0}")]
    Malformed(&'static str),
    /// It did not come in time.
    #[error("the PROXY protocol header did not arrive within {0:?}")]
    TimedOut(Duration),
    /// The connection broke within it.
    #[error("the connection broke within its PROXY protocol header")]
    Broken(#[source] io::Error),
}

type Result<T> = std::result::Result<T, ProxyProtocolError>;

/// Reads the header within `limit`. Gives the client's address; none where the proxy speaks for itself
/// (`LOCAL`, `UNKNOWN`), or of a client that has no address of ours.
pub async fn read(tcp: &mut TcpStream, limit: Duration) -> Result<Option<SocketAddr>> {
    timeout(limit, header(tcp)).await.unwrap_or(Err(ProxyProtocolError::TimedOut(limit)))
}

async fn header(tcp: &mut TcpStream) -> Result<Option<SocketAddr>> {
    // Both versions have more bytes than the signature of the second.
    let mut start = [0; SIGNATURE.len()];
    let mut seen = 0;
    while seen < start.len() {
        let read = tcp.read(start.get_mut(seen..).unwrap_or_default()).await;
        seen += match read.map_err(ProxyProtocolError::Broken)? {
            0 if seen == 0 => return Err(ProxyProtocolError::ClosedEarly),
            0 => return Err(ProxyProtocolError::Malformed("it ends too early")),
            read => read,
        };
        let so_far = start.get(..seen).unwrap_or_default();
        if !SIGNATURE.starts_with(so_far) && !header::may_be_line(so_far) {
            return Err(ProxyProtocolError::Missing);
        }
    }
    if start == *SIGNATURE { second(tcp).await } else { first(tcp, &start).await }
}

/// A line of text, which `start` begins.
async fn first(tcp: &mut TcpStream, start: &[u8]) -> Result<Option<SocketAddr>> {
    let mut line = [0; LONGEST_LINE];
    let mut length = start.len();
    line.iter_mut().zip(start).for_each(|(slot, byte)| *slot = *byte);
    loop {
        let room = line.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            return Err(ProxyProtocolError::Malformed("its line is too long"));
        }
        // What has come is looked at first: what follows the line is not ours.
        let there = tcp.peek(room).await.map_err(ProxyProtocolError::Broken)?;
        let there = room.get_mut(..there).unwrap_or_default();
        if there.is_empty() {
            return Err(ProxyProtocolError::Malformed("it ends too early"));
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let ours = end.map_or(there.len(), |end| end + 1);
        let there = there.get_mut(..ours).unwrap_or_default();
        tcp.read_exact(there).await.map_err(ProxyProtocolError::Broken)?;
        length += ours;
        if end.is_some() {
            let line = line.get(..length).unwrap_or_default();
            return header::line(line).map_err(ProxyProtocolError::Malformed);
        }
    }
}

/// Four bytes that say what follows, addresses, and what else the proxy tells.
async fn second(tcp: &mut TcpStream) -> Result<Option<SocketAddr>> {
    let mut said = [0; 4];
    exactly(tcp, &mut said).await?;
    let said = Second::read(said).map_err(ProxyProtocolError::Malformed)?;
    let mut addresses = [0; header::LONGEST_ADDRESSES];
    let addresses = addresses.get_mut(..said.addresses()).unwrap_or_default();
    exactly(tcp, addresses).await?;
    let mut rest = said.length().saturating_sub(addresses.len());
    let mut nowhere = [0; 512];
    while rest > 0 {
        let piece = rest.min(nowhere.len());
        exactly(tcp, nowhere.get_mut(..piece).unwrap_or_default()).await?;
        rest -= piece;
    }
    Ok(said.client(addresses))
}

async fn exactly(tcp: &mut TcpStream, bytes: &mut [u8]) -> Result<()> {
    match tcp.read_exact(bytes).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ProxyProtocolError::Malformed("it ends too early"))
        }
        Err(error) => Err(ProxyProtocolError::Broken(error)),
    }
}

#[cfg(test)]
mod tests;
