//! The tasks of HTTP/2: one for each stream, and one for each tunnel.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use super::call::Call;

thread_local! {
    /// The call whose stream is about to become a tunnel.
    ///
    /// hyper makes the tunnel's task while it polls that of the stream, and tells nobody when the tunnel has ended.
    static TUNNEL: Cell<Option<Call>> = const { Cell::new(None) };
}

/// The call is under way as long as the task that hyper makes next, within this poll.
pub(super) fn is_tunnel(call: Option<Call>) {
    TUNNEL.set(call);
}

/// Spawns on tokio's runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tasks;

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        tokio::spawn(Task { future, _tunnel: TUNNEL.take() });
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
        drop(TUNNEL.take());
        polled.map(drop)
    }
}
