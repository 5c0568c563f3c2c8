//! How a response ended.

use std::fmt;

use crate::error::{Error, WithCauses};

/// How a response ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything that was due was handed to the server: the body ended, or every declared byte
    /// was handed over, or there was no content to send.
    ///
    /// What of it the client has is not known here. The last frame, whatever its size, is handed over as soon as
    /// there is room for the first byte of it, on HTTP/1 in a buffer and on HTTP/2 in the client's window. A client
    /// that then takes nothing more is an event of the server's, if it is one that looks: `serve::Event::Cut`.
    Handed,
    /// The connection became something else (101, or a successful `CONNECT`).
    Upgraded,
    /// The response was broken off, and the client can tell: the connection or stream was closed
    /// without a proper end.
    Aborted(Error),
    /// The server dropped the response before it was complete. Mostly the client left; hyper does
    /// not say, and a time-out further out or a shutdown looks the same.
    Dropped,
    /// The response was dropped while its task was unwinding from a panic.
    Unwound,
}

impl Outcome {
    /// The outcome in one lower-case word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Upgraded => "upgraded",
            Self::Aborted(_) => "aborted",
            Self::Dropped => "dropped",
            Self::Unwound => "unwound",
        }
    }

    /// Why the response was broken off, if it was.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Aborted(error) => Some(error),
            Self::Handed | Self::Upgraded | Self::Dropped | Self::Unwound => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handed => f.write_str("handed over"),
            Self::Upgraded => f.write_str("upgraded"),
            Self::Aborted(error) => write!(f, "aborted ({})", WithCauses(error)),
            Self::Dropped => f.write_str("dropped"),
            Self::Unwound => f.write_str("dropped by a panic"),
        }
    }
}
