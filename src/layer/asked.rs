//! What is kept of a request for the case that it fails: nothing, unless the recoverer wants it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use http::header::{HeaderMap, HeaderName};
use http::{Request, Uri};

use super::Recover;
use super::recover::{Failure, Origin};
use super::route::{Route, uri};
use super::{ResetCode, StandardRecover};
use crate::caught::{caught, discard};
use crate::head::ErrorAnswer;

/// A recoverer, and what it wants to know of each request.
#[derive(Clone)]
pub(crate) struct Recoverer {
    recover: Arc<dyn Recover>,
    /// `None` if it wants nothing, as most do.
    wants: Option<Wants>,
}

#[derive(Clone)]
struct Wants {
    target: bool,
    fields: Arc<[HeaderName]>,
}

impl Recoverer {
    pub(crate) fn new(recover: impl Recover) -> Self {
        let (target, fields) = (recover.wants_target(), recover.wants_fields());
        let wants =
            (target || !fields.is_empty()).then(|| Wants { target, fields: Arc::from(fields) });
        Self { recover: Arc::new(recover), wants }
    }

    /// What has to be kept of `request`.
    pub(crate) fn keep<B>(&self, request: &Request<B>) -> Option<Box<Asked>> {
        self.wants.as_ref().map(|wants| wants.keep(request))
    }

    /// Whether failures of this origin are left alone.
    pub(crate) fn passes_through(&self, origin: Origin) -> bool {
        caught(|| self.recover.passes_through(origin)).unwrap_or_else(|payload| {
            discard(payload);
            false
        })
    }

    /// The response to send instead; `None` if the recoverer panicked.
    pub(crate) fn answer(&self, failure: &Failure<'_>) -> Option<ErrorAnswer> {
        caught(|| self.recover.recover(failure)).map_err(discard).ok()
    }

    /// The code to reset a stream with.
    pub(crate) fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        caught(|| self.recover.reset_code(failure)).unwrap_or_else(|payload| {
            discard(payload);
            ResetCode::INTERNAL_ERROR
        })
    }
}

impl Default for Recoverer {
    fn default() -> Self {
        Self::new(StandardRecover)
    }
}

impl fmt::Debug for Recoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recoverer").finish_non_exhaustive()
    }
}

impl Wants {
    fn keep<B>(&self, request: &Request<B>) -> Box<Asked> {
        let mut fields = HeaderMap::new();
        for name in self.fields.iter() {
            for value in request.headers().get_all(name) {
                fields.append(name, value.clone());
            }
        }
        let target = self
            .target
            .then(|| Target { uri: uri(request).clone(), route: Route::of(request.extensions()) });
        Box::new(Asked { target, fields })
    }
}

/// What was kept of a request.
#[derive(Debug)]
pub(crate) struct Asked {
    target: Option<Target>,
    fields: HeaderMap,
}

/// What a request is about.
#[derive(Debug)]
struct Target {
    uri: Uri,
    route: Option<Route>,
}

impl Asked {
    pub(crate) fn uri(&self) -> Option<&Uri> {
        self.target.as_ref().map(|target| &target.uri)
    }

    pub(crate) fn route(&self) -> Option<&str> {
        self.target.as_ref()?.route.as_ref().map(Route::as_str)
    }

    /// The fields that were kept, if any were.
    pub(crate) fn fields(asked: Option<&Self>) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        asked.map_or(&NONE, |asked| &asked.fields)
    }
}
