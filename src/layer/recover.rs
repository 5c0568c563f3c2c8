//! From a failure before the commit to a status.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::{Method, StatusCode, Version};

use super::ResetCode;
use crate::caught::message;
use crate::error::chain;
use crate::head::ErrorAnswer;
use crate::ledger::Stage;
use crate::sys::Meaning;

/// How long a client is asked to wait by the standard answers with `Retry-After`.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where a failure came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The inner service answered `Err`.
    Service,
    /// The inner service panicked.
    ServicePanic,
    /// The body answered `Err`.
    Body,
    /// The body panicked.
    BodyPanic,
    /// A before-commit hook failed or panicked.
    Hook,
}

/// What failed.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Cause<'a> {
    /// An error, with its sources.
    Error(&'a (dyn StdError + 'static)),
    /// A panic, with its payload.
    Panic(&'a (dyn Any + Send)),
}

/// A failure for which a response has to be found.
#[derive(Debug)]
pub struct Failure<'a> {
    pub(crate) origin: Origin,
    pub(crate) cause: Cause<'a>,
    pub(crate) stage: Stage,
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
}

impl<'a> Failure<'a> {
    /// Where it came from.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What failed.
    #[must_use]
    pub const fn cause(&self) -> Cause<'a> {
        self.cause
    }

    /// The stage the head was in.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// The request's protocol version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The `io::Error` among the error and its sources, also where one wraps another: the first
    /// with an error number, else the first.
    #[must_use]
    pub fn io_error(&self) -> Option<&'a io::Error> {
        let Cause::Error(error) = self.cause else { return None };
        let io_errors = || chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
        io_errors().find(|error| error.raw_os_error().is_some()).or_else(|| io_errors().next())
    }
}

/// Decides what a client sees when the service, its body or a hook fails before the head is
/// committed, and how a body that fails later is reset.
///
/// Every method has a default, so an empty `impl` is the [standard](StandardRecover) one. A
/// closure from [`Failure`] to [`ErrorAnswer`] is one, too.
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use letterhead::{ErrorAnswer, Failure, LetterheadLayer, Recover, StandardRecover};
///
/// let layer = LetterheadLayer::new().recover(|failure: &Failure<'_>| {
///     if failure.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused) {
///         return ErrorAnswer::new(StatusCode::BAD_GATEWAY);
///     }
///     StandardRecover.recover(failure)
/// });
/// # let _ = layer;
/// ```
pub trait Recover: Send + Sync + 'static {
    /// Whether failures of this origin are left alone, as if the layer were not there: an error
    /// is handed on to the server, which breaks the connection or resets the stream; a panic
    /// goes on. A failed hook is never left alone. The default is `false`.
    ///
    /// It is asked first, because an error of the service can only be handed on as it was.
    fn passes_through(&self, origin: Origin) -> bool {
        let _ = origin;
        false
    }

    /// The response to send instead.
    ///
    /// The default: an `io::Error` among the sources answers by its error number (`ENOENT` 404,
    /// `EACCES` 403, `ESTALE` 503 with `Retry-After`, `ENOSPC` 507, ...); all else is a 500.
    fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
        standard(failure)
    }

    /// The code with which an HTTP/2 stream is reset when its body fails after the commit. The
    /// default is `INTERNAL_ERROR`; an [`h2::Error`] among the body error's sources is handed on
    /// in any case. Without the feature `http2` this has no effect.
    ///
    /// [`h2::Error`]: https://docs.rs/h2/0.4/h2/struct.Error.html
    fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        let _ = failure;
        ResetCode::INTERNAL_ERROR
    }
}

/// The [`Recover`] of a layer that was given no other.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardRecover;

impl Recover for StandardRecover {}

impl<F> Recover for F
where
    F: Fn(&Failure<'_>) -> ErrorAnswer + Send + Sync + 'static,
{
    fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
        self(failure)
    }
}

fn standard(failure: &Failure<'_>) -> ErrorAnswer {
    if failure.origin == Origin::Hook {
        return ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let meaning = failure.io_error().map_or(Meaning::Broken, Meaning::of);
    let answer = ErrorAnswer::new(meaning.status());
    if meaning == Meaning::Busy { answer.retry_after(RETRY_AFTER) } else { answer }
}

impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Panic(payload) => f.debug_tuple("Panic").field(&message(*payload)).finish(),
        }
    }
}
