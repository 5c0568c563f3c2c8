//! The content of a request: it comes in time, or the request is over.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::linger::{LONGEST, QUIET};
use super::watch::Watch;

/// Who polls so much later than the timer has fired has not waited meanwhile.
const SLACK: Duration = Duration::from_secs(1);

/// The content of a request, as the service gets it: hyper's, with a time-out between two pieces.
///
/// It fails if nothing comes for [`Serve::body_timeout`](super::Serve::body_timeout) while it is polled; see
/// [`BodyTimeout`] for requests that may take longer.
#[derive(Debug)]
pub struct RequestBody {
    /// There until it is dropped.
    inner: Option<Incoming>,
    /// Of what is still to come.
    due: Option<Box<Due>>,
}

#[derive(Debug)]
struct Due {
    watch: Arc<Watch>,
    demand: Arc<Demand>,
    h2: bool,
    /// The client sends nothing before it is asked to go on (RFC 9110, section 10.1.1).
    asks_first: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// Polled, and nothing was there.
    waiting: bool,
}

/// What the content of a request and its call know of each other.
#[derive(Debug)]
pub(super) struct Demand {
    /// In milliseconds.
    time: AtomicU64,
    failed: AtomicU8,
}

/// How long the content of this request may keep its handler waiting; in the extensions of requests
/// with content.
///
/// # Examples
///
/// A stream in both directions, of which no half has to hurry:
///
/// ```
/// use std::time::Duration;
/// use axum::extract::Request;
/// use letterhead::serve::BodyTimeout;
///
/// async fn chat(request: Request) {
///     if let Some(timeout) = request.extensions().get::<BodyTimeout>() {
///         timeout.set(Duration::MAX);
///     }
///     // ...
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BodyTimeout(Arc<Demand>);

impl BodyTimeout {
    /// From the next time on that nothing is there, it may take so long; `Duration::MAX` is for ever.
    pub fn set(&self, time: Duration) {
        self.0.time.store(millis(time), Ordering::Relaxed);
    }
}

/// Why the content of a request could not be read.
#[derive(Debug)]
pub struct RequestBodyError(Why);

#[derive(Debug)]
enum Why {
    Http(hyper::Error),
    Late,
    Ending,
}

impl RequestBodyError {
    /// Nothing came for [`Serve::body_timeout`](super::Serve::body_timeout).
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.0, Why::Late)
    }
}

impl fmt::Display for RequestBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Why::Http(_) => "the content of the request could not be read",
            Why::Late => "wanted more content of the request, found none in time",
            Why::Ending => "the client waits to be asked for content, and the server ends",
        })
    }
}

impl std::error::Error for RequestBodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Why::Http(error) => Some(error),
            Why::Late | Why::Ending => None,
        }
    }
}

impl Demand {
    pub(super) fn new(time: Duration) -> Arc<Self> {
        Arc::new(Self { time: AtomicU64::new(millis(time)), failed: AtomicU8::new(0) })
    }

    fn time(&self) -> Option<Duration> {
        let time = self.time.load(Ordering::Relaxed);
        (time < u64::MAX).then(|| Duration::from_millis(time))
    }

    fn fails(&self, why: Why) -> RequestBodyError {
        let mark = if matches!(why, Why::Late) { 1 } else { 2 };
        self.failed.store(mark, Ordering::Relaxed);
        RequestBodyError(why)
    }

    /// The status of a request whose content did not come.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self.failed.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(StatusCode::REQUEST_TIMEOUT),
            _ => Some(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    pub(super) fn handle(self: &Arc<Self>) -> BodyTimeout {
        BodyTimeout(Arc::clone(self))
    }
}

impl RequestBody {
    /// There is no content.
    pub(super) const fn empty(inner: Incoming) -> Self {
        Self { inner: Some(inner), due: None }
    }

    pub(super) fn due(
        inner: Incoming,
        watch: Arc<Watch>,
        demand: Arc<Demand>,
        h2: bool,
        asks_first: bool,
    ) -> Self {
        let due = Due { watch, demand, h2, asks_first, timer: None, waiting: false };
        Self { inner: Some(inner), due: Some(Box::new(due)) }
    }
}

impl Due {
    /// Nothing is there: ready when that has been so for too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<RequestBodyError> {
        let Some(time) = self.demand.time() else {
            self.timer = None;
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(time)));
        let now = Instant::now();
        let abandoned = now > timer.deadline() + SLACK;
        if !std::mem::replace(&mut self.waiting, true) || abandoned {
            timer.as_mut().reset(now + time);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(self.demand.fails(Why::Late))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let Some(due) = &mut this.due else {
            return Pin::new(inner)
                .poll_frame(cx)
                .map_err(|error| RequestBodyError(Why::Http(error)));
        };
        if due.demand.status().is_some() {
            return Poll::Ready(None);
        }
        if due.asks_first && due.watch.drains() {
            return Poll::Ready(Some(Err(due.demand.fails(Why::Ending))));
        }
        let Poll::Ready(polled) = Pin::new(&mut *inner).poll_frame(cx) else {
            due.asks_first = false;
            return due.wait(cx).map(|error| Some(Err(error)));
        };
        (due.asks_first, due.waiting) = (false, false);
        if polled.is_none() || inner.is_end_stream() {
            due.watch.received();
            this.due = None;
        }
        Poll::Ready(polled.map(|frame| frame.map_err(|error| RequestBodyError(Why::Http(error)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for RequestBody {
    /// hyper resets a stream whose request is not read to its end, and some clients do not see the response
    /// then. So what comes is read for a while.
    fn drop(&mut self) {
        let (Some(inner), Some(due)) = (self.inner.take(), &self.due) else { return };
        if !due.h2 || due.demand.status().is_some() || inner.is_end_stream() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(LONGEST, drain(inner)));
        }
    }
}

async fn drain(mut content: Incoming) {
    let mut next = async || {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut content).poll_frame(cx));
        timeout(QUIET, frame).await
    };
    while let Ok(Some(Ok(_))) = next().await {}
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
