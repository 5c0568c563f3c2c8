//! The application's service as hyper calls it, and its response bodies, watched.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::BoxError;
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
    B: Body<Data: 'static>,
{
    type Response = Response<Watched<B>>;
    type Error = BoxError;
    type Future = Answering<Once<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let h2 = request.version() == Version::HTTP_2;
        if h2 {
            self.watch.is_h2();
        }
        self.watch.begin();
        let call = Call { watch: Arc::clone(&self.watch), key: None };
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let tunnel = h2 && request.method() == Method::CONNECT;
        let direct = self.plain && !h2;
        let service = self.inner.clone();
        let inner = if h2 {
            // A stream has a task of its own, and no buffer of the connection.
            Once::later(service, request)
        } else {
            zero::offering::<B::Data, _>(direct, || Once::now(service, request))
        };
        Answering { inner, call: Some(call), tunnel, direct }
    }
}

/// A request under way, from its head to the end of its response.
#[derive(Debug)]
struct Call {
    watch: Arc<Watch>,
    key: Option<usize>,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.watch.done(key);
        }
        self.watch.over();
    }
}

pin_project! {
    /// The service's answer.
    #[derive(Debug)]
    pub(super) struct Answering<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
        tunnel: bool,
        direct: bool,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data: 'static>,
{
    type Output = Result<Response<Watched<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let direct = *this.direct;
        let answer = ready!(zero::offering::<B::Data, _>(direct, || this.inner.poll(cx)));
        let mut call = this.call.take();
        Poll::Ready(answer.map(|response| {
            if *this.tunnel && response.status().is_success() {
                // The stream goes on without a response, so the connection is never idle again.
                std::mem::forget(call.take());
            }
            response.map(|inner| Watched { inner, call, direct })
        }))
    }
}

pin_project! {
    /// A response body that tells when its next frame was asked for, and when it was over.
    #[derive(Debug)]
    pub(super) struct Watched<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
        direct: bool,
    }
}

impl<B: Body<Data: 'static>> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(Call { watch, key: Some(key) }) = this.call {
            watch.asked(*key);
        }
        let direct = *this.direct;
        let poll = || this.inner.as_mut().poll_frame(cx);
        let mut frame = ready!(zero::offering::<B::Data, _>(direct, poll));
        if frame.is_some() && !this.inner.is_end_stream() {
            if let Some(call) = this.call {
                call.key = Some(call.watch.handed(call.key));
            }
        }
        if let (true, Some(call)) = (direct, this.call) {
            // There is nothing between this body and hyper.
            if let Some(data) = frame.as_mut().and_then(|f| f.as_mut().ok()?.data_mut()) {
                zero::arm(call.watch.lane(), data);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
