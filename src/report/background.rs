//! A reporter on a thread of its own, so that no response waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::Reporter;
use crate::caught::{caught, contained, discard};
use crate::head::Receipt;

/// Runs a slow reporter on a thread of its own, behind a queue of bounded length.
///
/// The response is over as soon as its receipt stands in the queue. If there is no room the
/// receipt is dropped and [counted](Self::dropped). A reporter that panics is called again with
/// the next receipt.
///
/// Give an `Arc` of it to the layer to keep a hand on it. The queue holds copies of receipts; one
/// is mostly a few hundred bytes, and with many or long values up to some hundred KiB.
///
/// ```text
/// open ──shutdown──► closed ──the queue is empty, the reporter dropped──► over
/// ```
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use letterhead::report::Background;
/// use letterhead::{LetterheadLayer, Receipt};
///
/// # fn main() -> std::io::Result<()> {
/// let slow = |receipt: &Receipt| println!("{receipt}");
/// let background = Arc::new(Background::new(slow, 1024)?);
/// let layer = LetterheadLayer::new().reporter(Arc::clone(&background));
/// // ... serve ...
/// assert!(background.shutdown(), "{} receipts were dropped", background.dropped());
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
pub struct Background {
    queue: Arc<Queue>,
    worker: ThreadId,
    patience: Duration,
    needs_times: bool,
    needs_span: bool,
}

/// What both sides know.
struct Queue {
    capacity: usize,
    line: Mutex<Line>,
    /// Something came, or nothing will.
    stirred: Condvar,
    /// The thread is through.
    over: Condvar,
    dropped: AtomicU64,
    panicked: AtomicU64,
}

struct Line {
    waiting: VecDeque<Receipt>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing more is taken in.
    Closed,
    /// Nothing more is given out; the reporter is gone.
    Over,
}

impl Background {
    /// How long a shutdown waits for the reporter if nothing else is said: one second.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// Starts a thread for `reporter`, which up to `capacity` receipts may wait for (at least one).
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub fn new(reporter: impl Reporter, capacity: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            capacity: capacity.max(1),
            line: Mutex::new(Line { waiting: VecDeque::new(), phase: Phase::Open }),
            stirred: Condvar::new(),
            over: Condvar::new(),
            dropped: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        });
        let theirs = Arc::clone(&queue);
        let (needs_times, needs_span) = (reporter.needs_times(), reporter.needs_span());
        let thread = thread::Builder::new()
            .name("letterhead-report".to_owned())
            .spawn(move || work(&theirs, reporter))?;
        let (worker, patience) = (thread.thread().id(), Self::PATIENCE);
        Ok(Self { queue, worker, patience, needs_times, needs_span })
    }

    /// How long [`shutdown`](Self::shutdown), or dropping this, waits for the reporter.
    #[must_use]
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// How many receipts the reporter was not given: no room, after the shutdown, or still waiting
    /// when its patience was at its end.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// How often the reporter panicked.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.queue.panicked.load(Ordering::Relaxed)
    }

    /// Takes in nothing more and waits until the reporter has seen everything and was dropped;
    /// says whether it came to that in time. Dropping the last handle does the same.
    ///
    /// It blocks the thread, for one second at most or as long as its
    /// [patience](Self::patience); an async task calls it in `spawn_blocking`. A reporter that is
    /// stuck keeps its thread, and gets no more receipts.
    pub fn shutdown(&self) -> bool {
        let Queue { line, stirred, over, .. } = &*self.queue;
        let mut line = unpoisoned(line.lock());
        if line.phase == Phase::Open {
            line.phase = Phase::Closed;
        }
        stirred.notify_all();
        if thread::current().id() == self.worker {
            // The reporter itself asks, or held the last handle; it does not wait for itself.
            return false;
        }
        let waited = over.wait_timeout_while(line, self.patience, |line| line.phase != Phase::Over);
        let mut line = waited.unwrap_or_else(PoisonError::into_inner).0;
        let is_over = line.phase == Phase::Over;
        let left = std::mem::take(&mut line.waiting);
        drop(line);
        self.queue.lose(left.len());
        contained(move || drop(left));
        is_over
    }
}

impl Queue {
    fn lose(&self, count: usize) {
        self.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn has_room(&self, line: &Line) -> bool {
        line.phase == Phase::Open && line.waiting.len() < self.capacity
    }

    /// The next receipt; `None` once there will be none.
    fn next(&self) -> Option<Receipt> {
        let is_idle = |line: &mut Line| line.waiting.is_empty() && line.phase == Phase::Open;
        let line = unpoisoned(self.line.lock());
        let mut line = unpoisoned(self.stirred.wait_while(line, is_idle));
        line.waiting.pop_front()
    }
}

/// The thread's life.
fn work(queue: &Queue, reporter: impl Reporter) {
    while let Some(receipt) = queue.next() {
        if let Err(payload) = caught(|| reporter.report(&receipt)) {
            queue.panicked.fetch_add(1, Ordering::Relaxed);
            discard(payload);
        }
        contained(move || drop(receipt));
    }
    // What it buffers is written now, while the shutdown still waits.
    contained(move || drop(reporter));
    unpoisoned(queue.line.lock()).phase = Phase::Over;
    queue.over.notify_all();
}

fn unpoisoned<'a, T>(
    lock: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>,
) -> MutexGuard<'a, T> {
    lock.unwrap_or_else(PoisonError::into_inner)
}

impl Reporter for Background {
    fn report(&self, receipt: &Receipt) {
        let queue = &*self.queue;
        // A receipt that there is no room for is not copied, and none is copied in the lock.
        if !queue.has_room(&unpoisoned(queue.line.lock())) {
            return queue.lose(1);
        }
        let copy = receipt.clone();
        let mut line = unpoisoned(queue.line.lock());
        if !queue.has_room(&line) {
            drop(line);
            return queue.lose(1);
        }
        line.waiting.push_back(copy);
        drop(line);
        queue.stirred.notify_one();
    }

    fn needs_times(&self) -> bool {
        self.needs_times
    }

    fn needs_span(&self) -> bool {
        self.needs_span
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("capacity", &self.queue.capacity)
            .field("dropped", &self.dropped())
            .field("panicked", &self.panicked())
            .finish_non_exhaustive()
    }
}
