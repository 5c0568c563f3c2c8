//! How a body that failed after the commit is broken off: heard by the server, never a clean end.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use crate::error::{BoxError, Error};
use crate::sys::timer;

/// The error code of an HTTP/2 `RST_STREAM` frame (RFC 9113, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResetCode(u32);

impl ResetCode {
    /// The server failed. The default.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// The request was not processed and may be sent again.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The stream is no longer needed.
    pub const CANCEL: Self = Self(0x8);
    /// The other end of a `CONNECT` was lost.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The client asks for too much.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The client should come back with HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);

    /// Any code. `NO_ERROR` (0) is sent as `INTERNAL_ERROR`: clients take it for a clean end.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The code for this client, where a body brings this one from another server. The codes that
    /// tell a client to ask again, or that the end is a good one, are no one's but the sender's.
    pub(crate) const fn handed_on(self) -> Self {
        match self {
            Self::NO_ERROR | Self::REFUSED_STREAM | Self::CANCEL | Self::HTTP_1_1_REQUIRED => {
                Self::INTERNAL_ERROR
            }
            other => other,
        }
    }

    const NO_ERROR: Self = Self(0x0);
}

/// The code that an `h2::Error` among the error's sources brings.
#[cfg(feature = "http2")]
pub(super) fn own_code(error: &(dyn StdError + 'static)) -> Option<ResetCode> {
    crate::error::chain(error)
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .find_map(h2::Error::reason)
        .map(|reason| ResetCode(reason.into()))
}

/// Without h2 there is none.
#[cfg(not(feature = "http2"))]
pub(super) fn own_code(_error: &(dyn StdError + 'static)) -> Option<ResetCode> {
    None
}

/// A response that is being broken off.
pub(crate) struct Abort {
    error: Option<Aborted>,
    pause: Pause,
}

/// What is waited for, so that what was produced gets out first.
enum Pause {
    Nothing,
    /// HTTP/1.1: the server flushes when its task comes to rest once.
    OneTurn,
    /// HTTP/2: the connection is another task; it needs a moment.
    Time(Pin<Box<Sleep>>),
}

impl Abort {
    /// Breaks off without waiting: what is not out yet is lost.
    pub(crate) fn at_once(error: Error) -> Self {
        Self { error: Some(Aborted::new(error, None)), pause: Pause::Nothing }
    }

    /// Breaks off an HTTP/1 response after one turn of the task.
    pub(crate) fn after_a_turn(error: Error) -> Self {
        Self { error: Some(Aborted::new(error, None)), pause: Pause::OneTurn }
    }

    /// Resets an HTTP/2 stream with `code` after `linger`; at once without a timer.
    pub(crate) fn reset(error: Error, code: ResetCode, linger: Option<Sleep>) -> Self {
        let pause = linger.map_or(Pause::Nothing, |linger| Pause::Time(Box::pin(linger)));
        Self { error: Some(Aborted::new(error, Some(code))), pause }
    }

    /// The error, when it is time; then nothing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<BoxError>> {
        match &mut self.pause {
            Pause::Nothing => {}
            Pause::OneTurn => {
                self.pause = Pause::Nothing;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pause::Time(sleep) => {
                std::task::ready!(timer::poll(sleep.as_mut(), cx));
                self.pause = Pause::Nothing;
            }
        }
        Poll::Ready(self.error.take().map(Into::into))
    }
}

impl fmt::Debug for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abort").field("error", &self.error).finish_non_exhaustive()
    }
}

/// The error that the server is given for a response that was broken off.
struct Aborted {
    error: Error,
    /// Found by hyper in the chain of sources; it takes its reset code from there.
    #[cfg(feature = "http2")]
    reset: Option<h2::Error>,
}

impl Aborted {
    #[cfg(feature = "http2")]
    fn new(error: Error, code: Option<ResetCode>) -> Self {
        // hyper would not find a code inside an `io::Error`, and it hands on a `NO_ERROR`, which
        // clients take for a clean end.
        let code = code.or_else(|| own_code(&error).map(ResetCode::handed_on));
        let reason = code.map(|code| match code {
            ResetCode::NO_ERROR => h2::Reason::INTERNAL_ERROR,
            other => h2::Reason::from(other.get()),
        });
        Self { error, reset: reason.map(Into::into) }
    }

    #[cfg(not(feature = "http2"))]
    fn new(error: Error, _code: Option<ResetCode>) -> Self {
        Self { error }
    }

    #[cfg(feature = "http2")]
    fn reset(&self) -> Option<&(dyn StdError + 'static)> {
        self.reset.as_ref().map(|reset| reset as _)
    }

    #[cfg(not(feature = "http2"))]
    #[expect(clippy::unused_self, reason = "the other feature set reads a field")]
    fn reset(&self) -> Option<&(dyn StdError + 'static)> {
        None
    }
}

impl StdError for Aborted {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.reset().or_else(|| self.error.source())
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "response broken off: {}", self.error)
    }
}

impl fmt::Debug for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}
