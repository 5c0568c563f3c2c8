//! The last exchanges, bounded in number and in bytes; the oldest leave first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use super::kept::Kept;
use super::viewers::Viewers;
use crate::head::Receipt;

/// The last exchanges, and those who wait for more.
pub(super) struct Ring {
    held: Mutex<Held>,
    pub(super) viewers: Viewers,
    /// Where the pages stand, as the first request for one showed.
    pub(super) place: OnceLock<Box<str>>,
}

struct Held {
    exchanges: VecDeque<Arc<Kept>>,
    bytes: usize,
    next: u64,
    most: usize,
    most_bytes: usize,
}

/// How full it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) exchanges: usize,
    pub(super) bytes: usize,
    /// How many exchanges there were, with those that left.
    pub(super) seen: u64,
}

impl Ring {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        let exchanges = VecDeque::new();
        let held = Held { exchanges, bytes: 0, next: 1, most, most_bytes };
        Self { held: Mutex::new(held), viewers: Viewers::default(), place: OnceLock::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how many exchanges, and how many bytes, are kept.
    pub(super) fn bound(&self, most: Option<usize>, most_bytes: Option<usize>) {
        let mut held = self.lock();
        held.most = most.unwrap_or(held.most);
        held.most_bytes = most_bytes.unwrap_or(held.most_bytes);
        let left = held.shrink();
        drop(held);
        drop(left);
    }

    /// Keeps an exchange, and tells the viewers.
    pub(super) fn keep(&self, receipt: &Receipt) {
        let mut kept = Kept::of(0, SystemTime::now(), receipt);
        let mut held = self.lock();
        kept.id = held.next;
        let id = kept.id;
        held.next += 1;
        held.bytes += kept.weight;
        held.exchanges.push_back(Arc::new(kept));
        let left = held.shrink();
        drop(held);
        drop(left);
        self.viewers.announce(id);
    }

    /// One exchange, if it is still there.
    pub(super) fn get(&self, id: u64) -> Option<Arc<Kept>> {
        let held = self.lock();
        let first = held.exchanges.front()?.id;
        let at = usize::try_from(id.checked_sub(first)?).ok()?;
        held.exchanges.get(at).cloned()
    }

    /// The exchange of the request with this number, if it is still there.
    pub(super) fn of_request(&self, number: u64) -> Option<Arc<Kept>> {
        let held = self.lock();
        let mut newest_first = held.exchanges.iter().rev();
        newest_first.find(|kept| kept.receipt.number() == Some(number)).cloned()
    }

    /// All that are there, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Kept>> {
        self.lock().exchanges.iter().rev().cloned().collect()
    }

    pub(super) fn fill(&self) -> Fill {
        let held = self.lock();
        let Held { exchanges, bytes, next, .. } = &*held;
        Fill { exchanges: exchanges.len(), bytes: *bytes, seen: next - 1 }
    }
}

impl Held {
    /// Takes out what there is no room for, for the caller to drop outside of the lock: mostly one.
    fn shrink(&mut self) -> (Option<Arc<Kept>>, Vec<Arc<Kept>>) {
        let first = self.pop();
        (first, std::iter::from_fn(|| self.pop()).collect())
    }

    /// The oldest, if there is no room for it.
    fn pop(&mut self) -> Option<Arc<Kept>> {
        if self.exchanges.len() <= self.most && self.bytes <= self.most_bytes {
            return None;
        }
        let oldest = self.exchanges.pop_front()?;
        self.bytes -= oldest.weight;
        Some(oldest)
    }
}
