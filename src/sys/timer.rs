//! Tokio timers, made only when they are needed, and never a panic where there are none.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Sleep, sleep};

use crate::caught::{caught, discard};

/// So many runtimes without timers are remembered; of more the oldest is asked again.
const MOST_RUNTIMES: usize = 64;

/// Makes timers, and remembers the runtimes that have none.
#[derive(Debug)]
pub(crate) struct Timers {
    without: Mutex<Vec<Id>>,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { without: Mutex::new(Vec::new()) }
    }

    /// A sleep, if there is a runtime with a timer.
    ///
    /// tokio has no question for "are timers enabled", only a panic. So the panic is caught, and
    /// the runtime is not asked again. With `panic = "abort"` such a runtime has to enable its
    /// timers.
    pub(crate) fn start(&self, time: Duration) -> Option<Sleep> {
        let runtime = Handle::try_current().ok()?.id();
        if self.without().contains(&runtime) {
            return None;
        }
        let sleep = caught(|| sleep(time)).map_err(discard).ok();
        if sleep.is_none() {
            let mut without = self.without();
            if without.len() >= MOST_RUNTIMES {
                without.remove(0);
            }
            without.push(runtime);
        }
        sleep
    }

    fn without(&self) -> MutexGuard<'_, Vec<Id>> {
        self.without.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when the time has passed; at once where the runtime is shut down.
pub(crate) fn poll(sleep: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    caught(|| sleep.poll(cx)).map_err(discard).unwrap_or(Poll::Ready(()))
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    #[test]
    fn each_runtime_without_timers_is_asked_once() {
        let runtime = || Builder::new_current_thread().build().expect("a runtime");
        let (runtimes, timers) = ([runtime(), runtime(), runtime()], Timers::new());
        let start = |runtime: &Runtime| {
            let _inside = runtime.enter();
            timers.start(Duration::ZERO).is_some()
        };
        for _ in 0..3 {
            assert!(!runtimes.iter().any(start));
            assert_eq!(timers.without().len(), 3);
        }
        let with = Builder::new_current_thread().enable_time().build().expect("a runtime");
        assert!(start(&with));
        for _ in 0..2 * MOST_RUNTIMES {
            assert!(!start(&runtime()));
        }
        assert_eq!(timers.without().len(), MOST_RUNTIMES);
    }
}
