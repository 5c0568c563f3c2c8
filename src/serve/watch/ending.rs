//! Marks of how a connection ends: whole, handed over, reset, or with streams that fail.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::{H1, H2, Watch};
use crate::error::BoxError;

impl Watch {
    /// Whether the client may still be sending what will not be read, on a connection that the server
    /// ends: frames, the content of a request, or a head that was refused.
    pub(in crate::serve) fn may_send(&self) -> bool {
        self.preface.load(Ordering::Relaxed) == H2
            || self.requests.content.load(Ordering::Relaxed)
            || self.requests.stirred.load(Ordering::Relaxed)
    }

    /// The server was asked to stop.
    pub(in crate::serve) fn draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub(in crate::serve) fn drains(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether the connection is to end because another one has no place.
    pub(in crate::serve) fn gives_way(&self) -> bool {
        self.given_up.gives_way.load(Ordering::Relaxed)
    }

    /// A request came before it ended: it stays.
    pub(in crate::serve) fn stays(&self) {
        self.given_up.gives_way.store(false, Ordering::Relaxed);
    }

    /// All the content of the request has come.
    pub(in crate::serve) fn received(&self) {
        self.requests.receiving.store(false, Ordering::Relaxed);
    }

    /// The client has ended its side. Whether that is to be kept from hyper, which would give up the response
    /// to a request that came whole.
    pub(in crate::serve) fn ends(&self) -> bool {
        let answers = self.preface.load(Ordering::Relaxed) == H1
            && self.requests.live.load(Ordering::Relaxed) > 0
            && !self.requests.receiving.load(Ordering::Relaxed)
            && !self.is_handed_over();
        if answers && self.requests.ended.load(Ordering::Relaxed) == 0 {
            let since = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
            self.requests.ended.store(since + 1, Ordering::Relaxed);
        }
        answers
    }

    /// Since when the client has ended its side.
    pub(super) fn half_closed(&self) -> Option<Instant> {
        let since = self.requests.ended.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.accepted + Duration::from_millis(since))
    }

    /// The response upgrades the connection: what comes now is for its handler.
    pub(in crate::serve) fn hands_over(&self) {
        self.handed_over.store(true, Ordering::Relaxed);
    }

    pub(in crate::serve) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Relaxed)
    }

    /// The socket is to be closed without sending what is left.
    pub(in crate::serve) fn reset(&self) {
        self.socket.reset.store(true, Ordering::Relaxed);
    }

    pub(in crate::serve) fn is_reset(&self) -> bool {
        self.socket.reset.load(Ordering::Relaxed)
    }

    /// It is closed when its client has what was sent.
    pub(in crate::serve) fn leaves(&self) {
        self.socket.leaving.store(true, Ordering::Relaxed);
    }

    // ---- how it ends ----

    /// The response under way has neither a length nor chunks, so the close of the connection would look
    /// like its end (RFC 9112, section 6.3).
    pub(in crate::serve) fn ends_by_closing(&self) {
        self.failing.closing_ends.store(true, Ordering::Relaxed);
    }

    /// All has been written: the connection may close.
    pub(in crate::serve) fn is_shut_down(&self) {
        self.failing.closing_ends.store(false, Ordering::Relaxed);
    }

    /// Whether the socket stays until its client has what was sent, and is reset then: closed at once it
    /// could be taken for the end of a response that is not over, or what the client still sends would
    /// throw away what it has not read.
    pub(in crate::serve) fn closes_when_sent(&self) -> bool {
        self.failing.closing_ends.load(Ordering::Relaxed)
            || self.socket.leaving.load(Ordering::Relaxed)
    }

    /// The body on HTTP/1 has failed: what it gave before is written first.
    pub(in crate::serve) fn flush_first(&self, error: BoxError) {
        *self.failing.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.failing.flushing.store(true, Ordering::Relaxed);
    }

    /// The error, when that is written.
    pub(in crate::serve) fn failed(&self) -> Poll<Option<BoxError>> {
        if self.is_flushing() {
            return Poll::Pending;
        }
        Poll::Ready(self.failing.failed.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    /// Everything is with the socket. Whether a body that failed waits for that.
    pub(in crate::serve) fn flushed(&self) -> bool {
        self.is_flushing() && self.failing.flushing.swap(false, Ordering::Relaxed)
    }

    fn is_flushing(&self) -> bool {
        self.failing.flushing.load(Ordering::Relaxed)
    }

    /// The streams that wait are woken, and fail; so do others when they are polled.
    pub(in crate::serve) fn abort_streams(&self) {
        self.failing.aborting.store(true, Ordering::Relaxed);
        self.responses.streams.wake();
    }

    /// Whether the streams are to fail.
    pub(in crate::serve) fn aborts(&self) -> bool {
        self.failing.aborting.load(Ordering::Relaxed)
    }
}
