//! The application's service as hyper calls it, and its response bodies, watched.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf as _;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::BoxError;
use super::asked::Asked;
use super::once::Once;
use super::peer::Peer;
use super::watch::Watch;
use super::zero;

/// One connection's view of the service.
#[derive(Debug)]
pub(super) struct Counted<S> {
    inner: S,
    watch: Arc<Watch>,
    /// Put into each request, if asked for.
    peer: Option<Peer>,
    /// The socket sends what hyper writes as it is: there is no TLS between.
    plain: bool,
}

impl<S> Counted<S> {
    pub(super) fn new(service: S, watch: Arc<Watch>, peer: Option<Peer>, plain: bool) -> Self {
        Self { inner: service, watch, peer, plain }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    B: Body<Data: 'static, Error: Into<BoxError>>,
{
    type Response = Response<Watched<B>>;
    type Error = BoxError;
    type Future = Answering<Once<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let asked = Asked::of(&request, self.plain);
        if asked.is_h2() {
            self.watch.is_h2();
        }
        self.watch.begin(!asked.is_h2() && !request.body().is_end_stream());
        let call = Call { watch: Arc::clone(&self.watch), key: None, parked: false };
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let service = self.inner.clone();
        let inner = if asked.is_h2() {
            // A stream has a task of its own, and no buffer of the connection.
            Once::later(service, request)
        } else {
            zero::offering::<B::Data, _>(asked.is_direct(), || Once::now(service, request))
        };
        Answering { inner, call: Some(call), asked }
    }
}

/// A request under way, from its head to the end of its response.
#[derive(Debug)]
struct Call {
    watch: Arc<Watch>,
    key: Option<u32>,
    /// The task of its stream is woken if the streams are to fail.
    parked: bool,
}

impl Call {
    /// On HTTP/2 the response waits: whether it may.
    fn may_wait(&mut self, cx: &Context<'_>) -> bool {
        if !self.parked {
            // A stream is one task, which has one waker for its life.
            self.parked = true;
            self.key = Some(self.watch.park(self.key, cx.waker()));
        }
        !self.watch.aborts()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.watch.done(key);
        }
        self.watch.over();
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
        let polled = zero::offering::<B::Data, _>(asked.is_direct(), || this.inner.poll(cx));
        let Poll::Ready(answer) = polled else {
            return match this.call.as_mut().filter(|_| asked.is_h2()).map(|call| call.may_wait(cx))
            {
                Some(false) => Poll::Ready(Err(OverDeadline.into())),
                Some(true) | None => Poll::Pending,
            };
        };
        let mut call = this.call.take();
        Poll::Ready(answer.map(|response| {
            let status = response.status();
            if asked.is_tunnel(status) {
                // The stream goes on without a response, so the connection is never idle again.
                std::mem::forget(call.take());
            } else if let (true, Some(call)) = (asked.connects(status) || is_upgrade(status), &call)
            {
                call.watch.hands_over();
            }
            if let Some(call) = call.as_ref().filter(|_| asked.ends_by_closing(&response)) {
                call.watch.ends_by_closing();
            }
            response.map(|inner| Watched { inner, call, asked, gave: Gave::Nothing })
        }))
    }
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
        #[pin]
        inner: B,
        call: Option<Call>,
        asked: Asked,
        gave: Gave,
    }
}

impl<B: Body<Data: 'static, Error: Into<BoxError>>> Body for Watched<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let asked = *this.asked;
        let Some(call) = this.call else {
            return this.inner.poll_frame(cx).map_err(Into::into);
        };
        if *this.gave == Gave::Error {
            return call.watch.failed().map(|error| error.map(Err));
        }
        if asked.is_h2() && call.watch.aborts() {
            return Poll::Ready(Some(Err(OverDeadline.into())));
        }
        if let Some(key) = call.key {
            call.watch.asked(key);
        }
        let poll = || this.inner.as_mut().poll_frame(cx);
        match zero::offering::<B::Data, _>(asked.is_direct(), poll) {
            Poll::Pending if asked.is_h2() && !call.may_wait(cx) => {
                Poll::Ready(Some(Err(OverDeadline.into())))
            }
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
                if !this.inner.is_end_stream() {
                    call.key = Some(call.watch.handed(call.key));
                }
                if let Some(data) = frame.data_mut() {
                    if data.has_remaining() {
                        *this.gave = Gave::Data;
                    }
                    if asked.is_direct() {
                        // There is nothing between this body and hyper.
                        zero::arm(call.watch.lane(), data);
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.gave != Gave::Error && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
