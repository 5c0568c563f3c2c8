//! Spans of files on a plain HTTP/1 connection: handed to the socket, and sent by the kernel.
//!
//! The way of a span: the body that is polled last, just below hyper, arms it; hyper queues it unread
//! and shows its view to the socket's vectored write, which sends what stands before it and then the
//! file. Everything else that could become of it is a breach, and nothing is written after one.

use std::any::{Any, TypeId};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;

use super::when_ready::poll_io;
use crate::sys::lane::{Armed, Breach};
use crate::sys::span::{self, FileData};
use crate::sys::{MORE, Task};

pub(super) use crate::sys::lane::Lane;

/// Polls what makes responses or data for a socket that can send spans, if `direct`.
pub(super) fn offering<D: 'static, T>(direct: bool, poll: impl FnOnce() -> T) -> T {
    if direct && TypeId::of::<D>() == TypeId::of::<FileData>() {
        span::offering(poll)
    } else {
        poll()
    }
}

/// Lets the socket send `data`, if it is a span; from here on it goes to hyper, and nowhere else. Whether it is one.
pub(super) fn arm<D: 'static>(lane: &Lane, data: &mut D) -> bool {
    let Some(data) = (data as &mut dyn Any).downcast_mut::<FileData>() else { return false };
    lane.arm(data);
    data.is_span()
}

/// What a socket does about spans.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// The next bytes are being fetched from a disk.
    warming: Option<Task<()>>,
}

impl Sending {
    /// A write of bytes. Where a span is due, they are not it.
    pub(super) fn poll_write(
        lane: &Lane,
        tcp: &mut TcpStream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !lane.is_idle() && lane.due()?.is_some() {
            return Poll::Ready(Err(lane.break_off(Breach::NotInSight).into()));
        }
        Pin::new(tcp).poll_write(cx, bytes)
    }

    /// A write of views, of which one may be that of a span.
    pub(super) fn poll_write_vectored(
        &mut self,
        lane: &Lane,
        tcp: &mut TcpStream,
        cx: &mut Context<'_>,
        views: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if lane.is_idle() {
            return Pin::new(tcp).poll_write_vectored(cx, views);
        }
        let place = views.iter().position(|view| span::is_blank(view));
        match (lane.due()?, place) {
            (None, None) => Pin::new(tcp).poll_write_vectored(cx, views),
            (None, Some(_)) => Poll::Ready(Err(lane.break_off(Breach::NotInTurn).into())),
            (Some(_), None) => Poll::Ready(Err(lane.break_off(Breach::NotInSight).into())),
            (Some(due), Some(place)) => {
                let (before, view) = (&views[..place], &views[place]);
                if !due.is_next(view) {
                    return Poll::Ready(Err(lane.break_off(Breach::NotInTurn).into()));
                }
                let wanted: usize = before.iter().map(|view| view.len()).sum();
                let mut sent = 0;
                if wanted > 0 {
                    sent = ready!(poll_io(tcp, cx, || {
                        SockRef::from(&*tcp).send_vectored_with_flags(before, MORE)
                    }))?;
                    if sent < wanted {
                        return Poll::Ready(Ok(sent));
                    }
                }
                match self.poll_span(&due, tcp, cx, view.len()) {
                    Poll::Ready(span) => Poll::Ready(Ok(sent + span?)),
                    Poll::Pending if sent > 0 => Poll::Ready(Ok(sent)),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn poll_span(
        &mut self,
        due: &Arc<Armed>,
        tcp: &TcpStream,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(warming) = &mut self.warming {
                // Whatever came of it, to send will tell.
                let _ = ready!(Pin::new(warming).poll(cx));
                self.warming = None;
            } else {
                ready!(tcp.poll_write_ready(cx))?;
                if due.is_cold() {
                    let due = Arc::clone(due);
                    self.warming = Some(Task::new(move || due.warm()));
                    continue;
                }
            }
            match tcp.try_io(Interest::WRITABLE, || due.send(tcp, most)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

#[cfg(test)]
mod tests;
