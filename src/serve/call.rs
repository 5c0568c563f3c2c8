//! The application's service as hyper calls it, and its response bodies, watched.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::BoxError;
use super::Peer;
use super::asked::Asked;
use super::memory::STEP;
use super::once::Once;
use super::request::{Demand, RequestBody};
use super::unsent::Unsent;
use super::watch::Watch;
use super::zero;
use crate::head::OverTls;

thread_local! {
    /// The call whose stream is about to become a tunnel.
    ///
    /// hyper makes the tunnel's task while it polls that of the stream, and tells nobody when the
    /// tunnel has ended.
    static TUNNEL: Cell<Option<Call>> = const { Cell::new(None) };
}

/// The call that is under way as long as the task that hyper makes now.
pub(super) fn take_tunnel() -> Option<Call> {
    TUNNEL.take()
}

/// One connection's view of the service.
#[derive(Debug)]
pub(super) struct Counted<S> {
    inner: S,
    watch: Arc<Watch>,
    /// Put into each request, if asked for.
    peer: Option<Peer>,
    /// The socket sends what hyper writes as it is: there is no TLS between.
    plain: bool,
    /// How long the content of a request may keep its handler waiting.
    body: Duration,
}

impl<S> Counted<S> {
    pub(super) fn new(
        service: S,
        watch: Arc<Watch>,
        peer: Option<Peer>,
        plain: bool,
        body: Duration,
    ) -> Self {
        Self { inner: service, watch, peer, plain, body }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    B: Body<Data: 'static, Error: Into<BoxError>>,
{
    type Response = Response<Watched<B>>;
    type Error = BoxError;
    type Future = Answering<Once<S, Request<RequestBody>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let asked = Asked::of(&request, self.plain);
        if asked.is_h2() {
            self.watch.is_h2();
        }
        let content = !request.body().is_end_stream();
        self.watch.begin(!asked.is_h2() && content);
        let call =
            Some(Call { watch: Arc::clone(&self.watch), key: None, parked: false, starved: false });
        let waits = asked.is_h2();
        let refused = asked.refused(&request);
        if refused.is_some() {
            return Answering { inner: Once::never(), call, asked, waits, demand: None, refused };
        }
        let (request, demand) = if content {
            let demand = Demand::new(asked.content_time(&request, self.body));
            (self.with_content(request, asked, Arc::clone(&demand)), Some(demand))
        } else {
            (request.map(RequestBody::empty), None)
        };
        Answering { inner: self.ask(request, asked), call, asked, waits, demand, refused }
    }
}

impl<S> Counted<S> {
    #[inline]
    fn ask<B>(
        &self,
        mut request: Request<RequestBody>,
        asked: Asked,
    ) -> Once<S, Request<RequestBody>>
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>> + Clone,
        B: Body<Data: 'static>,
    {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        } else if !self.plain {
            OverTls::mark(request.extensions_mut());
        }
        let service = self.inner.clone();
        if asked.is_h2() {
            // A stream has a task of its own, and no buffer of the connection.
            Once::later(service, request)
        } else {
            zero::offering::<B::Data, _>(asked.is_direct(), || Once::now(service, request))
        }
    }
}

impl<S> Counted<S> {
    fn with_content(
        &self,
        request: Request<Incoming>,
        asked: Asked,
        demand: Arc<Demand>,
    ) -> Request<RequestBody> {
        let asks_first = asked.asks_first(&request);
        let timeout = demand.handle();
        let watch = Arc::clone(&self.watch);
        let mut request =
            request.map(|body| RequestBody::due(body, watch, demand, asked.is_h2(), asks_first));
        request.extensions_mut().insert(timeout);
        request
    }
}

/// A request under way, from its head to the end of its response.
#[derive(Debug)]
pub(super) struct Call {
    watch: Arc<Watch>,
    key: Option<u32>,
    /// The task of its stream is woken if the streams are to fail.
    parked: bool,
    /// It is asked for nothing before others hold less.
    starved: bool,
}

impl Call {
    /// On HTTP/2, whether the response may be asked for more; else its task is woken when it may.
    fn has_room(&mut self, cx: &Context<'_>) -> bool {
        if !self.starved && !self.watch.holds_enough() {
            return true;
        }
        let (key, starved) = self.watch.starves(self.key, cx.waker());
        (self.key, self.starved) = (Some(key), starved);
        !starved
    }

    /// On HTTP/2 the response waits, unless all of them are to fail.
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<Result<T, BoxError>> {
        if !self.parked {
            // A stream is one task, which has one waker for its life.
            self.parked = true;
            self.key = Some(self.watch.park(self.key, cx.waker()));
        }
        if self.watch.aborts() { Poll::Ready(Err(OverDeadline.into())) } else { Poll::Pending }
    }

    /// The data as hyper gets it.
    fn hand<D: Buf>(&mut self, data: D, asked: Asked, sent_by_kernel: bool) -> Unsent<D> {
        let bytes = data.remaining();
        if asked.is_h2() {
            if bytes == 0 {
                return Unsent::free(data);
            }
            self.key = Some(self.watch.handed(self.key, bytes));
        } else if sent_by_kernel || bytes < STEP {
            // A file is not in memory; and hyper bounds what is small, together.
            return Unsent::free(data);
        } else {
            self.watch.holds(bytes);
        }
        Unsent::counted(data, Arc::clone(&self.watch), self.key)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.watch.done(self.key);
    }
}

