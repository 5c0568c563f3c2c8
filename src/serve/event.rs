//! Events of connections, for a callback of the application's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::BoxError;
use super::patience::Cut;

/// The application's callback.
pub(super) type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened to the listener or to a connection; see [`Serve::on_event`](super::Serve::on_event).
///
/// Its `Display` is one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// No connection could be accepted: mostly for want of descriptors. The listener pauses, or
    /// until a connection of its own ends.
    AcceptFailed {
        /// What the kernel said.
        error: io::Error,
        /// How long it pauses at most.
        pause: Duration,
    },
    /// A client has connected and there are [as many connections](super::Serve::max_connections) as there may be. It waits for
    /// one to end.
    Full {
        /// How many connections without a request were asked to go, for this one and the next.
        asked: usize,
    },
    /// The TLS handshake failed. Scanners and clients of plain HTTP are the usual reason.
    HandshakeFailed {
        /// The other end.
        peer: SocketAddr,
        /// What the handshake said.
        error: io::Error,
    },
    /// The connection ended with an error: the client has gone, or spoke no HTTP, or a response
    /// was broken off.
    Failed {
        /// The other end.
        peer: SocketAddr,
        /// What hyper said.
        error: BoxError,
    },
    /// The server cut the connection.
    Cut {
        /// The other end.
        peer: SocketAddr,
        /// For what.
        why: Cut,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcceptFailed { error, pause } => {
                write!(f, "accept: {error}; trying again in at most {pause:?}")
            }
            Self::Full { asked } => {
                write!(f, "accept: every place is taken; idle connections asked to go: {asked}")
            }
            Self::HandshakeFailed { peer, error } => write!(f, "{peer}: TLS handshake: {error}"),
            Self::Failed { peer, error } => {
                write!(f, "{peer}: {error}")?;
                let mut source = error.source();
                while let Some(inner) = source {
                    write!(f, ": {inner}")?;
                    source = inner.source();
                }
                Ok(())
            }
            Self::Cut { peer, why } => write!(
                f,
                "{peer}: cut: {}",
                match why {
                    Cut::Head => "no whole request head in time",
                    Cut::Write => "the client took too little for too long",
                    Cut::Lingering => "asked to end, and stayed",
                    Cut::Deadline => "still under way at the deadline of the shutdown",
                    Cut::Flood => "too many pings, settings or the like in a second",
                    Cut::Memory => "it held the most when all held too much",
                }
            ),
        }
    }
}
