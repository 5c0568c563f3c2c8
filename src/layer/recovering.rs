//! The innermost layer: a service that panics or fails is answered where every other layer sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Recover;
use super::asked::Asked;
use super::failures::note_failure;
use super::panics::{first_panic, panicked};
use super::recover::{Cause, Failure, Origin};
use super::recoverer::Recoverer;
use crate::caught::{Payload, caught, discard};
use crate::error::{BoxError, Error, Kind};
use crate::field::rpc::{Protocol, Rpc};
use crate::head::{ErrorAnswer, Head, Note, replace};
use crate::ledger::Stage;

/// Answers for a service that panics or fails, in the innermost place.
///
/// [`LetterheadLayer`](crate::LetterheadLayer) stands outermost, so the answer that it gives for a
/// handler that panics has none of the fields of the layers in between: they never had a response.
/// This layer makes the same answer an ordinary response of the handler's place, to which CORS,
/// request ids and all the others add their fields. It does no more than that: a body that fails is
/// the outer layer's, because only a head that is held can still become an error.
///
/// | what fails | this layer, innermost | `LetterheadLayer`, outermost |
/// |---|---|---|
/// | the handler: a panic, an `Err` | answers; every layer adds its fields | answers where this layer is not, without their fields |
/// | a layer in between | sees nothing of it | answers |
/// | the body's first frame, while the head is held | sees nothing of it | answers, with the fields that outlive the content |
/// | a hook, a rule | has none | answers |
/// | the body, after the commit | sees nothing of it | breaks the response off |
///
/// It works without an outer layer, too. With one the failure is in the
/// [receipt](crate::Receipt::failure). The response has the [`Error`] in its extensions, for
/// layers that log.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use http::{HeaderValue, Request, header};
/// use letterhead::LetterheadLayer;
/// use tower::ServiceExt;
/// use tower_http::cors::CorsLayer;
///
/// async fn broken() -> &'static str {
///     panic!("a bug")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let head = LetterheadLayer::new();
/// let app = Router::new()
///     .route("/", get(broken))
///     .layer(head.recover_layer()) // innermost: the first `layer`
///     .layer(CorsLayer::permissive())
///     .layer(head);
/// let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
/// let response = app.oneshot(request).await.unwrap();
/// assert_eq!(response.status(), 500);
/// assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecoverLayer {
    recoverer: Recoverer,
}

impl RecoverLayer {
    /// A layer that answers as [`StandardRecover`](crate::StandardRecover) does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a client sees instead. For the recoverer of the outer layer use
    /// [`LetterheadLayer::recover_layer`](crate::LetterheadLayer::recover_layer).
    #[must_use]
    pub fn recover(self, recover: impl Recover) -> Self {
        Self { recoverer: Recoverer::new(recover) }
    }

    pub(crate) const fn of(recoverer: Recoverer) -> Self {
        Self { recoverer }
    }
}

impl<S> Layer<S> for RecoverLayer {
    type Service = Recovering<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Recovering { inner, recoverer: self.recoverer.clone() }
    }
}

/// A service whose panics and errors are responses; made by [`RecoverLayer`].
///
/// A panic in the inner service's `poll_ready` goes on, and so does its error: there is no request
/// yet that could be answered.
#[derive(Clone)]
pub struct Recovering<S> {
    inner: S,
    recoverer: Recoverer,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Recovering<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    S::Error: Into<BoxError>,
    ResB: Body,
    ResB::Data: From<Bytes>,
{
    type Response = Response<RecoveredBody<ResB>>;
    type Error = S::Error;
    type Future = RecoverFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let attempt = Attempt {
            method: request.method().clone(),
            version: request.version(),
            call: Rpc::of_request(&request),
            asked: self.recoverer.keep(&request),
            head: request.extensions().get::<Head>().cloned(),
            recoverer: self.recoverer.clone(),
        };
        let (inner, mut request) = (&mut self.inner, Some(request));
        let state = match caught(|| request.take().map(|request| inner.call(request))) {
            Ok(Some(future)) => State::Running { future },
            Ok(None) => State::Done,
            Err(payload) => State::Panicked { payload: Some(payload) },
        };
        RecoverFuture { state, attempt: Some(attempt) }
    }
}

/// One call of the service, as far as an answer for it depends on it.
struct Attempt {
    method: Method,
    version: Version,
    call: Option<Rpc>,
    asked: Option<Box<Asked>>,
    /// The head of the exchange, where an outer layer has given it one.
    head: Option<Head>,
    recoverer: Recoverer,
}

impl Attempt {
    /// Answers for a service that panicked.
    fn panicked<B>(&self, payload: Payload) -> Response<RecoveredBody<B>> {
        if self.recoverer.passes_through(Origin::ServicePanic) {
            std::panic::resume_unwind(payload);
        }
        let error = Error::new(panicked(&payload));
        let answer = self.answer(Origin::ServicePanic, Cause::Panic(payload.as_ref()));
        discard(payload);
        self.respond(answer, error)
    }

