//! Tokio timers, made only when they are needed, and never a panic where there are none.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Sleep, sleep};

use crate::caught::{caught, discard};

/// Makes timers, and remembers the runtime that has none.
#[derive(Debug)]
pub(crate) struct Timers {
    without: Mutex<Option<Id>>,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { without: Mutex::new(None) }
    }

    /// A sleep, if there is a runtime with a timer.
    ///
    /// tokio has no question for "are timers enabled", only a panic. So the panic is caught, and
    /// the runtime is not asked again. With `panic = "abort"` such a runtime has to enable its
    /// timers.
    pub(crate) fn start(&self, time: Duration) -> Option<Sleep> {
        let runtime = Handle::try_current().ok()?.id();
        if *self.without.lock().unwrap_or_else(PoisonError::into_inner) == Some(runtime) {
            return None;
        }
        let sleep = caught(|| sleep(time)).map_err(discard).ok();
        if sleep.is_none() {
            *self.without.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime);
        }
        sleep
    }
}

/// Ready when the time has passed; at once where the runtime is shut down.
pub(crate) fn poll(sleep: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    caught(|| sleep.poll(cx)).map_err(discard).unwrap_or(Poll::Ready(()))
}
