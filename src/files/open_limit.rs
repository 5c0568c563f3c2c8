//! How many files a sender may have open.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use crate::sys::most_descriptors;

/// The permits of every sender without a limit of its own: descriptors are the process's.
static OF_PROCESS: LazyLock<Arc<OpenLimit>> =
    LazyLock::new(|| OpenLimit::half_of(most_descriptors));

/// How many responses may have a file open at once.
pub(super) struct OpenLimit {
    most: AtomicUsize,
    /// The number of descriptors, if the limit is a half of it. It may be raised while the process runs.
    descriptors: Option<fn() -> u64>,
    open: AtomicUsize,
}

/// A permit to have a file open, given back when it is dropped.
pub(super) struct OpenPermit(Arc<OpenLimit>);

impl OpenLimit {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: AtomicUsize::new(most),
            descriptors: None,
            open: AtomicUsize::new(0),
        })
    }

    /// A half of the descriptors, for all senders together; the other half is for their clients' connections.
    pub(super) fn of_process() -> Arc<Self> {
        Arc::clone(&OF_PROCESS)
    }

    fn half_of(descriptors: fn() -> u64) -> Arc<Self> {
        let most = AtomicUsize::new(half(descriptors()));
        Arc::new(Self { most, descriptors: Some(descriptors), open: AtomicUsize::new(0) })
    }

    /// Whether the application set it for this sender.
    pub(super) fn is_of_sender(&self) -> bool {
        self.descriptors.is_none()
    }

    pub(super) fn acquire(self: &Arc<Self>) -> Option<OpenPermit> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        // The permit gives back what was taken also if it is not handed out.
        let permit = OpenPermit(Arc::clone(self));
        (open < self.most.load(Ordering::Relaxed) || open < self.most_now()).then_some(permit)
    }

    /// The limit, looked up again if it follows the number of descriptors.
    #[cold]
    fn most_now(&self) -> usize {
        if let Some(descriptors) = self.descriptors {
            self.most.store(half(descriptors()), Ordering::Relaxed);
        }
        self.most.load(Ordering::Relaxed)
    }
}

fn half(descriptors: u64) -> usize {
    usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1)
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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

    #[test]
    fn half_of_the_descriptors_are_for_files_and_more_once_the_process_may_have_more() {
        thread_local! {
            static DESCRIPTORS: Cell<u64> = const { Cell::new(5) };
        }
        let limit = OpenLimit::half_of(|| DESCRIPTORS.get());
        let permits = [limit.acquire(), limit.acquire()];
        assert!(permits.iter().all(Option::is_some) && limit.acquire().is_none());
        DESCRIPTORS.set(6);
        let third = limit.acquire();
        assert!(third.is_some() && limit.acquire().is_none());
        // Never none at all, and without a bound as many as there are numbers.
        assert_eq!((half(0), half(1), half(3)), (1, 1, 1));
        assert_eq!(half(u64::MAX), usize::MAX / 2);
        drop((permits, third));
        assert_eq!(limit.open.load(Ordering::Relaxed), 0);
    }
}
