//! From a failure before the commit to a status.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri, Version};

use super::abort::{self, ResetCode};
use super::asked::Asked;
use crate::caught::message;
use crate::error::chain;
use crate::field::rpc::Protocol;
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

/// A failure for which a response has to be found, with what is known of the exchange.
///
/// # Examples
///
/// A recoverer that says in the log which route failed, and asks for a field of the request:
///
/// ```
/// use bytes::Bytes;
/// use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
/// use http_body_util::Full;
/// use letterhead::{ErrorAnswer, Failure, LetterheadLayer, Recover, StandardRecover};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// struct InTheirTongue;
///
/// impl Recover for InTheirTongue {
///     fn wants_fields(&self) -> &[HeaderName] {
///         &[header::ACCEPT_LANGUAGE]
///     }
///
///     fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
///         eprintln!("{} {:?} failed", failure.method(), failure.path());
///         let answer = StandardRecover.recover(failure);
///         match failure.request_fields().get(header::ACCEPT_LANGUAGE) {
///             Some(tongue) if tongue.as_bytes().starts_with(b"de") => {
///                 answer.content(HeaderValue::from_static("text/plain"), "Das ging schief.")
///             }
///             _ => answer,
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = service_fn(|_: Request<Full<Bytes>>| async {
///     Err::<Response<Full<Bytes>>, _>(std::io::Error::other("no"))
/// });
/// let app = LetterheadLayer::new().recover(InTheirTongue).layer(app);
/// let request = Request::get("/rows").header("accept-language", "de-CH").header("cookie", "a=b");
/// let response = app.oneshot(request.body(Full::default()).unwrap()).await.unwrap();
/// assert_eq!(response.headers()["content-type"], "text/plain");
/// # // The edge: what was not asked for is not kept.
/// # struct Blind;
/// # impl Recover for Blind {
/// #     fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
/// #         assert!(failure.request_fields().is_empty());
/// #         assert_eq!((failure.path(), failure.status()), (Some("/rows"), None));
/// #         ErrorAnswer::new(StatusCode::BAD_GATEWAY)
/// #     }
/// # }
/// # let app = service_fn(|_: Request<Full<Bytes>>| async {
/// #     Err::<Response<Full<Bytes>>, _>(std::io::Error::other("no"))
/// # });
/// # let app = LetterheadLayer::new().recover(Blind).layer(app);
/// # let request = Request::get("/rows?a=b").header("cookie", "a=b");
/// # let response = app.oneshot(request.body(Full::default()).unwrap()).await.unwrap();
/// # assert_eq!(response.status(), 502);
/// # }
/// ```
#[derive(Debug)]
pub struct Failure<'a> {
    pub(crate) origin: Origin,
    pub(crate) cause: Cause<'a>,
    pub(crate) stage: Stage,
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    pub(crate) protocol: Protocol,
    /// What was kept of the request.
    pub(crate) asked: Option<&'a Asked>,
    pub(crate) route: Option<&'a str>,
    /// The head that was planned, or the status that went out.
    pub(crate) status: Option<StatusCode>,
    pub(crate) fields: Option<&'a HeaderMap>,
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

    /// The protocol in which the client reads the answer: by the content type of the response that
    /// was planned, else by the request. An [`ErrorAnswer`] is put into its form by itself.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The request's target; `None` if the recoverer did not
    /// [want](Recover::wants_target) it.
    #[must_use]
    pub fn uri(&self) -> Option<&'a Uri> {
        self.asked.and_then(Asked::uri)
    }

    /// The path of the request's target, without its query. It is the one that the client asked
    /// for, inside of a nested router, too (feature `axum`).
    #[must_use]
    pub fn path(&self) -> Option<&'a str> {
        self.uri().map(Uri::path)
    }

    /// The route that the request took, as axum writes it (`/users/{id}`), where a layer of this
    /// crate stood inside the router.
    #[must_use]
    pub const fn route(&self) -> Option<&'a str> {
        self.route
    }

    /// Those of the request's fields that the recoverer [wants](Recover::wants_fields).
    #[must_use]
    pub fn request_fields(&self) -> &'a HeaderMap {
        Asked::fields(self.asked)
    }

    /// The status that the failed response was to have, or has, if its head is out. `None` if there
    /// was no response: the service failed or panicked.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The fields that the failed response was to have. What was written through
    /// [`Head`](crate::Head) is among them only if a hook failed. `None` if there was no response,
    /// and after the commit, when they are the server's.
    #[must_use]
    pub const fn fields(&self) -> Option<&'a HeaderMap> {
        self.fields
    }

    /// The code of the `h2::Error` among the error's sources, for [`Recover::reset_code`].
    ///
    /// A body that is handed on from another server brings the code with which that one reset its
    /// stream. `None` without the feature `http2`.
    #[must_use]
    pub fn body_reset_code(&self) -> Option<ResetCode> {
        match self.cause {
            Cause::Error(error) => abort::own_code(error),
            Cause::Panic(_) => None,
        }
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
    /// It is asked first, because an error of the service can only be handed on as it was. How a
    /// stream is reset then is as the default of [`reset_code`](Self::reset_code) has it.
    fn passes_through(&self, origin: Origin) -> bool {
        let _ = origin;
        false
    }

    /// The response to send instead.
    ///
    /// The default: an `io::Error` among the sources answers by its error number (`ENOENT` 404,
    /// `EACCES` 403, `ESTALE` 503 with `Retry-After`, `ENOSPC` 507, ...), tokio's `Elapsed` by a 503;
    /// all else is a 500. Remote calls get the code of that meaning, see [`ErrorAnswer`].
    fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
        standard(failure)
    }

    /// The code with which an HTTP/2 stream is reset when its body fails after the commit. Without
    /// the feature `http2` this has no effect, and HTTP/1 has no codes.
    ///
    /// The default is the body's [own](Failure::body_reset_code) code, and `INTERNAL_ERROR` where it
    /// has none, or one that says something else to this client than it was meant to say to this
    /// server: after `HTTP_1_1_REQUIRED` curl asks again and appends what it gets, `REFUSED_STREAM` says
    /// that nothing of the request was processed, `CANCEL` looks like a clean end to some clients, and
    /// `NO_ERROR` to more. What is returned here is sent as it is, except for `NO_ERROR`.
    fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        failure.body_reset_code().map_or(ResetCode::INTERNAL_ERROR, ResetCode::handed_on)
    }

    /// Whether the target of each request ([`Failure::uri`]) is to be kept, and the route where axum
    /// has matched one. It costs an allocation for each request. The default is `true`; what the layer
    /// uses by itself wants nothing.
    fn wants_target(&self) -> bool {
        true
    }

    /// The fields of each request that are to be kept ([`Failure::request_fields`]); asked once, when
    /// the layer is made. The default is none: then nothing is cloned.
    fn wants_fields(&self) -> &[HeaderName] {
        &[]
    }
}

/// The [`Recover`] of a layer that was given no other.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardRecover;

impl Recover for StandardRecover {
    fn wants_target(&self) -> bool {
        false
    }
}

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
    let meaning = if is_timeout(failure.cause) {
        Meaning::Busy
    } else {
        failure.io_error().map_or(Meaning::Broken, Meaning::of)
    };
    let answer = ErrorAnswer::new(meaning.status());
    if meaning == Meaning::Busy { answer.retry_after(RETRY_AFTER) } else { answer }
}

/// Whether the failure is a time-out of tokio's, which is no i/o error.
fn is_timeout(cause: Cause<'_>) -> bool {
    match cause {
        Cause::Error(error) => chain(error).any(<dyn StdError>::is::<tokio::time::error::Elapsed>),
        Cause::Panic(_) => false,
    }
}

impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Panic(payload) => f.debug_tuple("Panic").field(&message(*payload)).finish(),
        }
    }
}
