//! Networks: addresses with the same first bits, as `10.0.0.0/8`.

use std::net::IpAddr;
use std::str::FromStr;

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u128,
    bits: u32,
}

/// Neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNetwork;

impl Network {
    /// Whether the address is one of its.
    pub fn has(self, ip: IpAddr) -> bool {
        let beyond = 128 - self.bits;
        beyond == 128 || (bits_of(ip) ^ self.first) >> beyond == 0
    }
}

/// IPv4 stands where IPv6 has it.
fn bits_of(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (ip, length) = match text.split_once('/') {
            Some((ip, length)) => (ip, Some(length)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| NoNetwork)?;
        let (most, before) = if ip.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.map_or(Ok(most), |length| length.parse().map_err(|_| NoNetwork))?;
        if length > most {
            return Err(NoNetwork);
        }
        Ok(Self { first: bits_of(ip), bits: before + length })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn an_address_is_in_a_network_when_its_first_bits_are() {
        let has =
            |network: &str, ip: &str| network.parse::<Network>().unwrap().has(ip.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("10.0.0.0/8", "::ffff:10.1.2.3") && has("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(has("2001:db8::/32", "2001:db8:1::1") && !has("2001:db8::/32", "10.0.0.1"));
        assert!(has("::/0", "10.0.0.1") && has("0.0.0.0/0", "192.0.2.1"));
        for wrong in ["10.0.0.0/33", "ten", "10.0.0.0/", "10.0.0.0/-1", "::/129", ""] {
            assert_eq!(wrong.parse::<Network>(), Err(NoNetwork), "{wrong}");
        }
    }
}
