//! Data of a response that hyper has: it counts until its bytes are with the socket, or given up.
//!
//! hyper asks for a frame, gives all of it to h2 as soon as one byte may be sent, and drops the body
//! behind the last one. h2 keeps the frame as it is, takes from its front what the windows allow
//! (`chunk`, `chunks_vectored`, `advance`; never `copy_to_bytes`), and drops it when it is written or when
//! its stream is reset. So what a client has not taken is known here, and nowhere else.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::watch::Watch;

/// So little of a frame is counted with what is taken after it: h2 copies as much behind the frame's head.
const LITTLE: u32 = 256;
/// The data is not that of a stream.
const NO_STREAM: u32 = u32::MAX;

/// A frame's data on its way.
#[derive(Debug)]
pub(super) struct Unsent<D: Buf> {
    data: D,
    /// Where it is counted.
    watch: Option<Arc<Watch>>,
    /// The response's place, on HTTP/2.
    key: u32,
    /// Bytes that were taken and not yet reported.
    untold: u32,
}

impl<D: Buf> Unsent<D> {
    /// Not counted.
    pub(super) const fn free(data: D) -> Self {
        Self { data, watch: None, key: NO_STREAM, untold: 0 }
    }

    /// Counted for the connection, and reported to the response `key`.
    pub(super) fn counted(data: D, watch: Arc<Watch>, key: Option<u32>) -> Self {
        Self { data, watch: Some(watch), key: key.unwrap_or(NO_STREAM), untold: 0 }
    }

    fn key(&self) -> Option<u32> {
        (self.key != NO_STREAM).then_some(self.key)
    }

    /// So many bytes of it were taken.
    fn taken(&mut self, count: usize) {
        let Some(watch) = &self.watch else { return };
        let untold = count.saturating_add(self.untold as usize);
        if !self.data.has_remaining() {
            watch.gone(self.key(), untold);
            self.watch = None;
        } else if untold > LITTLE as usize {
            watch.sent(self.key(), untold);
            self.untold = 0;
        } else {
            // Not more than that.
            self.untold = u32::try_from(untold).unwrap_or(LITTLE);
        }
    }
}

impl<D: Buf> Drop for Unsent<D> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.gone(self.key(), self.data.remaining() + self.untold as usize);
        }
    }
}

impl<D: Buf> Buf for Unsent<D> {
    #[inline]
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    #[inline]
    fn chunks_vectored<'a>(&'a self, views: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(views)
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        self.taken(count);
    }

    #[inline]
    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let bytes = self.data.copy_to_bytes(length);
        self.taken(length);
        bytes
    }
}
