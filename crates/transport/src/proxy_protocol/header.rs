//! What the bytes of a header say. Written by anybody who reaches the port of a trusted proxy: read to the
//! letter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 2 begins.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
pub(super) const LONGEST_LINE: usize = 107;
/// Two addresses of IPv6 with their ports.
pub(super) const LONGEST_ADDRESSES: usize = 36;

const LINE: &[u8] = b"PROXY ";

/// Whether these may be the first bytes of a line.
pub(super) fn may_be_line(start: &[u8]) -> bool {
    start.starts_with(LINE) || LINE.starts_with(start)
}

/// The client in a line of version 1; none for `UNKNOWN`.
pub(super) fn line(line: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    let line = line.strip_suffix(b"\r\n").ok_or("its line does not end in CR LF")?;
    let line = line.strip_prefix(LINE).ok_or("it does not begin with `PROXY `")?;
    let line = std::str::from_utf8(line).map_err(|_| "it is no text")?;
    // Whatever follows has no meaning.
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(None);
    }
    let words: Vec<&str> = line.split(' ').collect();
    let &[family, source, destination, port, destination_port] = words.as_slice() else {
        return Err("its line has not five words");
    };
    let address: fn(&str) -> Option<IpAddr> = match family {
        "TCP4" => |text| text.parse().map(IpAddr::V4).ok(),
        "TCP6" => |text| text.parse().map(IpAddr::V6).ok(),
        _ => return Err("its family is neither TCP4 nor TCP6 nor UNKNOWN"),
    };
    let wrong = "an address is not of its family";
    address(destination).ok_or(wrong)?;
    number(destination_port).ok_or("a port is no number")?;
    let client = address(source).ok_or(wrong)?;
    Ok(Some(SocketAddr::new(client, number(port).ok_or("a port is no number")?)))
}

/// A port as the protocol writes it: digits, without zeros before them.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// What stands behind the signature of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Second {
    family: Family,
    length: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    /// The proxy speaks for itself, or for somebody who has no address of ours.
    Other,
}

impl Second {
    /// Version and command, family and transport, length of what follows.
    pub(super) fn read([version, family, high, low]: [u8; 4]) -> Result<Self, &'static str> {
        let length = u16::from_be_bytes([high, low]);
        let is_local = match version {
            0x20 => true,
            0x21 => false,
            _ if version >> 4 != 2 => return Err("its version is not 2"),
            _ => return Err("its command is neither LOCAL nor PROXY"),
        };
        let family = match family {
            _ if is_local => Family::Other,
            0x11 => Family::V4,
            0x21 => Family::V6,
            _ => Family::Other,
        };
        let said = Self { family, length };
        if said.addresses() > said.length() {
            return Err("it is too short for its addresses");
        }
        Ok(said)
    }

    /// Bytes that follow.
    pub(super) fn length(self) -> usize {
        usize::from(self.length)
    }

    /// Bytes of addresses among them.
    pub(super) fn addresses(self) -> usize {
        match self.family {
            Family::V4 => 12,
            Family::V6 => LONGEST_ADDRESSES,
            Family::Other => 0,
        }
    }

    /// The client in the bytes of addresses: source, destination, and the ports of both.
    pub(super) fn client(self, addresses: &[u8]) -> Option<SocketAddr> {
        let (source, ports): (IpAddr, usize) = match self.family {
            Family::V4 => (Ipv4Addr::from(*addresses.first_chunk::<4>()?).into(), 8),
            Family::V6 => (Ipv6Addr::from(*addresses.first_chunk::<16>()?).into(), 32),
            Family::Other => return None,
        };
        let port = u16::from_be_bytes(*addresses.get(ports..)?.first_chunk()?);
        Some(SocketAddr::new(source, port))
    }
}
