//! A recoverer as exchanges use it: whatever it does, there is an answer.

use std::fmt;
use std::sync::Arc;

use http::Request;

use super::abort::ResetCode;
use super::asked::{Asked, Wants};
use super::recover::{Failure, Origin, Recover, StandardRecover};
use crate::caught::{caught, discard};
use crate::head::ErrorAnswer;

/// A recoverer, and what it wants to know of each request.
#[derive(Clone)]
pub(crate) struct Recoverer {
    recover: Arc<dyn Recover>,
    /// `None` if it wants nothing, as most do.
    wants: Option<Wants>,
}

impl Recoverer {
    pub(crate) fn new(recover: impl Recover) -> Self {
        let (target, fields) = (recover.wants_target(), recover.wants_fields());
        let wants = (target || !fields.is_empty()).then(|| Wants::new(target, fields));
        Self { recover: Arc::new(recover), wants }
    }

    /// What has to be kept of `request`.
    #[inline]
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
