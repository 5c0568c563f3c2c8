//! When a response came how far.

use std::time::Duration;

/// How long it took from the request's arrival at the layer until its response had come so far.
///
/// The times are of a clock that does not go back, and none is less than one before it. They are taken where a
/// reporter [needs them](crate::report::Reporter::needs_times), or
/// [`LetterheadLayer::times`](crate::LetterheadLayer::times) asks for them.
///
/// ```text
/// the request ── answered ──── committed ── first byte ──── ended
///               the service   ╰─ the hold ─╯  the body
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub(crate) answered: Option<Duration>,
    pub(crate) committed: Option<Duration>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) ended: Duration,
}

impl Times {
    /// Until the inner service answered, failed or panicked; `None` if it came to none of these.
    #[must_use]
    pub const fn answered(&self) -> Option<Duration> {
        self.answered
    }

    /// Until the head was committed; `None` if it never was.
    #[must_use]
    pub const fn committed(&self) -> Option<Duration> {
        self.committed
    }

    /// Until the first byte of content was handed to the server; `None` if none was.
    #[must_use]
    pub const fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// Until the response was over. This is what a log calls its duration.
    #[must_use]
    pub const fn ended(&self) -> Duration {
        self.ended
    }

    /// How long the head was held: from the service's answer to the commit, hooks and rules included.
    #[must_use]
    pub fn hold(&self) -> Option<Duration> {
        Some(self.committed?.saturating_sub(self.answered?))
    }
}
