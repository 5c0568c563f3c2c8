//! How a response went, in one word: what decides on the level of its event.

use crate::error::Error;
use crate::head::{Note, Outcome, Receipt};
use crate::rules::Resolution;

/// How a response went, the worst first: of several that are true the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Something panicked, whether that was answered or not.
    Panicked,
    /// The server broke it off.
    BrokenOff,
    /// A deny rule refused the head.
    Denied,
    /// A rule rejected the head.
    Rejected,
    /// Something failed before the commit, and an error answer was sent.
    Failed,
    /// Writers of the head were at odds.
    AtOdds,
    /// The layer cannot do all that it is there for, or a deny rule could not decide.
    Impaired,
    /// Writers were at odds, and the rules put it right.
    Mended,
    /// The server dropped it before it was complete: mostly the client left.
    Dropped,
    Over,
}

/// The level of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    Warn,
    Info,
    Debug,
}

impl Ending {
    pub(super) fn of(receipt: &Receipt) -> Self {
        let (failure, abort) = (receipt.failure(), receipt.outcome().error());
        let is = |test: fn(&Error) -> bool| failure.is_some_and(test);
        let unwound = matches!(receipt.outcome(), Outcome::Unwound);
        let notes = || receipt.notes().iter();
        let recoverer = notes().any(|note| matches!(note, Note::RecoverPanicked));
        if unwound || recoverer || is(Error::is_panic) || abort.is_some_and(Error::is_panic) {
            Self::Panicked
        } else if abort.is_some() {
            Self::BrokenOff
        } else if receipt.denied().is_some() {
            Self::Denied
        } else if is(Error::is_rejected) {
            Self::Rejected
        } else if failure.is_some() {
            Self::Failed
        } else if receipt.conflicts().iter().any(|one| one.settled() != Resolution::Resolved) {
            Self::AtOdds
        } else if notes().any(impairs) {
            Self::Impaired
        } else if !receipt.conflicts().is_empty() {
            Self::Mended
        } else if matches!(receipt.outcome(), Outcome::Dropped) {
            Self::Dropped
        } else {
            Self::Over
        }
    }

    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Panicked | Self::BrokenOff => Severity::Error,
            Self::Denied | Self::Rejected | Self::Failed | Self::AtOdds | Self::Impaired => {
                Severity::Warn
            }
            Self::Mended => Severity::Info,
            Self::Dropped | Self::Over => Severity::Debug,
        }
    }

    /// The message of the event.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::BrokenOff => "response broken off",
            Self::Denied => "head denied",
            Self::Rejected => "head rejected",
            Self::Failed => "failed before the commit: answered with an error",
            Self::AtOdds => "conflicts in the head",
            Self::Impaired => "response over, with a note",
            Self::Mended => "conflicts in the head, put right",
            Self::Dropped => "response dropped: mostly the client left",
            Self::Over => "response over",
        }
    }
}

/// Whether a note says that the application is not built as it is meant to be.
const fn impairs(note: &Note) -> bool {
    match note {
        Note::NestedLayer
        | Note::Misordered(_)
        | Note::NoTimer
        | Note::RecoverPanicked
        | Note::DenyFailed(_)
        | Note::Unsigned(_) => true,
        Note::Mended(_)
        | Note::TrailersDropped(_)
        | Note::TrailersNotMerged(_)
        | Note::AlsoFailed(_)
        | Note::EndUnseen
        | Note::Denied(_) => false,
    }
}