    /// Answers for a service that failed, or hands its error on.
    fn failed<B, E: Into<BoxError>>(&self, error: E) -> Result<Response<RecoveredBody<B>>, E> {
        if self.recoverer.passes_through(Origin::Service) {
            return Err(error);
        }
        let error = Error::with(Kind::Service, error.into());
        let cause = Cause::Error(error.cause().unwrap_or(&error));
        let answer = self.answer(Origin::Service, cause);
        Ok(self.respond(answer, error))
    }

    fn answer(&self, origin: Origin, cause: Cause<'_>) -> ErrorAnswer {
        let asked = self.asked.as_deref();
        let answer = self.recoverer.answer(&Failure {
            origin,
            cause,
            stage: self.head.as_ref().map_or(Stage::Open, Head::stage),
            method: &self.method,
            version: self.version,
            protocol: self.call.map_or(Protocol::Http, Rpc::protocol),
            asked,
            route: asked.and_then(Asked::route),
            status: None,
            fields: None,
        });
        answer.unwrap_or_else(|| {
            if let Some(head) = &self.head {
                head.shared().lock().record().notes.push(Note::RecoverPanicked);
            }
            ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    fn respond<B>(&self, answer: ErrorAnswer, error: Error) -> Response<RecoveredBody<B>> {
        let (mut status, mut fields) = (StatusCode::OK, HeaderMap::new());
        let answer = match self.call {
            Some(call) => answer.for_call(call, &fields),
            None => answer,
        };
        let mut content = replace(&mut status, &mut fields, answer, &|_| true);
        if self.method == Method::HEAD && !content.is_empty() {
            // The head that a `GET` would have had (RFC 9110, section 9.3.2).
            fields.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
            content = Bytes::new();
        }
        if let Some(head) = &self.head {
            note_failure(head.shared(), error.clone());
        }
        let content = (!content.is_empty()).then_some(content);
        let mut response = Response::new(RecoveredBody { content: Content::Answer { content } });
        (*response.status_mut(), *response.headers_mut()) = (status, fields);
        response.extensions_mut().insert(error);
        response
    }
}

pin_project! {
    /// The future of a [`Recovering`] service: its response, or the answer for its failure.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner future.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct RecoverFuture<F> {
        #[pin]
        state: State<F>,
        attempt: Option<Attempt>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // The inner service is at work.
        Running { #[pin] future: F },
        // It panicked before there was a future.
        Panicked { payload: Option<Payload> },
        Done,
    }
}

impl<F, B, E> Future for RecoverFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<RecoveredBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut answer = Poll::Pending;
        let polled = match this.state.as_mut().project() {
            StateProj::Running { future } => caught(|| answer = future.poll(cx)),
            StateProj::Panicked { payload } => Err(payload.take().expect(READY)),
            StateProj::Done => panic!("{READY}"),
        };
        if polled.is_ok() && answer.is_pending() {
            return Poll::Pending;
        }
        // A handler's future may panic in its drop, too.
        let dropped = caught(|| this.state.set(State::Done));
        let attempt = this.attempt.take().expect(READY);
        if let Some(payload) = first_panic(polled, dropped) {
            return Poll::Ready(Ok(attempt.panicked(payload)));
        }
        answer.map(|answer| match answer {
            Ok(response) => Ok(response.map(RecoveredBody::inner)),
            Err(error) => attempt.failed(error),
        })
    }
}

const READY: &str = "`RecoverFuture` polled after it was ready";

pin_project! {
    /// The body of a response that went through a [`RecoverLayer`]: the service's own, or the
    /// content of the answer for its failure.
    pub struct RecoveredBody<B> {
        #[pin]
        content: Content<B>,
    }
}

pin_project! {
    #[project = ContentProj]
    enum Content<B> {
        Inner { #[pin] body: B },
        Answer { content: Option<Bytes> },
    }
}

impl<B> RecoveredBody<B> {
    const fn inner(body: B) -> Self {
        Self { content: Content::Inner { body } }
    }
}

/// A body without content, which some layers make for answers of their own.
impl<B> Default for RecoveredBody<B> {
    fn default() -> Self {
        Self { content: Content::Answer { content: None } }
    }
}

impl<B> Body for RecoveredBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().content.project() {
            ContentProj::Inner { body } => body.poll_frame(cx),
            ContentProj::Answer { content } => {
                Poll::Ready(content.take().map(|content| Ok(Frame::data(content.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Inner { body } => body.is_end_stream(),
            Content::Answer { content } => content.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Inner { body } => body.size_hint(),
            Content::Answer { content } => {
                SizeHint::with_exact(content.as_ref().map_or(0, |content| content.len() as u64))
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Recovering<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovering").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RecoverFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverFuture").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for RecoveredBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_answer = matches!(self.content, Content::Answer { .. });
        f.debug_struct("RecoveredBody").field("is_answer", &is_answer).finish_non_exhaustive()
    }
}
