//! The stage machine of a response head.
//!
//! ```text
//!              Answered                Due(cause)                Written
//!  Open ──────────────────► Held ──────────────────► Committing ────────► Committed
//!   │ │                      │  │                      ▲  ▲  │ ▲             │
//!   │ └── Due(cause), or ────┼──┼──────────────────────┘  │  └─┘ Failed      │ Ended
//!   │     Answered after     │  └── Failed: replaced ─────┘      (a hook)    │
//!   │     Flush              │      head                                    ▼
//!   └── Failed ──────────────┼──► Committing                              Ended
//!   └── Ended ───────────────┴── Ended ── from any stage: dropped ─────────►
//! ```
//!
//! `Flush` may come from any task: it only leaves a mark, which the response future acts upon.

use std::fmt;

use crate::ledger::Stage;

/// Why a head was committed when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitCause {
    /// The first non-empty frame of the body was there.
    FirstFrame,
    /// As many bytes were held as the hold allows.
    Bytes,
    /// The body had nothing to say until the hold's deadline.
    Deadline,
    /// Somebody asked for it with [`Head::flush`](crate::Head::flush).
    Flush,
    /// The body ended within the hold.
    EndOfBody,
    /// This response is of a kind that is never held, or holding is switched off.
    NotHeld,
    /// The service, its body or a hook failed, and an error answer took the head's place.
    Failure,
}

impl CommitCause {
    /// The cause in a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFrame => "first frame",
            Self::Bytes => "bytes",
            Self::Deadline => "deadline",
            Self::Flush => "flush",
            Self::EndOfBody => "end of body",
            Self::NotHeld => "not held",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for CommitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open {
        flushed: bool,
    },
    Held {
        flushed: bool,
    },
    Committing(CommitCause),
    Committed(CommitCause),
    /// With the cause of its commit, if it came to one.
    Ended(Option<CommitCause>),
}

/// What may happen to a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The inner service gave a response.
    Answered,
    /// Somebody wants the head out now.
    Flush,
    /// The hold is over, or there is to be none.
    Due(CommitCause),
    /// The service, its body or a hook failed: the head is replaced.
    Failed,
    /// Hooks and rules have run, and the head is the server's.
    Written,
    /// The body is over, or the exchange was dropped.
    Ended,
}

/// What has to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing now.
    Wait,
    /// Poll the body and keep the head back.
    Hold,
    /// Wake the response future, which will commit.
    Wake,
    /// Run hooks and rules, then write.
    Commit(CommitCause),
    /// Put an error answer in the head's place, then go on committing.
    Replace,
    /// Give the head to the server.
    Send,
    /// Deliver the receipt.
    Finish,
    /// It came at a stage where it has no meaning; nothing changes.
    Ignore,
}

impl Life {
    /// Takes one step. Every pair of state and input is written out.
    pub(crate) const fn step(self, input: Input) -> (Self, Verdict) {
        use CommitCause::{Failure, Flush};
        match (self, input) {
            (Self::Open { flushed: false }, Input::Answered) => {
                (Self::Held { flushed: false }, Verdict::Hold)
            }
            (Self::Open { flushed: true }, Input::Answered) => {
                (Self::Committing(Flush), Verdict::Commit(Flush))
            }
            (Self::Open { flushed: _ }, Input::Flush) => {
                (Self::Open { flushed: true }, Verdict::Wait)
            }
            (Self::Open { flushed: _ } | Self::Held { flushed: _ }, Input::Due(cause)) => {
                (Self::Committing(cause), Verdict::Commit(cause))
            }
            (Self::Open { flushed: _ } | Self::Held { flushed: _ }, Input::Failed) => {
                (Self::Committing(Failure), Verdict::Replace)
            }
            (Self::Held { flushed: false }, Input::Flush) => {
                (Self::Held { flushed: true }, Verdict::Wake)
            }
            (
                Self::Held { flushed: true } | Self::Committing(_) | Self::Committed(_),
                Input::Flush,
            ) => (self, Verdict::Wait),
            (Self::Committing(_), Input::Failed) => (Self::Committing(Failure), Verdict::Replace),
            (Self::Committing(cause), Input::Written) => (Self::Committed(cause), Verdict::Send),
            (Self::Open { flushed: _ } | Self::Held { flushed: _ }, Input::Ended) => {
                (Self::Ended(None), Verdict::Finish)
            }
            (Self::Committing(_), Input::Ended) => (Self::Ended(None), Verdict::Finish),
            (Self::Committed(cause), Input::Ended) => (Self::Ended(Some(cause)), Verdict::Finish),
            (Self::Open { flushed: _ } | Self::Held { flushed: _ }, Input::Written)
            | (Self::Held { flushed: _ }, Input::Answered)
            | (Self::Committing(_), Input::Answered | Input::Due(_))
            | (
                Self::Committed(_),
                Input::Answered | Input::Due(_) | Input::Failed | Input::Written,
            )
            | (
                Self::Ended(_),
                Input::Answered
                | Input::Flush
                | Input::Due(_)
                | Input::Failed
                | Input::Written
                | Input::Ended,
            ) => (self, Verdict::Ignore),
        }
    }

    pub(crate) const fn stage(self) -> Stage {
        match self {
            Self::Open { .. } => Stage::Open,
            Self::Held { .. } => Stage::Held,
            Self::Committing(_) => Stage::Committing,
            Self::Committed(_) => Stage::Committed,
            Self::Ended(_) => Stage::Ended,
        }
    }

    /// Whether a flush is waiting to be acted upon.
    pub(crate) const fn flushed(self) -> bool {
        match self {
            Self::Open { flushed } | Self::Held { flushed } => flushed,
            Self::Committing(_) | Self::Committed(_) | Self::Ended(_) => false,
        }
    }

    /// Why the head was, or is being, committed.
    pub(crate) const fn cause(self) -> Option<CommitCause> {
        match self {
            Self::Open { .. } | Self::Held { .. } => None,
            Self::Committing(cause) | Self::Committed(cause) => Some(cause),
            Self::Ended(cause) => cause,
        }
    }
}

#[cfg(test)]
mod tests;