/// Why a stream was reset.
#[derive(Debug)]
struct OverDeadline;

impl fmt::Display for OverDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("still under way at the deadline of the shutdown")
    }
}

impl std::error::Error for OverDeadline {}

pin_project! {
    /// The service's answer.
    #[derive(Debug)]
    pub(super) struct Answering<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
        asked: Asked,
        // The service is called when the connection's other responses hold less.
        waits: bool,
        // Of the request's content, if there is any.
        demand: Option<Arc<Demand>>,
        // The service is not asked.
        refused: Option<StatusCode>,
    }
}

impl<F, B> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, BoxError>>,
    B: Body<Data: 'static>,
{
    type Output = Result<Response<Watched<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let asked = *this.asked;
        if let Some(status) = *this.refused {
            return Poll::Ready(Ok(own(status, this.call.take(), asked)));
        }
        if *this.waits {
            if let Some(call) = this.call {
                if !call.has_room(cx) {
                    return call.wait(cx);
                }
            }
            *this.waits = false;
        }
        let polled = zero::offering::<B::Data, _>(asked.is_direct(), || this.inner.poll(cx));
        let Poll::Ready(answer) = polled else {
            return match this.call.as_mut().filter(|_| asked.is_h2()) {
                Some(call) => call.wait(cx),
                None => Poll::Pending,
            };
        };
        let mut call = this.call.take();
        if let Some(status) = this.demand.as_ref().and_then(|demand| demand.status()) {
            // What the service makes of content that did not come is an error of its own; of the status it
            // knows less. What it has answered all the same stands.
            let is_error = |response: &Response<B>| {
                response.status().is_client_error() || response.status().is_server_error()
            };
            if answer.as_ref().map_or(true, is_error) {
                return Poll::Ready(Ok(own(status, call, asked)));
            }
        }
        Poll::Ready(answer.map(|response| {
            let status = response.status();
            if asked.is_tunnel(status) {
                // The stream goes on without a response, and is not idle before its tunnel has ended.
                TUNNEL.set(call.take());
            } else if let (true, Some(call)) = (asked.connects(status) || is_upgrade(status), &call)
            {
                call.watch.hands_over();
            }
            if let Some(call) = call.as_ref().filter(|_| asked.ends_by_closing(&response)) {
                call.watch.ends_by_closing();
            }
            response.map(|inner| Watched { inner: Some(inner), call, asked, gave: Gave::Nothing })
        }))
    }
}

/// An answer of the server's own, behind which the connection is closed on HTTP/1.
fn own<B>(status: StatusCode, call: Option<Call>, asked: Asked) -> Response<Watched<B>> {
    let mut response = Response::new(Watched { inner: None, call, asked, gave: Gave::Nothing });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if !asked.is_h2() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What a body has handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gave {
    Nothing,
    Data,
    /// Data, and then an error, which hyper does not hear of before the data is written.
    Error,
}

/// Whether the connection is its handler's after this response (RFC 9110, section 15.2.2).
fn is_upgrade(status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
}

pin_project! {
    /// A response body that tells when its next frame was asked for, and when it was over.
    #[derive(Debug)]
    pub(super) struct Watched<B> {
        // Nothing of an answer of the server's own.
        #[pin]
        inner: Option<B>,
        call: Option<Call>,
        asked: Asked,
        gave: Gave,
    }
}

impl<B: Body<Data: 'static, Error: Into<BoxError>>> Body for Watched<B> {
    type Data = Unsent<B::Data>;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Unsent<B::Data>>, BoxError>>> {
        let mut this = self.project();
        let asked = *this.asked;
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let Some(call) = this.call else {
            let polled = inner.poll_frame(cx).map_err(Into::into);
            return polled.map_ok(|frame| frame.map_data(Unsent::free));
        };
        if *this.gave == Gave::Error {
            return call.watch.failed().map(|error| error.map(Err));
        }
        if asked.is_h2() && (call.watch.aborts() || !call.has_room(cx)) {
            return call.wait(cx).map(Some);
        }
        let poll = || inner.as_mut().poll_frame(cx);
        match zero::offering::<B::Data, _>(asked.is_direct(), poll) {
            Poll::Pending if asked.is_h2() => call.wait(cx).map(Some),
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) if *this.gave == Gave::Data && !asked.is_h2() => {
                *this.gave = Gave::Error;
                call.watch.flush_first(error.into());
                // It may have been asked behind the flush of this turn.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(Some(Ok(mut frame))) => {
                let mut sent_by_kernel = false;
                if let Some(data) = frame.data_mut() {
                    if data.has_remaining() {
                        *this.gave = Gave::Data;
                    }
                    if asked.is_direct() {
                        // There is nothing between this body and hyper.
                        sent_by_kernel = zero::arm(call.watch.lane(), data);
                    }
                }
                let frame = frame.map_data(|data| call.hand(data, asked, sent_by_kernel));
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.gave != Gave::Error && self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
