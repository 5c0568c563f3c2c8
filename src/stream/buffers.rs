//! Buffers for what is read: large ones are used again, as long as not too many of them are out, and are the
//! kernel's again if too many are left.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::CHUNK;
use crate::sys::Pages;

/// What is read at once where as much is out as may be; buffers for no more than that do not count.
const SCARCE: usize = 32 * 1024;

/// From this length on a buffer is made of pages; what is shorter is the allocator's.
const PAGED: usize = 16 * 1024;

/// From this length on a big buffer is taken, and else a middle one, which has room for as much.
const BIG: usize = 96 * 1024;

/// How many big buffers wait to be used again: 4 MiB.
const KEPT: usize = 16;

/// How many middle ones do: 12 MiB, for some hundred streams of HTTP/2 that are sent by turns.
const KEPT_MIDDLE: usize = 128;

/// Where buffers come from.
#[derive(Debug)]
pub(crate) struct Buffers {
    big: Free,
    middle: Free,
    /// How many bytes are out, and may be.
    out: AtomicUsize,
    most: usize,
}

/// Those of one size that wait to be used again.
#[derive(Debug)]
struct Free {
    pages: Mutex<Vec<Pages>>,
    size: usize,
    most: usize,
}

/// Room for bytes; how many there are is its length.
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Paged(Paged),
}

/// A large buffer, which goes back when it is dropped.
pub(crate) struct Paged {
    /// It is there until it goes back.
    pages: Option<Pages>,
    length: usize,
    /// How many bytes it counts as: none, or its size.
    counted: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Buffers of which those that are out take no more than `budget` bytes, but for small ones.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            big: Free::new(CHUNK, KEPT),
            middle: Free::new(BIG, KEPT_MIDDLE),
            out: AtomicUsize::new(0),
            most: budget,
        })
    }

    /// A buffer for up to `wanted` bytes; it may be for fewer, but not for none.
    pub(crate) fn take(self: &Arc<Self>, wanted: usize) -> Buffer {
        if wanted < PAGED {
            return Buffer::Small(vec![0; wanted]);
        }
        let size = if wanted >= BIG { CHUNK } else { BIG };
        let (counted, wanted) = match wanted {
            ..=SCARCE => (0, wanted),
            _ if self.leaves(size) => (size, wanted),
            _ => (0, SCARCE),
        };
        let pages = self.free(counted).take();
        let length = wanted.min(pages.len());
        Buffer::Paged(Paged { pages: Some(pages), length, counted, home: Arc::clone(self) })
    }

    /// Where a buffer that counts as so much is kept.
    const fn free(&self, counted: usize) -> &Free {
        if counted == CHUNK { &self.big } else { &self.middle }
    }

    /// Whether so many bytes more may be out, which are counted.
    fn leaves(&self, bytes: usize) -> bool {
        let may = self.out.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.most;
        if !may {
            self.out.fetch_sub(bytes, Ordering::Relaxed);
        }
        may
    }
}

impl Free {
    const fn new(size: usize, most: usize) -> Self {
        Self { pages: Mutex::new(Vec::new()), size, most }
    }

    fn take(&self) -> Pages {
        let used = self.lock().pop();
        used.unwrap_or_else(|| Pages::new(self.size))
    }

    fn give(&self, pages: Pages) {
        let mut free = self.lock();
        if free.len() < self.most {
            return free.push(pages);
        }
        // Nobody waits for the kernel.
        drop(free);
        drop(pages);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pages>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// Leaves only the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Small(bytes) => bytes.truncate(length),
            Self::Paged(paged) => paged.length = paged.length.min(length),
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Small(bytes) => Bytes::from(bytes),
            Self::Paged(paged) => Bytes::from_owner(paged),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Paged(paged) => paged.as_ref(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Paged(paged) => {
                let all = paged.pages.as_deref_mut();
                all.and_then(|all| all.get_mut(..paged.length)).unwrap_or_default()
            }
        }
    }
}

impl AsRef<[u8]> for Paged {
    fn as_ref(&self) -> &[u8] {
        let all = self.pages.as_deref();
        all.and_then(|all| all.get(..self.length)).unwrap_or_default()
    }
}

impl Drop for Paged {
    fn drop(&mut self) {
        if let Some(pages) = self.pages.take() {
            self.home.free(self.counted).give(pages);
        }
        if self.counted > 0 {
            self.home.out.fetch_sub(self.counted, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are out; how many wait to be used again: big ones, and middle ones.
    fn counts(buffers: &Buffers) -> (usize, usize, usize) {
        let free = |free: &Free| free.lock().len();
        (buffers.out.load(Ordering::Relaxed), free(&buffers.big), free(&buffers.middle))
    }

    #[test]
    fn a_buffer_is_used_again_and_forgets_its_length() {
        for (wanted, truncated, all) in [(200_000, 150_000, CHUNK), (50_000, 40_000, BIG - 1)] {
            let buffers = Buffers::new(CHUNK);
            let mut first = buffers.take(wanted);
            assert_eq!(first.len(), wanted);
            first.fill(7);
            first.truncate(truncated);
            let address = first.as_ptr();
            let bytes = first.into_bytes();
            assert_eq!((bytes.len(), bytes.as_ptr()), (truncated, address));
            assert!(bytes.iter().all(|byte| *byte == 7));
            let part = bytes.slice(10..20);
            drop(bytes);
            let (_, big, middle) = counts(&buffers);
            assert_eq!((big, middle), (0, 0), "a part of it is still out");
            drop(part);
            let second = buffers.take(all);
            assert_eq!((second.len(), second.as_ptr()), (all, address));
        }
    }

    #[test]
    fn what_is_small_or_beyond_the_budget_is_no_big_one() {
        let buffers = Buffers::new(2 * CHUNK + 1);
        for small in [1, PAGED - 1] {
            assert!(matches!(buffers.take(small), Buffer::Small(bytes) if bytes.len() == small));
        }
        assert_eq!(buffers.take(PAGED).len(), PAGED);
        assert_eq!(counts(&buffers), (0, 0, 1));
        let out = [buffers.take(BIG), buffers.take(1 << 30)];
        assert_eq!(out.iter().map(|buffer| buffer.len()).sum::<usize>(), BIG + CHUNK);
        let scarce = buffers.take(BIG);
        assert_eq!(scarce.len(), SCARCE);
        drop(scarce);
        assert_eq!(counts(&buffers), (2 * CHUNK, 0, 1));
        drop(out);
        assert_eq!(counts(&buffers), (0, 2, 1));
        // So do middle ones, unless they are no longer than what is always given.
        let out: Vec<_> = (0..5).map(|_| buffers.take(64 * 1024)).collect();
        assert_eq!(counts(&buffers).0, 5 * BIG);
        assert_eq!([buffers.take(64 * 1024).len(), buffers.take(SCARCE).len()], [SCARCE; 2]);
        drop(out);
        assert_eq!(counts(&buffers), (0, 2, 7));
    }

    #[test]
    fn no_more_are_kept_than_is_said() {
        let buffers = Buffers::new(100 * CHUNK);
        let out: Vec<_> = (0..2000).map(|_| buffers.take(BIG)).collect();
        assert_eq!(counts(&buffers), (100 * CHUNK, 0, 0));
        drop(out);
        assert_eq!(counts(&buffers), (0, KEPT, KEPT_MIDDLE));
        // So much is held by those that nobody uses.
        assert_eq!(KEPT * CHUNK + KEPT_MIDDLE * BIG, 16 << 20);
    }
}
