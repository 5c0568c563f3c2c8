//! When a response came how far, by a clock that tests may own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::head::Times;

/// What is not marked yet.
const NEVER: u64 = u64::MAX;

/// How far a response has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    Answered,
    Committed,
    FirstByte,
}

/// Nanoseconds since the request came, each taken once. Every mark is at least the one before it.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    begun: Instant,
    answered: AtomicU64,
    committed: AtomicU64,
    first_byte: AtomicU64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let never = || AtomicU64::new(NEVER);
        // Where a test pauses tokio's time this stands still, too.
        let begun = Instant::now();
        Self { begun, answered: never(), committed: never(), first_byte: never() }
    }

    /// The response has come so far; only the first time counts.
    pub(crate) fn mark(&self, mark: Mark) {
        let place = match mark {
            Mark::Answered => &self.answered,
            Mark::Committed => &self.committed,
            Mark::FirstByte => &self.first_byte,
        };
        if place.load(Ordering::Relaxed) != NEVER {
            return;
        }
        let now = self.now();
        place.store(now, Ordering::Relaxed);
        // A service that failed has answered when that is answered for it.
        if matches!(mark, Mark::Committed) && self.answered.load(Ordering::Relaxed) == NEVER {
            self.answered.store(now, Ordering::Relaxed);
        }
    }

    /// The times, now that the response is over.
    pub(crate) fn read(&self) -> Times {
        let at = |place: &AtomicU64| {
            let nanos = place.load(Ordering::Relaxed);
            (nanos != NEVER).then(|| Duration::from_nanos(nanos))
        };
        Times {
            answered: at(&self.answered),
            committed: at(&self.committed),
            first_byte: at(&self.first_byte),
            ended: Duration::from_nanos(self.now()),
        }
    }

    /// The clock, which does not go back even where a response ends outside of a paused runtime.
    fn now(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.begun).as_nanos();
        let now = u64::try_from(since).unwrap_or(NEVER - 1);
        let marks = [&self.answered, &self.committed, &self.first_byte];
        let marks = marks.map(|place| place.load(Ordering::Relaxed));
        marks.into_iter().filter(|mark| *mark != NEVER).fold(now, u64::max)
    }
}
