//! The layer around a whole axum `Router`, as a service that `axum::serve` takes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::error::BoxError;
use crate::layer::{Letterhead, LetterheadLayer, ResponseBody, ResponseFuture};

impl LetterheadLayer {
    /// The layer around a whole `Router`, or around a service around one, whose responses have axum's own body:
    /// so `axum::serve` takes it.
    ///
    /// [`Layer::layer`](tower_layer::Layer::layer) would do the same, but for the type of the body, and `axum::serve`
    /// takes one type alone. Unlike with `Router::layer`, nothing of axum is outside: the layer has
    /// fallbacks, a 405 with its `Allow`, and what was rewritten before routing.
    ///
    /// `axum::ServiceExt` makes of it what `axum::serve` wants: `into_make_service`, or
    /// `into_make_service_with_connect_info`.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, ServiceExt as _, routing::get};
    /// use letterhead::{Head, LetterheadLayer};
    /// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    /// use tokio::net::{TcpListener, TcpStream};
    ///
    /// async fn rows(head: Head) -> &'static str {
    ///     let _ = head.insert("x-rows", "3");
    ///     "one, two, three"
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let router = Router::new().route("/rows", get(rows));
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// tokio::spawn(async {
    ///     let app = LetterheadLayer::new().around_router(router);
    ///     axum::serve(listener, app.into_make_service()).await
    /// });
    ///
    /// client.write_all(b"GET /rows HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
    /// let mut answer = String::new();
    /// client.read_to_string(&mut answer).await?;
    /// let (date, rest): (Vec<_>, Vec<_>) =
    ///     answer.split_inclusive("\r\n").partition(|line| line.starts_with("date: "));
    /// assert_eq!(date.len(), 1);
    /// assert_eq!(
    ///     rest.concat(),
    ///     "HTTP/1.1 200 OK\r\n\
    ///      content-type: text/plain; charset=utf-8\r\n\
    ///      content-length: 15\r\n\
    ///      x-rows: 3\r\n\
    ///      connection: close\r\n\
    ///      \r\n\
    ///      one, two, three"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn around_router<S>(&self, router: S) -> AroundRouter<S> {
        AroundRouter { service: self.layer(router) }
    }
}

/// The layer around a whole `Router`; see [`LetterheadLayer::around_router`].
///
/// It is a [`Letterhead`] whose response body is boxed as axum's own, once for each response. Servers that take
/// any body, such as hyper and [`serve`](crate::serve()), do without: give them [`Letterhead`].
#[derive(Clone, Debug)]
pub struct AroundRouter<S> {
    service: Letterhead<S>,
}

impl<S, B> Service<Request<Body>> for AroundRouter<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = AroundRouterFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        AroundRouterFuture { future: self.service.call(request) }
    }
}

pin_project! {
    /// The future of [`AroundRouter`]: a response whose head is committed, with axum's own body.
    ///
    /// # Cancel safety
    ///
    /// As that of [`ResponseFuture`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct AroundRouterFuture<F, B: http_body::Body> {
        #[pin]
        future: ResponseFuture<F, B>,
    }
}

impl<F, B, E> Future for AroundRouterFuture<F, B>
where
    ResponseFuture<F, B>: Future<Output = Result<Response<ResponseBody<B>>, E>>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().future.poll(cx));
        Poll::Ready(answer.map(|response| response.map(Body::new)))
    }
}
