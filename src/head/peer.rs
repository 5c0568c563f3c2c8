//! Who is at the other end of a connection.

use core::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

/// The other end of the connection that a request came on, in the request's extensions.
///
/// `serve` puts it there if `Serve::peer` was asked for; around another server the application does,
/// with [`Peer::new`].
///
/// # Examples
///
/// ```
/// use http::Request;
/// use letterhead::report::Peer;
///
/// let mut request = Request::new(());
/// let addr = "192.0.2.7:4711".parse().unwrap();
/// request.extensions_mut().insert(Peer::new(addr, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// The client's address, or that of a proxy in front.
    pub addr: SocketAddr,
    /// The bytes came through this server's TLS.
    pub secure: bool,
}

impl Peer {
    /// A client at `addr`, whose bytes came through this server's TLS or not.
    #[must_use]
    pub const fn new(addr: SocketAddr, secure: bool) -> Self {
        Self { addr, secure }
    }
}

/// In the extensions of a request that came through this server's TLS where nobody asked for the [`Peer`], whose
/// address would be in the access log then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

/// Whether there ever was such a request: without one, no look into the extensions is needed.
static IS_OVER_TLS: AtomicBool = AtomicBool::new(false);

impl OverTls {
    #[allow(dead_code, reason = "the server is an option")]
    pub(crate) fn mark(extensions: &mut Extensions) {
        IS_OVER_TLS.store(true, Ordering::Relaxed);
        extensions.insert(Self);
    }

    pub(crate) fn is_marked(extensions: &Extensions) -> bool {
        IS_OVER_TLS.load(Ordering::Relaxed) && extensions.get::<Self>().is_some()
    }
}
