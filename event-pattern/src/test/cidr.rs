//! Addresses and blocks of them.

use std::net::{IpAddr, Ipv6Addr};

/// A block of IP addresses of one family: `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u32,
}

impl Cidr {
    /// Reads `address/bits`.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let Some((start, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
            return Err("expected `address/bits`, such as `10.0.0.0/8`");
        };
        let Some(address) = address(start) else {
            return Err("what stands before the `/` is no IP address");
        };
        let bits: u32 = match bits.parse() {
            Ok(bits) => bits,
            Err(_) if bits.strip_prefix('-').is_some_and(|bits| bits.parse::<u32>().is_ok()) => {
                return Err("the number of bits is negative");
            }
            Err(_) => return Err("what stands behind the `/` is no number of bits"),
        };
        match address {
            IpAddr::V4(_) if bits > 31 => {
                Err("an IPv4 block has 0 to 31 bits; for one address write the address alone")
            }
            IpAddr::V6(_) if bits > 127 => {
                Err("an IPv6 block has 0 to 127 bits; for one address write the address alone")
            }
            _ => Ok(Self { address, bits }),
        }
    }

    /// An address of the block; the bits behind the mask do not count.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits, from the first on, all addresses of the block share.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        match (self.address, address(text)) {
            (IpAddr::V4(block), Some(IpAddr::V4(address))) => {
                (block.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(block), Some(IpAddr::V6(address))) => {
                (block.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// The address that a string is, if it is one.
///
/// As the engine does it, IPv6 with dots is none, and an IPv4 address written as IPv6 (`::ffff:a00:1`) is IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    // Most strings are no address, and end here.
    if !text.bytes().take(5).any(|byte| byte == b'.' || byte == b':') {
        return None;
    }
    if text.contains(':') {
        if text.contains('.') {
            return None;
        }
        return text.parse().ok().map(|address: Ipv6Addr| IpAddr::V6(address).to_canonical());
    }
    text.parse().ok().map(IpAddr::V4)
}
