//! How many files a sender may have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many responses may have a file open at once.
pub(super) struct OpenLimit {
    most: usize,
    open: AtomicUsize,
}

/// A permit to have a file open, given back when it is dropped.
pub(super) struct OpenPermit(Arc<OpenLimit>);

impl OpenLimit {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: AtomicUsize::new(0) })
    }

    pub(super) fn acquire(self: &Arc<Self>) -> Option<OpenPermit> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(OpenPermit(Arc::clone(self)))
    }
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_permits_are_given_than_there_are() {
        let limit = OpenLimit::new(2);
        let first = limit.acquire();
        let second = limit.acquire();
        assert!(first.is_some() && second.is_some());
        assert!(limit.acquire().is_none() && limit.acquire().is_none());
        drop(first);
        let third = limit.acquire();
        assert!(third.is_some() && limit.acquire().is_none());
        drop((second, third));
        assert_eq!(limit.open.load(Ordering::Relaxed), 0);
    }
}
