//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The other end of the connection that a request came on; in the request's extensions, if
/// [`Serve::peer`](super::Serve::peer) was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// The client's address, or that of a proxy in front.
    pub addr: SocketAddr,
    /// The bytes came through this server's TLS.
    pub secure: bool,
}
