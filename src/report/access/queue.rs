//! The lines that wait for the writing thread, bounded in bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::form::LogForm;

/// With so many bytes the thread does not wait for the interval's end.
const ENOUGH: usize = 64 * 1024;

/// What both sides know.
pub(super) struct Queue {
    state: Mutex<State>,
    /// The thread has something to do.
    stirred: Condvar,
    /// The thread has done something.
    done: Condvar,
    dropped: AtomicU64,
}

struct State {
    lines: Vec<u8>,
    count: u64,
    /// Bytes that the thread has taken and not yet written; at least one while it is at work.
    taken: usize,
    /// Lines that were dropped, which the log has not said yet.
    unsaid: u64,
    form: LogForm,
    room: usize,
    interval: Duration,
    phase: Phase,
    wish: Wish,
    /// How often everything that was there has been written, or given up.
    rounds: u64,
}

/// ```text
/// open ──shutdown──► closed ──everything is written──► over
///                         └──patience is out──► left ──the writer comes back──► over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing more is taken in.
    Closed,
    /// The shutdown does not wait any longer.
    Left,
    /// The thread is through.
    Over,
}

/// What the thread is to do before its interval is over.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    flush: bool,
    reopen: bool,
}

/// What the thread does next.
pub(super) struct Work {
    pub(super) lines: Vec<u8>,
    /// How many lines were dropped, which is to be said behind these.
    pub(super) gap: u64,
    pub(super) form: LogForm,
    pub(super) reopen: bool,
}

impl Queue {
    pub(super) const fn new(room: usize, interval: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                lines: Vec::new(),
                count: 0,
                taken: 0,
                unsaid: 0,
                form: LogForm::Combined,
                room,
                interval,
                phase: Phase::Open,
                wish: Wish { flush: false, reopen: false },
                rounds: 0,
            }),
            stirred: Condvar::new(),
            done: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn set_form(&self, form: LogForm) {
        self.lock().form = form;
    }

    pub(super) fn set_room(&self, bytes: usize) {
        self.lock().room = bytes;
    }

    pub(super) fn set_interval(&self, time: Duration) {
        self.lock().interval = time;
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes in a line, or counts it. It waits for no writer.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let before = state.lines.len();
        let after = before + line.len();
        if state.phase != Phase::Open || after + state.taken > state.room {
            state.unsaid += 1;
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        state.count += 1;
        drop(state);
        // One call for the first line after a pause, and one when there is enough.
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.stirred.notify_one();
        }
    }

    /// The next lines for the thread, whose last buffer comes back empty; `None` once there will be
    /// none.
    pub(super) fn next(&self, spare: Vec<u8>) -> Option<Work> {
        let mut state = self.lock();
        state.taken = 0;
        state.rounds += 1;
        self.done.notify_all();
        let is_idle = |state: &mut State| {
            state.lines.is_empty() && !state.wish.reopen && !state.wish.flush && state.is_open()
        };
        state = unpoisoned(self.stirred.wait_while(state, is_idle));
        let gathers = |state: &mut State| {
            let wish = state.wish.flush || state.wish.reopen;
            state.lines.len() < ENOUGH && !wish && state.is_open()
        };
        let interval = state.interval;
        let waited = self.stirred.wait_timeout_while(state, interval, gathers);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let is_last = !state.is_open() && state.lines.is_empty() && state.unsaid == 0;
        if is_last || state.phase == Phase::Left {
            return None;
        }
        let lines = std::mem::replace(&mut state.lines, spare);
        state.taken = lines.len().max(1);
        state.count = 0;
        let (gap, form) = (std::mem::take(&mut state.unsaid), state.form);
        let reopen = std::mem::take(&mut state.wish).reopen;
        Some(Work { lines, gap, form, reopen })
    }

    /// So many lines, of which `of_gap` were dropped before, were not written.
    pub(super) fn lose(&self, lines: u64, of_gap: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
        let mut state = self.lock();
        // What is said at the very end is said once, whether or not that fails.
        if state.is_open() {
            state.unsaid += lines + of_gap;
        }
    }

    /// Waits a little for a writer that has no room; says whether it is worth to try again.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let state = self.lock();
        let goes_on = |state: &mut State| state.phase != Phase::Left;
        let waited = self.stirred.wait_timeout_while(state, time, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.phase != Phase::Left
    }

    pub(super) fn reopen(&self) {
        self.lock().wish.reopen = true;
        self.stirred.notify_one();
    }

    /// Has everything written now; says whether that was done in `patience`.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        if state.phase == Phase::Over || (state.lines.is_empty() && state.taken == 0) {
            return state.phase != Phase::Left;
        }
        // What the thread has in hand ends a round, and what waits ends the next.
        let wanted = state.rounds + 1 + u64::from(state.taken > 0);
        state.wish.flush = true;
        self.stirred.notify_one();
        let end = Instant::now() + patience;
        while state.rounds < wanted && state.phase != Phase::Over {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Takes in nothing more, and waits for the thread; says whether it was through in `patience`.
    pub(super) fn close(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        self.stirred.notify_one();
        let runs = |state: &mut State| state.phase != Phase::Over;
        let waited = self.done.wait_timeout_while(state, patience, runs);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.phase == Phase::Over {
            return true;
        }
        state.phase = Phase::Left;
        state.lines = Vec::new();
        let left = std::mem::take(&mut state.count);
        drop(state);
        self.dropped.fetch_add(left, Ordering::Relaxed);
        self.stirred.notify_one();
        false
    }

    /// The thread is through.
    pub(super) fn over(&self) {
        self.lock().phase = Phase::Over;
        self.done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl State {
    fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

fn unpoisoned<'a, T>(
    lock: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>,
) -> MutexGuard<'a, T> {
    lock.unwrap_or_else(PoisonError::into_inner)
}
