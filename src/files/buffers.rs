//! Buffers for what is read: big ones, used again, as long as not too many of them are out.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::sender::FileSender;

/// What is read at once where the big buffers are used up.
const SCARCE: usize = 32 * 1024;

/// From this length on a big buffer is taken.
const BIG: usize = 96 * 1024;

/// How many big buffers wait to be used again: 4 MiB.
const KEPT: usize = 16;

/// Where buffers come from.
#[derive(Debug)]
pub(crate) struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
    out: AtomicUsize,
    most: usize,
}

/// Room for bytes; how many there are is its length.
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Big(Big),
}

/// A big buffer, which goes back when it is dropped.
pub(crate) struct Big {
    bytes: Box<[u8]>,
    length: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Buffers of which the big ones that are out take no more than about `budget` bytes.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        let (free, out) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { free, out, most: budget / FileSender::CHUNK })
    }

    /// A buffer for up to `wanted` bytes; it may be for fewer, but not for none.
    pub(crate) fn take(self: &Arc<Self>, wanted: usize) -> Buffer {
        if wanted < BIG {
            return Buffer::Small(vec![0; wanted]);
        }
        if self.out.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.out.fetch_sub(1, Ordering::Relaxed);
            return Buffer::Small(vec![0; SCARCE]);
        }
        let free = self.free().pop();
        let bytes = free.unwrap_or_else(|| vec![0; FileSender::CHUNK].into());
        Buffer::Big(Big { length: wanted.min(bytes.len()), bytes, home: Arc::clone(self) })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// Leaves only the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Small(bytes) => bytes.truncate(length),
            Self::Big(big) => big.length = big.length.min(length),
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Small(bytes) => Bytes::from(bytes),
            Self::Big(big) => Bytes::from_owner(big),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Big(big) => big.as_ref(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Big(big) => big.bytes.get_mut(..big.length).unwrap_or_default(),
        }
    }
}

impl AsRef<[u8]> for Big {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Big {
    fn drop(&mut self) {
        self.home.out.fetch_sub(1, Ordering::Relaxed);
        let mut free = self.home.free();
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_forgets_its_length() {
        let buffers = Buffers::new(FileSender::CHUNK);
        let mut first = buffers.take(200_000);
        first.fill(7);
        first.truncate(150_000);
        let address = first.as_ptr();
        let bytes = first.into_bytes();
        assert_eq!((bytes.len(), bytes.as_ptr()), (150_000, address));
        assert!(bytes.iter().all(|byte| *byte == 7));
        let part = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(buffers.free().len(), 0, "a part of it is still out");
        drop(part);
        let second = buffers.take(usize::MAX);
        assert_eq!((second.len(), second.as_ptr()), (FileSender::CHUNK, address));
    }

    #[test]
    fn what_is_small_or_beyond_the_budget_is_not_kept() {
        let buffers = Buffers::new(2 * FileSender::CHUNK + 1);
        assert_eq!(buffers.take(1).len(), 1);
        let out = [buffers.take(BIG), buffers.take(1 << 30)];
        assert_eq!(out.iter().map(|buffer| buffer.len()).sum::<usize>(), BIG + FileSender::CHUNK);
        let scarce = buffers.take(BIG);
        assert_eq!(scarce.len(), SCARCE);
        drop(scarce);
        assert_eq!((buffers.out.load(Ordering::Relaxed), buffers.free().len()), (2, 0));
        drop(out);
        assert_eq!((buffers.out.load(Ordering::Relaxed), buffers.free().len()), (0, 2));
    }

    #[test]
    fn no_more_are_kept_than_is_said() {
        let buffers = Buffers::new(100 * FileSender::CHUNK);
        let out: Vec<_> = (0..20).map(|_| buffers.take(BIG)).collect();
        drop(out);
        assert_eq!(buffers.free().len(), KEPT);
    }
}
