//! What the responses of all connections hold, and which connection is given up if that is too much.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The connections report their sums in steps of so many bytes: what is less is not shared between threads.
pub(super) const STEP: usize = 16 * 1024;

/// A connection whose responses take memory.
pub(super) trait Holder: fmt::Debug + Send + Sync {
    /// The bytes that it is known to hold.
    fn charged(&self) -> usize;

    /// It is given up: it holds the most when all hold too much.
    fn shed(&self);
}

/// The bytes of responses that hyper has and no socket has, of all connections.
#[derive(Debug)]
pub(super) struct Memory {
    total: AtomicUsize,
    most: usize,
    /// Those that have ever held a step.
    connections: Mutex<Vec<Weak<dyn Holder>>>,
}

impl Memory {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { total: AtomicUsize::new(0), most, connections: Mutex::default() })
    }

    /// A connection of which this knew `charged` bytes holds `unsent`. True if all hold too much by this.
    pub(super) fn settle(&self, charged: &mut usize, unsent: usize) -> bool {
        let steps = unsent - unsent % STEP;
        if steps == *charged {
            return false;
        }
        let before = std::mem::replace(charged, steps);
        if steps < before {
            self.total.fetch_sub(before - steps, Ordering::Relaxed);
            return false;
        }
        self.total.fetch_add(steps - before, Ordering::Relaxed) + (steps - before) > self.most
    }

    /// A connection holds enough to count.
    pub(super) fn join(&self, holder: Weak<dyn Holder>) {
        let mut connections = self.connections();
        if connections.len() == connections.capacity() {
            connections.retain(|known| known.strong_count() > 0);
            let known = connections.len();
            connections.reserve(known.max(16));
        }
        connections.push(holder);
    }

    /// Gives up connections, those that hold most first, until the rest does not hold too much.
    pub(super) fn shed(&self) {
        let mut connections: Vec<(usize, Arc<dyn Holder>)> = self
            .connections()
            .iter()
            .filter_map(Weak::upgrade)
            .map(|holder| (holder.charged(), holder))
            .filter(|(bytes, _)| *bytes > 0)
            .collect();
        connections.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (_, holder) in connections {
            if self.total.load(Ordering::Relaxed) <= self.most {
                break;
            }
            holder.shed();
        }
    }

    /// Bytes that all hold.
    #[cfg(test)]
    pub(super) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Weak<dyn Holder>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::serve::watch::Watch;

    #[test]
    fn those_that_hold_most_are_given_up_and_no_more_than_has_to_be() {
        let memory = Memory::new(10 * STEP);
        let watches: Vec<Arc<Watch>> = (0..4)
            .map(|_| Arc::new(Watch::new(Instant::now(), Arc::clone(&memory), usize::MAX)))
            .collect();
        let given_up = || {
            watches
                .iter()
                .map(|watch| watch.is_given_up(std::task::Waker::noop()).is_some())
                .collect::<Vec<_>>()
        };
        for (watch, steps) in watches.iter().zip([2, 5, 3, 0]) {
            watch.holds(steps * STEP);
        }
        assert_eq!(given_up(), [false; 4]);
        watches[0].holds(STEP);
        assert_eq!(given_up(), [false, true, false, false]);
        assert_eq!(memory.total(), 6 * STEP);
        // One that holds too much by itself.
        watches[3].holds(11 * STEP);
        assert_eq!(given_up(), [false, true, false, true]);
        drop(watches);
        assert_eq!(memory.total(), 0);
    }
}
