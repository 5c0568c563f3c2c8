//! The socket of one connection: what goes through it is seen.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::frames::Count;
use super::hub::Seat;
use super::linger::Closing;
use super::parting;
use super::patience::Limits;
use super::watch::Watch;
use super::when_ready::poll_io;
use super::zero::Sending;
use crate::sys::{MORE, unsent};

/// A TCP stream, its marks, and its place among the connections; an upgrade takes all of it along.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    watch: Arc<Watch>,
    sending: Sending,
    closing: Closing,
    /// There until it is dropped.
    seat: Option<Seat>,
    limits: Limits,
    /// Of frames, if there is no TLS above.
    count: Option<Count>,
    /// Writes go out with `MSG_MORE`.
    corked: bool,
}

impl Wire {
    pub(super) fn new(
        tcp: TcpStream,
        watch: Arc<Watch>,
        seat: Seat,
        limits: Limits,
        count: Option<Count>,
    ) -> Self {
        // Without it an answer of two packets waits for the client's delayed acknowledgement.
        // A socket that refuses has lost its client, and the first read says so.
        let _ = tcp.set_nodelay(true);
        let (sending, closing, seat) = (Sending::default(), Closing::Open, Some(seat));
        Self { tcp, watch, sending, closing, seat, limits, count, corked: false }
    }

    /// A write that others follow: what is less than a segment waits for them, or for a flush.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.corked = true;
        let socket = SockRef::from(&self.tcp);
        let outcome = poll_io(&self.tcp, cx, || socket.send_vectored_with_flags(slices, MORE));
        self.wrote(outcome)
    }

    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(count)) => self.watch.took(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.is_full(|| unsent(&self.tcp).unwrap_or(0)),
        }
        outcome
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let socket = SockRef::from(&self.tcp);
        if !self.watch.is_reset() {
            if !self.watch.closes_when_sent() {
                return;
            }
            // However it came to this: an error, a cut, a panic.
            let Some(seat) = self.seat.take() else { return };
            if parting::reset_when_sent(socket.try_clone(), seat, self.limits) {
                return;
            }
        }
        // What the client does not take would stay with the kernel for minutes.
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.tcp).poll_read(cx, buffer))?;
        let bytes = &buffer.filled()[before..];
        if !bytes.is_empty() {
            this.watch.came(bytes);
            if let Some(count) = this.count.as_mut().filter(|_| this.watch.may_be_h2()) {
                count.came(bytes, &this.watch);
            }
        } else if buffer.remaining() > 0 {
            this.closing = Closing::Done;
            if this.watch.ends() {
                // Nothing wakes hyper for it; it asks again when the response is over.
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.watch.has_more() {
            return this.poll_more(cx, &[IoSlice::new(bytes)]);
        }
        this.corked = false;
        let outcome = Sending::poll_write(this.watch.lane(), &mut this.tcp, cx, bytes);
        this.wrote(outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.watch.has_more() {
            return this.poll_more(cx, slices);
        }
        this.corked = false;
        let lane = this.watch.lane();
        let outcome = this.sending.poll_write_vectored(lane, &mut this.tcp, cx, slices);
        this.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper (and TLS) asks for this when all that it had is written.
        if this.watch.flushed() {
            cx.waker().wake_by_ref();
        }
        if std::mem::take(&mut this.corked) {
            // To ask for it again sends what waits; a socket that refuses has lost its client.
            let _ = this.tcp.set_nodelay(true);
        }
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper asks for this after a whole response alone.
        this.watch.is_shut_down();
        this.closing.poll(&mut this.tcp, &this.watch, cx)
    }
}
