//! The frames of HTTP/2 that a client sends beside its requests: so many in a second, and no more.
//!
//! Each of them has to be read, most have to be answered, and hyper bounds none of it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::watch::Watch;

/// The length of a frame's header (RFC 9113, section 4.1).
const HEADER: usize = 9;
const SECOND: Duration = Duration::from_secs(1);
/// The client's preface stands before the first frame.
const PREFACE: usize = 24;

/// The types of frames that begin a request, carry it, or let a response go on (RFC 9113, section 6): `DATA`,
/// `HEADERS`, `RST_STREAM`, `GOAWAY`, `WINDOW_UPDATE`, `CONTINUATION`. h2 has bounds of its own for these.
const OF_STREAMS: [u8; 6] = [0, 1, 3, 7, 8, 9];

/// Where in the frames a reader is.
#[derive(Debug)]
struct Frames {
    /// Bytes that are no header.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
}

impl Frames {
    const fn new() -> Self {
        Self { skip: PREFACE, header: [0; HEADER], filled: 0 }
    }

    /// How many frames of other types begin in these bytes.
    fn others(&mut self, mut bytes: &[u8]) -> u32 {
        let mut others = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return others;
            }
            let more = (HEADER - self.filled).min(bytes.len());
            self.header[self.filled..][..more].copy_from_slice(&bytes[..more]);
            self.filled += more;
            bytes = &bytes[more..];
            if self.filled == HEADER {
                let [a, b, c, kind, ..] = self.header;
                self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.filled = 0;
                others += u32::from(!OF_STREAMS.contains(&kind));
            }
        }
    }
}

/// How many there have been of late.
#[derive(Debug)]
pub(super) struct Count {
    frames: Frames,
    most: u32,
    begun: u32,
    since: Instant,
}

impl Count {
    /// Up to `most` within a second.
    pub(super) const fn new(most: u32, now: Instant) -> Self {
        Self { frames: Frames::new(), most, begun: 0, since: now }
    }

    /// The client has sent these bytes, from the first one on, on a connection that is HTTP/2 or may be.
    pub(super) fn came(&mut self, bytes: &[u8], watch: &Watch) {
        self.begun = self.begun.saturating_add(self.frames.others(bytes));
        if self.begun > self.most {
            let now = Instant::now();
            if now < self.since + SECOND {
                watch.floods();
            }
            (self.since, self.begun) = (now, 0);
        }
    }
}

/// What is inside TLS, whose frames are counted as they are read.
#[derive(Debug)]
pub(super) struct Counting<I> {
    inner: I,
    watch: Arc<Watch>,
    /// Of a client that has chosen HTTP/2.
    count: Option<Count>,
}

impl<I> Counting<I> {
    pub(super) const fn new(inner: I, watch: Arc<Watch>, count: Option<Count>) -> Self {
        Self { inner, watch, count }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Counting<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        if let Some(count) = &mut this.count {
            count.came(&buffer.filled()[before..], &this.watch);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counting<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let length_bytes = u32::try_from(length).unwrap_or(0).to_be_bytes();
        let mut bytes =
            vec![length_bytes[1], length_bytes[2], length_bytes[3], kind, 0, 0, 0, 0, 1];
        // Content that looks like the header of a ping.
        bytes.extend([0, 0, 8, 6].iter().cycle().take(length));
        bytes
    }

    #[test]
    fn frames_are_known_however_they_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS, HEADERS, DATA, PING, WINDOW_UPDATE, PRIORITY, an unknown one, an empty DATA, PING.
        for (kind, length) in
            [(4, 0), (1, 70_000), (0, 300), (6, 8), (8, 4), (2, 5), (0xfa, 3), (0, 0), (6, 8)]
        {
            bytes.extend(frame(kind, length));
        }
        for size in [1, 2, 7, 9, 10, 4096, bytes.len()] {
            let mut frames = Frames::new();
            let others: u32 = bytes.chunks(size).map(|chunk| frames.others(chunk)).sum();
            assert_eq!(others, 5, "{size} bytes at a time");
        }
    }
}
