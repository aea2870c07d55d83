//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv4Addr};

/// The client's end of a connection, which the server puts into each request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; `0.0.0.0` if it has no IPv4 form or the request came over no connection.
    pub address: Ipv4Addr,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
        }
    }
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { address },
            IpAddr::V6(_) => Self::default(),
        }
    }
}
