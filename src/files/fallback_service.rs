//! A sender with another service behind it, for what there is no file for.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::FileBody;
use super::failed::FileError;
use super::sender::FileSender;
use super::service::FileFuture;

/// Files first, then another service; see [`FileSender::or`].
#[derive(Clone, Debug)]
pub struct Or<S> {
    files: FileSender,
    next: S,
}

impl FileSender {
    /// Hands requests for which there is no file on to `next`, with their body.
    ///
    /// That is a `GET` or `HEAD` whose answer here would be 404, for whatever reason, and every other
    /// method, at once: `next` answers `POST` and `OPTIONS`, and says what it allows. Errors other than 404
    /// are answered here. A [page](Self::error_page) for 404 is not used: what `next` has to say counts.
    ///
    /// The answer of `next` is not touched; where there is a [fallback](Self::fallback) `next` has to say itself that
    /// its answer varies by `Accept`.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use letterhead::FileSender;
    ///
    /// let pages: Router = Router::new().route("/hello", get(|| async { "hello" }));
    /// let files = FileSender::new("src").unwrap();
    /// let app: Router = Router::new()
    ///     .route("/api/{id}", get(|| async { "api" }))
    ///     .fallback_service(files.or(pages));
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn or<S>(self, next: S) -> Or<S> {
        let files =
            self.with(|settings| settings.errors.pages.retain(|p| p.0 != StatusCode::NOT_FOUND));
        Or { files, next }
    }
}

impl<S, B, C> Service<Request<B>> for Or<S>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Response = Response<OrBody<C>>;
    type Error = S::Error;
    type Future = OrFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready is used.
        let clone = self.next.clone();
        let mut next = std::mem::replace(&mut self.next, clone);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return OrFuture { state: State::Next { future: next.call(request) } };
        }
        let files = self.files.answer(&request);
        OrFuture { state: State::Files { files, next: Some((next, request)) } }
    }
}

pin_project! {
    /// The response of a file, or of the service behind.
    ///
    /// Dropped before it is done, it is as if whichever was asked had been dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct OrFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Files { files: FileFuture, next: Option<(S, Request<B>)> },
        Next {
            #[pin]
            future: S::Future,
        },
    }
}

impl<S, B, C> Future for OrFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>>,
{
    type Output = Result<Response<OrBody<C>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProjection::Next { future } => {
                    let answered = std::task::ready!(future.poll(cx))?;
                    return Poll::Ready(Ok(
                        answered.map(|body| OrBody { whose: Whose::Next { body } })
                    ));
                }
                StateProjection::Files { files, next } => {
                    let Ok(response) = std::task::ready!(Pin::new(files).poll(cx));
                    match next.take() {
                        Some((mut next, request)) if response.status() == StatusCode::NOT_FOUND => {
                            next.call(request)
                        }
                        _ => {
                            return Poll::Ready(Ok(
                                response.map(|body| OrBody { whose: Whose::File { body } })
                            ));
                        }
                    }
                }
            };
            state.set(State::Next { future });
        }
    }
}

pin_project! {
    /// The bytes of a file, or those of the service behind.
    pub struct OrBody<C> {
        #[pin]
        pub(super) whose: Whose<C>,
    }
}

pin_project! {
    #[project = WhoseProjection]
    pub(super) enum Whose<C> {
        File { body: FileBody },
        Next {
            #[pin]
            body: C,
        },
    }
}

/// Why a body came to no end.
#[derive(Debug)]
#[non_exhaustive]
pub enum OrError<E> {
    /// A file's.
    File(FileError),
    /// That of the service behind.
    Next(E),
}

impl<C: Body<Data = Bytes>> Body for OrBody<C> {
    type Data = Bytes;
    type Error = OrError<C::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project().whose.project() {
            WhoseProjection::File { body } => {
                Pin::new(body).poll_frame(cx).map(|next| next.map(|r| r.map_err(OrError::File)))
            }
            WhoseProjection::Next { body } => {
                body.poll_frame(cx).map(|next| next.map(|r| r.map_err(OrError::Next)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.whose {
            Whose::File { body } => body.is_end_stream(),
            Whose::Next { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.whose {
            Whose::File { body } => body.size_hint(),
            Whose::Next { body } => body.size_hint(),
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for OrFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrFuture").finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for OrBody<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.whose {
            Whose::File { body } => f.debug_tuple("File").field(body).finish(),
            Whose::Next { .. } => f.debug_tuple("Next").finish_non_exhaustive(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for OrError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Next(error) => error.fmt(f),
        }
    }
}

impl<E: StdError + 'static> StdError for OrError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Next(error) => Some(error),
        }
    }
}
