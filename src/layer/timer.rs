//! One tokio timer, made only when it is needed, and never a panic where there is none.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::caught::{caught, discard};

/// A timer that runs, or the knowledge that there can be none.
#[derive(Debug)]
pub(crate) enum Timer {
    Running(Pin<Box<Sleep>>),
    /// No tokio runtime here, or one without a timer.
    Missing,
}

impl Timer {
    /// Starts a timer, if there is a runtime with one.
    ///
    /// tokio has no question for "are timers enabled", only a panic; so the panic is caught.
    /// With `panic = "abort"` such a runtime has to enable its timers.
    pub(crate) fn start(time: Duration) -> Self {
        if tokio::runtime::Handle::try_current().is_err() {
            return Self::Missing;
        }
        match caught(|| Box::pin(sleep(time))) {
            Ok(sleep) => Self::Running(sleep),
            Err(payload) => {
                discard(payload);
                Self::Missing
            }
        }
    }

    /// Ready when the time has passed; at once if there is no timer.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Running(sleep) => sleep.as_mut().poll(cx),
            Self::Missing => Poll::Ready(()),
        }
    }
}
