//! Content on its way to a file, gathered so that a write is worth its while.

use bytes::{Buf, BufMut as _, Bytes, BytesMut};

/// How much of a body is gathered before it is written.
const ENOUGH: usize = 256 << 10;

/// Pieces that are shorter are copied together: each would be a call of the kernel, and many times as long
/// in memory as its bytes are.
const SHORT: usize = 4096;

/// Pieces of a body in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: Vec<Bytes>,
    /// What comes behind them.
    short: BytesMut,
    length: usize,
}

impl Batch {
    pub(super) fn push(&mut self, mut data: impl Buf) {
        let length = data.remaining();
        self.length = self.length.saturating_add(length);
        if length < SHORT {
            self.short.put(data);
        } else {
            self.close();
            self.pieces.push(data.copy_to_bytes(length));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) const fn is_enough(&self) -> bool {
        self.length >= ENOUGH
    }

    /// All of it, and nothing is left.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.close();
        self.length = 0;
        std::mem::take(&mut self.pieces)
    }

    fn close(&mut self) {
        if !self.short.is_empty() {
            self.pieces.push(self.short.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_make_many_pieces_of_few_bytes() {
        let mut batch = Batch::default();
        let mut pieces = 0;
        let mut got = Vec::new();
        let all: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let mut rest = Bytes::from(all.clone());
        let mut random = fastrand::Rng::with_seed(8);
        while !rest.is_empty() {
            // Mostly one byte, now and then a whole frame.
            let length = if random.u32(..5000) == 0 { 16 << 10 } else { 1 };
            batch.push(rest.split_to(length.min(rest.len())));
            if batch.is_enough() || rest.is_empty() {
                let taken = batch.take();
                pieces += taken.len();
                got.extend(taken.concat());
                assert!(batch.is_empty());
            }
        }
        assert_eq!(got, all);
        assert!(pieces < 1_000, "{pieces} pieces");
    }
}
