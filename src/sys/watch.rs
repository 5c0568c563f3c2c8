//! Events of changes: marks on files and directories that count what happens to them.
//!
//! The kernel's queue of events is read by one thread. It tells nothing of what is written through a
//! shared mapping, on another machine or below an overlay, and it may be late: a mark that counts nothing
//! is a reason to look less often, never a proof.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::io::Errno;

use super::door;
use super::operation::Operation;
use super::platform::{Happened, Marked};
use super::refusal::Refusal;

/// Where events arrive. Its thread ends with it.
pub(crate) struct Watcher {
    queue: Arc<Queue>,
}

/// A file or a directory that is watched as long as this is there.
pub(crate) struct Mark {
    queue: Arc<Queue>,
    watch: i32,
    events: AtomicU64,
    /// It is gone.
    is_over: AtomicBool,
}

struct Queue {
    events: OwnedFd,
    /// A watch that is there to be removed in the end: that wakes the thread. Whoever marks the same
    /// directory has the same one.
    waker: i32,
    marks: Mutex<HashMap<i32, Weak<Mark>>>,
    /// How often events were lost: whatever is marked may have changed.
    floods: AtomicU64,
    /// Nobody reads events any more, or is to.
    is_ended: AtomicBool,
    /// Called after each event, on the thread that reads them.
    on_event: Option<OnEvent>,
}

type OnEvent = Box<dyn Fn() + Send + Sync>;

impl Watcher {
    pub(crate) fn new() -> Result<Self, Refusal> {
        Self::reading(None)
    }

    /// A watcher that calls `on_event` after each event and when events come no more. The call must not
    /// block, and must not own the watcher.
    #[allow(dead_code, reason = "only a policy file wants to know at once")]
    pub(crate) fn calling(on_event: impl Fn() + Send + Sync + 'static) -> Result<Self, Refusal> {
        Self::reading(Some(Box::new(on_event)))
    }

    fn reading(on_event: Option<OnEvent>) -> Result<Self, Refusal> {
        let refused = |errno| Refusal::errno(Operation::Watch, errno);
        let events = door::events().map_err(refused)?;
        let waker = door::watch_waker(&events).map_err(refused)?;
        let queue = Arc::new(Queue {
            events,
            waker,
            marks: Mutex::default(),
            floods: AtomicU64::new(0),
            is_ended: AtomicBool::new(false),
            on_event,
        });
        let read = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("letterhead-watch".to_owned())
            .spawn(move || read.run())
            .map_err(|e| refused(Errno::from_io_error(&e).unwrap_or(Errno::AGAIN)))?;
        Ok(Self { queue })
    }

    /// Begins to count what happens to what the descriptor is open for, or goes on with it.
    pub(crate) fn mark(&self, descriptor: impl AsFd, what: Marked) -> Result<Arc<Mark>, Refusal> {
        // Under the lock, so that no other mark of the same file is being removed meanwhile.
        let mut marks = self.queue.marks();
        let watch = door::watch(&self.queue.events, descriptor, what)
            .map_err(|errno| Refusal::errno(Operation::Watch, errno))?;
        if let Some(mark) = marks.get(&watch).and_then(Weak::upgrade) {
            return Ok(mark);
        }
        let mark = Arc::new(Mark {
            queue: Arc::clone(&self.queue),
            watch,
            events: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        marks.insert(watch, Arc::downgrade(&mark));
        Ok(mark)
    }

    /// What these marks have counted, losses of the queue included: as long as it is the same, nothing
    /// was seen. `None`: one of them is over, or no event comes any more.
    pub(crate) fn sum(&self, marks: &[Arc<Mark>]) -> Option<u64> {
        if self.queue.is_ended.load(Ordering::Acquire) {
            return None;
        }
        let mut sum = self.queue.floods.load(Ordering::Acquire);
        for mark in marks {
            if mark.is_over.load(Ordering::Acquire) {
                return None;
            }
            sum = sum.wrapping_add(mark.events.load(Ordering::Acquire));
        }
        Some(sum)
    }
}

impl Queue {
    fn marks(&self) -> MutexGuard<'_, HashMap<i32, Weak<Mark>>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads events until the watcher is gone.
    fn run(&self) {
        let read = door::read_events(&self.events, |watch, happened| {
            if happened == Happened::Lost {
                self.floods.fetch_add(1, Ordering::Release);
            }
            // The lock is given back first: a mark that nobody else has any more takes it.
            let mark = self.marks().get(&watch).and_then(Weak::upgrade);
            if let Some(mark) = mark {
                mark.events.fetch_add(1, Ordering::Release);
                if happened == Happened::Over {
                    mark.is_over.store(true, Ordering::Release);
                }
            }
            self.call();
            self.is_ended.load(Ordering::Acquire)
        });
        if read.is_err() {
            self.is_ended.store(true, Ordering::Release);
            self.call();
        }
    }

    fn call(&self) {
        if let Some(on_event) = &self.on_event {
            on_event();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.queue.is_ended.store(true, Ordering::Release);
        let _ = door::unwatch(&self.queue.events, self.queue.waker);
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut marks = self.queue.marks();
        // Another mark of the same file may have come since nobody held this one.
        if marks.get(&self.watch).is_some_and(|mark| mark.strong_count() == 0) {
            marks.remove(&self.watch);
            if self.watch != self.queue.waker {
                // It fails if the kernel took the watch away itself.
                let _ = door::unwatch(&self.queue.events, self.watch);
            }
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("marks", &self.queue.marks().len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark").field("events", &self.events).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Watcher {
    /// Whether the queue is still had by somebody, once this is gone; and how many marks there are.
    pub(super) fn leftovers(&self) -> (impl Fn() -> bool + use<>, usize) {
        let queue = Arc::downgrade(&self.queue);
        (move || queue.upgrade().is_some(), self.queue.marks().len())
    }

    /// Runs `work` while no event is handled.
    pub(super) fn hold_still(&self, work: impl FnOnce()) {
        let marks = self.queue.marks();
        work();
        drop(marks);
    }

    pub(super) fn floods(&self) -> u64 {
        self.queue.floods.load(Ordering::Acquire)
    }
}
