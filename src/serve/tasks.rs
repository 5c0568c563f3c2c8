//! The tasks of HTTP/2: one for each stream, and one for each tunnel.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use super::call::{Call, take_tunnel};

/// Spawns on tokio's runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tasks;

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        tokio::spawn(Task { future, _tunnel: take_tunnel() });
    }
}

pin_project! {
    struct Task<F> {
        #[pin]
        future: F,
        _tunnel: Option<Call>,
    }
}

impl<F: Future> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.project().future.poll(cx);
        // hyper made no tunnel of it after all.
        drop(take_tunnel());
        polled.map(drop)
    }
}
