//! What is kept of a request for the case that it fails: nothing, unless the recoverer wants it.

use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock};

use http::header::{HeaderMap, HeaderName};
use http::{Request, Uri};

use super::deny_target::DenyTarget;
use super::policy_handle::PolicyTarget;
use super::route::{Route, uri};
use super::sign_setting::SignTarget;
use super::stopwatch::{Mark, Stopwatch};
use crate::head::RequestFacts;
use crate::report::{LogEntry, PageLink};

/// What a recoverer wants of each request.
#[derive(Clone)]
pub(super) struct Wants {
    target: bool,
    fields: Arc<[HeaderName]>,
}

impl Wants {
    pub(super) fn new(target: bool, fields: &[HeaderName]) -> Self {
        Self { target, fields: Arc::from(fields) }
    }

    /// What has to be kept of `request`.
    #[inline(never)]
    pub(super) fn keep<B>(&self, request: &Request<B>) -> Box<Asked> {
        let mut fields = HeaderMap::new();
        for name in self.fields.iter() {
            for value in request.headers().get_all(name) {
                fields.append(name, value.clone());
            }
        }
        let target = self
            .target
            .then(|| Target { uri: uri(request).clone(), route: Route::of(request.extensions()) });
        Box::new(Asked { target, fields, ..Asked::default() })
    }
}

/// What was kept of a request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    target: Option<Target>,
    fields: HeaderMap,
    /// The access log's line, as far as the request gave it. It lies here because few exchanges have it.
    pub(crate) logged: Option<LogEntry>,
    /// What the header policy will ask for.
    pub(crate) policy: Option<PolicyTarget>,
    /// What deny rules will ask for.
    pub(crate) denying: Option<DenyTarget>,
    /// What signers will ask for.
    pub(crate) signing: Option<SignTarget>,
    /// What the receipt will say of the request.
    pub(crate) facts: Option<Box<RequestFacts>>,
    /// Runs where somebody needs times.
    pub(crate) stopwatch: Option<Box<Stopwatch>>,
    /// Where the client may look at its response.
    pub(crate) page: Option<Box<PageLink>>,
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

    /// The response has come so far.
    #[cold]
    #[inline(never)]
    pub(crate) fn mark(&self, mark: Mark) {
        if let Some(stopwatch) = &self.stopwatch {
            stopwatch.mark(mark);
        }
    }

    /// Whether somebody needs times.
    #[inline]
    pub(crate) const fn is_timed(&self) -> bool {
        self.stopwatch.is_some()
    }

    /// What the receipt says of the request, now that its response is over.
    pub(crate) fn take_facts(asked: Option<&mut Self>) -> Option<Box<RequestFacts>> {
        let asked = asked?;
        let mut facts = asked.facts.take();
        if let Some(stopwatch) = &asked.stopwatch {
            facts.get_or_insert_default().times = Some(stopwatch.read());
        }
        facts
    }

    /// The version of the header policy that was applied, if one was.
    pub(crate) fn policy_version(asked: Option<&Self>) -> Option<NonZeroU64> {
        asked?.policy.as_ref()?.applied()
    }

    /// The fields that were kept, if any were.
    pub(crate) fn fields(asked: Option<&Self>) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        asked.map_or(&NONE, |asked| &asked.fields)
    }
}
