//! Work on tokio's blocking pool, which fails at once where the kernel refuses a thread for it.
//!
//! tokio puts work into the pool's queue before it asks for a thread. If the kernel refuses one (`EAGAIN`: a
//! limit of processes, a pids cgroup), tokio panics where no other blocking thread is there, and otherwise
//! leaves the work in the queue until another thread is free, which may never happen: a thread that an
//! application keeps for good counts, and in older versions (1.49) so do the workers of the runtime. So the
//! work stays ours until it begins, and is taken back when the kernel refuses a thread.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Sleep;

use super::operation::Operation;
use super::refusal::Refusal;
use super::timer::{self, Timers};
use crate::caught::{caught, discard};

/// How long work may wait for its turn before it is asked whether there are threads at all; then twice as
/// long, and so on, up to the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// So long a thread believes the last count of threads.
const BELIEVED: Duration = Duration::from_millis(20);

/// So long after a refusal the pool is not asked before the kernel was.
const DOUBTED: Duration = Duration::from_secs(1);

static TIMERS: Timers = Timers::new();

thread_local! {
    /// When a thread was last asked for here, and the error number if it was refused.
    static ASKED: Cell<Option<(Instant, Option<i32>)>> = const { Cell::new(None) };
}

/// Work on a thread that may block, given up with whoever waits for it.
///
/// Work that has not begun is not begun once this is dropped; what has begun is done, and its result is
/// dropped where it was made.
pub(crate) struct Task<T> {
    state: State<T>,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The kernel refused a thread, and none was free: the work was not begun.
    NoThread(Refusal),
    /// The work panicked, or the runtime has ended.
    Gone,
}

enum State<T> {
    Spawned { pool: JoinHandle<Option<T>>, work: Arc<dyn Withdraw>, patience: Patience },
    Refused(i32),
}

/// What has not begun and may still be taken back.
trait Withdraw: Send + Sync {
    fn has_begun(&self) -> bool;
    /// Drops the work, unless it has begun; whether it was dropped.
    fn withdraw(&self) -> bool;
}

struct Work<F>(Mutex<Option<F>>);

/// When it is asked whether there are threads.
struct Patience {
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<F> Work<F> {
    fn take(&self) -> Option<F> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<F: Send> Withdraw for Work<F> {
    fn has_begun(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn withdraw(&self) -> bool {
        self.take().is_some()
    }
}

impl<T: Send + 'static> Task<T> {
    /// Gives the work to the blocking pool.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn new(work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self::on(&Handle::current(), work)
    }

    fn on(runtime: &Handle, work: impl FnOnce() -> T + Send + 'static) -> Self {
        if let Some(errno) = doubt() {
            return Self { state: State::Refused(errno) };
        }
        let work = Arc::new(Work(Mutex::new(Some(work))));
        let begun = Arc::clone(&work);
        let pooled = || runtime.spawn_blocking(move || begun.take().map(|work| work()));
        let state = match caught(pooled) {
            Ok(pool) => {
                let patience = Patience { pause: PAUSES[0], sleep: None };
                State::Spawned { pool, work, patience }
            }
            Err(panic) => {
                // It is in the pool's queue all the same; what is left there is empty.
                discard(panic);
                drop(work.take());
                ASKED.set(None);
                State::Refused(no_thread().unwrap_or(libc::EAGAIN))
            }
        };
        Self { state }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (pool, work, patience) = match &mut self.state {
            State::Refused(errno) => return Poll::Ready(Err(Lost::no_thread(*errno))),
            State::Spawned { pool, work, patience } => (pool, work, patience),
        };
        if let Poll::Ready(done) = Pin::new(pool).poll(cx) {
            return Poll::Ready(done.map_err(Lost::from).and_then(|done| done.ok_or(Lost::Gone)));
        }
        while !work.has_begun() {
            if patience.poll(cx).is_pending() {
                return Poll::Pending;
            }
            let Some(errno) = no_thread() else { continue };
            if work.withdraw() {
                self.state = State::Refused(errno);
                return Poll::Ready(Err(Lost::no_thread(errno)));
            }
        }
        patience.sleep = None;
        Poll::Pending
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let State::Spawned { pool, work, .. } = &self.state {
            pool.abort();
            // Whoever waits for this work is not to wait for a thread that would drop it.
            work.withdraw();
        }
    }
}

/// Does work on the blocking pool that nobody waits for; here, if no thread can be had for it now. Outside
/// a runtime it is done here, too.
pub(crate) fn detached(work: impl FnOnce() + Send + 'static) {
    let Ok(runtime) = Handle::try_current() else { return work() };
    let work = Arc::new(Work(Mutex::new(Some(work))));
    let begun = Arc::clone(&work);
    let pooled = || runtime.spawn_blocking(move || begun.take().map(|work| work()));
    if doubt().is_some() || caught(pooled).map_err(discard).is_err() {
        if let Some(work) = work.take() {
            work();
        }
    }
}

impl Lost {
    fn no_thread(errno: i32) -> Self {
        Self::NoThread(Refusal::errno(Operation::Thread, Errno::from_raw_os_error(errno)))
    }
}

impl From<JoinError> for Lost {
    fn from(_: JoinError) -> Self {
        Self::Gone
    }
}

impl Patience {
    /// Ready when it is time to ask; never, where the runtime has no timers.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.is_none() {
            self.sleep = TIMERS.start(self.pause).map(Box::pin);
            self.pause = self.pause.saturating_mul(2).min(PAUSES[1]);
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        let due = timer::poll(sleep.as_mut(), cx);
        if due.is_ready() {
            self.sleep = None;
        }
        due
    }
}

/// If threads were refused here just now, whether they still are, before tokio is asked: it would panic.
fn doubt() -> Option<i32> {
    let (asked, refused) = ASKED.get()?;
    refused.filter(|_| asked.elapsed() < DOUBTED)?;
    no_thread()
}

/// The error number with which the kernel refuses a thread; none if it gives one.
fn no_thread() -> Option<i32> {
    if let Some((_, refused)) = ASKED.get().filter(|(asked, _)| asked.elapsed() < BELIEVED) {
        return refused;
    }
    let thread = std::thread::Builder::new().name("letterhead-probe".to_owned()).spawn(|| ());
    let refused = thread.err().map(|error| error.raw_os_error().unwrap_or(libc::EAGAIN));
    ASKED.set(Some((Instant::now(), refused)));
    refused
}
