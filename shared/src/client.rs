//! The client that sent a request, as far as limits and blocks need it.

use std::net::{IpAddr, Ipv6Addr};

/// A network address, IPv6 by /64. Shows and prints nothing, and is stored in no form but keyed hashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client([u8; 16]);

impl Client {
    /// An address that can't be read counts as one and the same client.
    pub fn from_source_ip(source_ip: &str) -> Self {
        let address = source_ip.parse().map_or(Ipv6Addr::UNSPECIFIED, |address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)),
        });
        Self(address.octets())
    }

    /// For hashing under a key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
