//! The five stages of a response head, as a caller sees them.

use std::fmt;

/// Where a response head is in its life.
///
/// ```text
/// Open ──► Held ──► Committing ──► Committed ──► Ended
/// ```
///
/// A stage never comes back. `Held` is skipped by a response that is not held, and any stage may
/// go straight to `Ended` when the exchange is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The handler or a layer is at work; writes are noted and applied later.
    Open,
    /// The inner service has answered; the head waits for the body's first word.
    Held,
    /// Before-commit hooks and rules are at work; only they may still write.
    Committing,
    /// The head belongs to the server; only trailers may still be placed.
    Committed,
    /// The body is over, or nobody wants it any more.
    Ended,
}

impl Stage {
    /// The stage in one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Held => "held",
            Self::Committing => "committing",
            Self::Committed => "committed",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
