//! What hyper writes of HTTP/2 in one turn of the connection's task: few calls, full segments.
//!
//! h2 writes and flushes each frame of data by itself, and a turn has many of them: one for each of some
//! streams, or 64 for a body of 1 MiB. Each write would be a call and, on most networks, a segment. So the
//! writes of a turn are joined, and where there is more than is worth joining, `MSG_MORE` says so to the socket.
//! Nothing waits longer than the turn: it is over when hyper has nothing more to write.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::watch::Watch;

/// So much is joined at most: to copy frames of 16 KiB costs less than a call for each, and by TLS four of them are
/// four whole records and a short one, not four of both kinds.
const JOINED: usize = 64 * 1024;
/// Room for some short answers, to begin with.
const ROOM: usize = 8 * 1024;

/// The socket of a connection, or its TLS; what is gathered is between hyper and it.
#[derive(Debug)]
pub(super) struct Gather<I> {
    inner: I,
    watch: Arc<Watch>,
    /// What is joined, and how much of it is written.
    joined: Vec<u8>,
    written: usize,
    /// hyper has written since it last flushed: it flushes again before the turn is over.
    flushes_again: bool,
}

impl<I> Gather<I> {
    pub(super) const fn new(inner: I, watch: Arc<Watch>) -> Self {
        Self { inner, watch, joined: Vec::new(), written: 0, flushes_again: false }
    }

    /// Whether writes go through as they are.
    #[inline]
    fn is_open(&self) -> bool {
        self.joined.is_empty() && !self.watch.gathers()
    }
}

impl<I: AsyncWrite + Unpin> Gather<I> {
    /// Writes what is joined.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.joined.len() {
            let rest = &self.joined[self.written..];
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        // An idle connection has no buffer.
        self.joined = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Takes in what is small, or writes what is joined and then `slices`.
    fn poll_gather(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gathers = self.watch.gathers();
        if gathers {
            self.watch.holds_back(true);
            self.flushes_again = true;
            let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
            if self.joined.len() + bytes <= JOINED {
                self.joined.reserve(if self.joined.is_empty() { bytes.max(ROOM) } else { bytes });
                for slice in slices {
                    self.joined.extend_from_slice(slice);
                }
                return Poll::Ready(Ok(bytes));
            }
        }
        self.watch.more_follows(true);
        let outcome = match self.poll_drain(cx) {
            Poll::Ready(Ok(())) => {
                self.watch.more_follows(gathers);
                Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.watch.more_follows(false);
        outcome
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gather<I> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.joined.is_empty() && !this.watch.gathers() {
            // Whatever hyper does: it is the last chance of the turn. A full socket wakes the task.
            if let Poll::Ready(Err(error)) = this.poll_drain(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Pin::new(&mut this.inner).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Gather<I> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_open() {
            return Pin::new(&mut this.inner).poll_write(cx, bytes);
        }
        this.poll_gather(cx, &[IoSlice::new(bytes)])
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_open() {
            return Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        }
        this.poll_gather(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.gathers() && std::mem::take(&mut this.flushes_again) {
            return Poll::Ready(Ok(()));
        }
        if !this.joined.is_empty() {
            ready!(this.poll_drain(cx))?;
        }
        ready!(Pin::new(&mut this.inner).poll_flush(cx))?;
        this.watch.holds_back(false);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.joined.is_empty() {
            ready!(this.poll_drain(cx))?;
        }
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
