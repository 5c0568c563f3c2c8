//! A layer with a name: the response is looked at on both sides of it, and the difference is its doing.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderName};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::broken_signature::look;
use super::probe::Probe;
use crate::field::digest;
use crate::head::origin::{is_layer_asked, mark_layer};
use crate::ledger::{LayerKind, LayerName};

/// Gives `layer` a name, so that receipts, conflicts and
/// [`Head::explain`](crate::Head::explain) can say what it wrote.
///
/// Any tower layer will do; it is used as it is. Its service is given the response on one side and
/// hands it on at the other, and what differs is written down in its name. It costs next to nothing
/// where nobody watches: no [`LetterheadLayer`](crate::LetterheadLayer) outside, or one without
/// rules and reporters, or a request that is not sampled.
///
/// Name every layer that writes to responses. What an unnamed one writes is attributed to the
/// handler if it stands inside the innermost named one, and else to "an unnamed layer outside" the
/// named one that it stands around.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, Request, Response, header};
/// use http_body_util::Full;
/// use bytes::Bytes;
/// use letterhead::report::Collector;
/// use letterhead::{LetterheadLayer, Rules, named};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// # use tower::util::MapResponseLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # type Answer = Response<Full<Bytes>>;
/// let stamp = MapResponseLayer::new(|mut response: Answer| {
///     response.headers_mut().insert(header::SERVER, HeaderValue::from_static("mine"));
///     response
/// });
/// let overwrite = MapResponseLayer::new(|mut response: Answer| {
///     response.headers_mut().insert(header::SERVER, HeaderValue::from_static("yours"));
///     response
/// });
/// let seen = Collector::new();
/// let app = ServiceBuilder::new()
///     .layer(LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone()))
///     .layer(named("overwrite", overwrite))
///     .layer(named("stamp", stamp))
///     .service(service_fn(|_: Request<Full<Bytes>>| async {
///         Ok::<_, std::convert::Infallible>(Answer::default())
///     }));
/// let response = app.oneshot(Request::new(Full::default())).await.unwrap();
/// drop(response);
/// let conflict = seen.take()[0].conflicts()[0].to_string();
/// assert_eq!(
///     conflict,
///     "overwritten server: layer stamp, then layer overwrite; `mine` became `yours`; reported"
/// );
/// # }
/// ```
pub fn named<L>(name: impl Into<Cow<'static, str>>, layer: L) -> Named<L> {
    Named { name: LayerName::new(name.into()), layer }
}

/// A layer with a name; made by [`named()`].
#[derive(Clone)]
pub struct Named<L> {
    name: LayerName,
    layer: L,
}

impl<L> Named<L> {
    /// Says that the layer is there to change these fields: it may overwrite, replace and remove
    /// them, and the rules about that stay quiet.
    ///
    /// A layer that sets `Server` on every response owns that field, for example. For what many
    /// applications use there are [names with what they own](mod@crate::named).
    #[must_use]
    pub fn owns(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.name = self.name.owning(fields);
        self
    }

    /// Says that the layer is there to change the status, as one does that answers conditional or
    /// range requests.
    #[must_use]
    pub fn owns_status(mut self) -> Self {
        self.name = self.name.owning_status();
        self
    }

    /// Says that the layer is there to apply or undo a content coding. It owns `Content-Encoding`,
    /// `Content-Length`, `Accept-Ranges`, `ETag` and digests, and what it leaves behind of the bytes before is
    /// put right at the commit without a report: a strong `ETag` becomes weak (RFC 9110, section 8.8.3), and a
    /// digest of those bytes is taken out (RFC 9530). A layer that does so itself is left alone.
    ///
    /// That is done where conflicts are judged: within a [`LetterheadLayer`](crate::LetterheadLayer) with rules
    /// or reporters, for requests that are sampled.
    ///
    /// [Rules that only observe](crate::Rules::observe) report it instead, and a rule that is
    /// [allowed](crate::Action::Allow) leaves it as it is. A part that was coded and a coding against
    /// `no-transform` cannot be put right, and are reported.
    #[must_use]
    pub fn codes_content(self) -> Self {
        let fields = [CONTENT_ENCODING, CONTENT_LENGTH, ACCEPT_RANGES, ETAG];
        let mut named = self.owns(fields.into_iter().chain(digest::FIELDS));
        named.name = named.name.coding_content();
        named
    }
}

impl<L> Named<L> {
    /// Says what the layer is there for.
    pub(super) fn of_kind(mut self, kind: LayerKind) -> Self {
        self.name = self.name.of_kind(kind);
        self
    }
}

impl<L, S> Layer<S> for Named<L>
where
    L: Layer<Inside<S>>,
{
    type Service = Outside<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        let name = self.name.instance();
        let inside = Inside { name: name.clone(), inner };
        Outside { name, inner: self.layer.layer(inside) }
    }
}

/// The service of a named layer.
#[derive(Clone)]
pub struct Outside<S> {
    name: LayerName,
    inner: S,
}

/// What a named layer is put around: its inner service, watched.
#[derive(Clone)]
pub struct Inside<S> {
    name: LayerName,
    inner: S,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Outside<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ProbeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[expect(
        clippy::inline_always,
        reason = "the future is made in its place, and not moved there"
    )]
    #[inline(always)]
    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let probe = Probe::outside(&mut request, &self.name);
        let mark = is_layer_asked().then(|| Some(self.name.clone()));
        ProbeFuture { inner: Some(self.inner.call(request)), probe, mark }
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Inside<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ProbeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[expect(
        clippy::inline_always,
        reason = "the future is made in its place, and not moved there"
    )]
    #[inline(always)]
    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let probe = Probe::inside(&mut request, &self.name);
        let mark = is_layer_asked().then_some(None);
        ProbeFuture { inner: Some(self.inner.call(request)), probe, mark }
    }
}

pin_project! {
    /// The future of a named layer, or of what it is put around: the same response, looked at.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner future.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ProbeFuture<F> {
        // `None` once it has answered, where what is left of it was dropped early.
        #[pin]
        inner: Option<F>,
        probe: Option<Probe>,
        // Whose response it is if nobody further inside has said so; only where a policy or a signer asks.
        mark: Option<Option<LayerName>>,
    }
}

impl<F, B, E> Future for ProbeFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            panic!("`ProbeFuture` polled after it was ready");
        };
        if this.probe.is_none() && this.mark.is_none() {
            return inner.poll(cx);
        }
        // A response is large: it is looked at where it lies, and not moved.
        let mut polled = inner.poll(cx);
        if let (Some(mark), Poll::Ready(Ok(response))) = (&*this.mark, &mut polled) {
            look(response, mark.as_ref());
            mark_layer(response.extensions_mut(), mark.as_ref());
        }
        if let (Some(probe), Poll::Ready(answer)) = (&mut *this.probe, &mut polled) {
            if let Ok(response) = answer {
                if !probe.note_answer() {
                    if probe.awaits_writes() {
                        // A call inside that was given up is over now, and not when this is dropped.
                        this.inner.set(None);
                    }
                    probe.look(response);
                }
            }
            *this.probe = None;
        }
        polled
    }
}

impl<L: fmt::Debug> fmt::Debug for Named<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).field("layer", &self.layer).finish()
    }
}

impl<S> fmt::Debug for Outside<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Inside<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inside").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for ProbeFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeFuture")
            .field("watched", &self.probe.is_some())
            .finish_non_exhaustive()
    }
}
