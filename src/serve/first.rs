//! Two futures, and the first of them to be done.

use std::pin::pin;
use std::task::Poll;

/// Ready when one of the two is; true if it was the first.
pub(super) async fn first_of(one: impl Future, other: impl Future) -> bool {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|cx| {
        if one.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        other.as_mut().poll(cx).map(|_| false)
    })
    .await
}
