//! The service: it gives each request a head and each response a future that commits it.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::asked::Asked;
use super::deny_target::DenyTarget;
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::policy_handle::PolicyTarget;
use super::route::{path, route, uri};
use super::settings::{Settings, Watch};
use super::sign_setting::SignTarget;
use super::spare;
use super::stopwatch::Stopwatch;
use super::{ResponseBody, ResponseFuture};
use crate::caught::{caught, contained, discard};
use crate::error::BoxError;
use crate::head::{Ability, Head, Misorder, RequestFacts, Shared, Span, outside};
use crate::report::{AccessLog, Begun, LogEntry, PageLink, Reporter};

/// A service whose responses have a commit point; made by
/// [`LetterheadLayer`](crate::LetterheadLayer).
///
/// A panic in the inner service's `call`, future or body becomes a response. One in its `poll_ready` goes
/// on: there is no request yet that could be answered.
#[derive(Clone)]
pub struct Letterhead<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Letterhead<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        if settings.watch.is_some() {
            Shared::expect_watched();
        }
        Self { inner, settings }
    }

    /// The service inside.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Letterhead<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    S::Error: Into<BoxError>,
    ResB: Body + Unpin,
    ResB::Data: From<Bytes>,
    ResB::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        if request.extensions().get::<Head>().is_some_and(Head::note_nested) {
            let inside = Enclosed::of(&request, &self.settings);
            return ResponseFuture::nested(self.inner.call(request), inside);
        }
        let mut shared = spare::take(Ability::of(&request), request.method().clone());
        let mut asked = self.settings.recoverer.keep(&request);
        if self.settings.watch.is_some() && self.settings.sampling.takes() {
            asked = watch(&mut shared, asked, &self.settings, &request);
        }
        if self.settings.keeps_requests {
            asked = Some(kept_of(&request, &self.settings, &shared, asked));
        }
        request.extensions_mut().insert(Head::new(Arc::clone(&shared)));
        let exchange = Exchange::new(shared, Arc::clone(&self.settings), asked);
        let inner = &mut self.inner;
        let called = caught(move || inner.call(request));
        ResponseFuture::new(called, exchange)
    }
}

/// What access log, policy, deny rules, signers and times will ask of the request, beside what the recoverer asks.
#[inline(never)]
fn kept_of<B>(
    request: &Request<B>,
    settings: &Settings,
    shared: &Shared,
    asked: Option<Box<Asked>>,
) -> Box<Asked> {
    let mut asked = asked.unwrap_or_default();
    asked.logged = settings.access_log.as_ref().map(|log| log_entry(log, request));
    if settings.policy.is_set() {
        asked.policy = PolicyTarget::of(request);
    }
    if settings.deny.is_set() {
        asked.denying = Some(DenyTarget::of(request));
    }
    if settings.sign.is_set() {
        asked.signing = SignTarget::of(request, &settings.sign);
    }
    if settings.deny.is_set() || settings.sign.is_set() {
        // So the commit cannot be one of those that have nothing to do.
        shared.lock().sealing().is_awaited_at_last = true;
    }
    if settings.server_timing {
        asked.stopwatch.get_or_insert_with(|| Box::new(Stopwatch::start()));
        let mut state = shared.lock();
        state.record().is_timed = true;
        state.sealing().is_timed = true;
    }
    asked
}

/// What the access log says of the request.
fn log_entry<B>(log: &AccessLog, request: &Request<B>) -> LogEntry {
    let (fields, extensions) = (request.headers(), request.extensions());
    log.ask(request.method(), uri(request), request.version(), fields, extensions)
}

/// Begins to watch who writes to the head of this request's response.
#[cold]
fn watch<B>(
    shared: &mut Arc<Shared>,
    mut asked: Option<Box<Asked>>,
    settings: &Settings,
    request: &Request<B>,
) -> Option<Box<Asked>> {
    // Nobody else has it yet.
    let (Some(watch), Some(shared)) = (&settings.watch, Arc::get_mut(shared)) else { return asked };
    if watch.needs.times {
        asked.get_or_insert_default().stopwatch = Some(Box::new(Stopwatch::start()));
    }
    shared.watch(&watch.rules, Arc::clone(&watch.secrets), path(request));
    if let Some(route) = route(request.extensions()) {
        shared.set_route(route);
    }
    let outside = outside(request.extensions());
    if !outside.is_empty() {
        let misorders = outside.iter().cloned().map(Misorder::Outside);
        shared.lock().record().misorders.extend(misorders);
    }
    if watch.wants_receipts() {
        let (fields, extensions) = (request.headers(), request.extensions());
        let facts = RequestFacts::of(request.uri().scheme(), fields, extensions, &watch.secrets);
        let secure = facts.as_ref().is_some_and(|facts| facts.secure);
        if facts.is_some() {
            asked.get_or_insert_default().facts = facts;
        }
        let (method, version, uri) = (request.method(), request.version(), request.uri());
        let number = shared.exchange;
        let begun = Begun { method, secure, number, version, uri, fields, extensions };
        for reporter in &watch.reporters {
            contained(|| reporter.begin(&begun));
        }
        if let Some(page) = watch.needs.page.then(|| page(watch, &begun)).flatten() {
            asked.get_or_insert_default().page = Some(Box::new(page));
        }
    }
    // A subscriber may panic here, for one of a span that it does not know.
    let current = || caught(Span::current).map_err(discard).unwrap_or_default();
    if let Some(span) = watch.needs.span.then(current).flatten() {
        asked.get_or_insert_default().facts.get_or_insert_default().span = Some(span);
    }
    asked
}

/// The page that the first reporter gives which has one for this request.
fn page(watch: &Watch, begun: &Begun<'_>) -> Option<PageLink> {
    let page = |reporter: &Arc<dyn Reporter>| {
        caught(|| reporter.page(begun)).unwrap_or_else(|payload| {
            discard(payload);
            None
        })
    };
    watch.reporters.iter().find_map(page)
}

impl<S: fmt::Debug> fmt::Debug for Letterhead<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letterhead").field("inner", &self.inner).finish_non_exhaustive()
    }
}
