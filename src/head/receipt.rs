//! What is known about a response once it is over.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use http::header::HeaderName;
use http::{Method, StatusCode, Version};

use super::CommitCause;
use super::deny::Denial;
use crate::error::{Error, WithCauses};
use crate::ledger::{Entry, Ledger, Lines, Stage};
use crate::rules::Conflict;
use crate::rules::framing::Mended;

/// How a response ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything that was due was handed to the server: the body ended, or every declared byte
    /// was handed over, or there was no content to send.
    ///
    /// What of it the client has is not known here. The last frame, whatever its size, is handed over as soon as
    /// there is room for the first byte of it, on HTTP/1 in a buffer and on HTTP/2 in the client's window. A client
    /// that then takes nothing more is an event of the server's, if it is one that looks: `serve::Event::Cut`.
    Handed,
    /// The connection became something else (101, or a successful `CONNECT`).
    Upgraded,
    /// The response was broken off, and the client can tell: the connection or stream was closed
    /// without a proper end.
    Aborted(Error),
    /// The server dropped the response before it was complete. Mostly the client left; hyper does
    /// not say, and a time-out further out or a shutdown looks the same.
    Dropped,
    /// The response was dropped while its task was unwinding from a panic.
    Unwound,
}

impl Outcome {
    /// The outcome in one lower-case word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Upgraded => "upgraded",
            Self::Aborted(_) => "aborted",
            Self::Dropped => "dropped",
            Self::Unwound => "unwound",
        }
    }

    /// Why the response was broken off, if it was.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Aborted(error) => Some(error),
            Self::Handed | Self::Upgraded | Self::Dropped | Self::Unwound => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handed => f.write_str("handed over"),
            Self::Upgraded => f.write_str("upgraded"),
            Self::Aborted(error) => write!(f, "aborted ({})", WithCauses(error)),
            Self::Dropped => f.write_str("dropped"),
            Self::Unwound => f.write_str("dropped by a panic"),
        }
    }
}

/// Something about a response that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The framing was mended.
    Mended(Mended),
    /// The body sent trailers that no client may be given; these names were left out.
    TrailersDropped(Vec<HeaderName>),
    /// [`merge_trailers`](crate::LetterheadLayer::merge_trailers) named these trailers, and their
    /// definition does not allow it (RFC 9110, section 6.5.1): they were not merged into the head.
    TrailersNotMerged(Vec<HeaderName>),
    /// A second layer was found inside; it does nothing. Said once for each outer layer.
    NestedLayer,
    /// This failed, too, while the first [failure](Receipt::failure) was being answered; or it
    /// failed inside a [`RecoverLayer`](crate::RecoverLayer), and the response that went out is
    /// another one and a success.
    AlsoFailed(String),
    /// The body had handed over every byte that its `Content-Length` declares, and did not say
    /// whether it was over until the hold's deadline. It was taken to be.
    EndUnseen,
    /// There is no tokio timer here, so nothing is held. Said once for each layer.
    NoTimer,
    /// [`Recover::recover`](crate::Recover::recover) panicked; a plain 500 was sent.
    RecoverPanicked,
    /// A [deny rule](crate::deny::Deny) refused the head, and why.
    Denied(Denial),
    /// A deny rule that [fails open](crate::deny::Deny::fails_open) could not decide, and why not.
    DenyFailed(String),
}

impl Note {
    /// The kind of note in one lower-case word, for labels; printed, a note says more.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Mended(_) => "mended",
            Self::TrailersDropped(_) => "trailers-dropped",
            Self::TrailersNotMerged(_) => "trailers-not-merged",
            Self::NestedLayer => "nested-layer",
            Self::AlsoFailed(_) => "also-failed",
            Self::EndUnseen => "end-unseen",
            Self::NoTimer => "no-timer",
            Self::RecoverPanicked => "recover-panicked",
            Self::Denied(_) => "denied",
            Self::DenyFailed(_) => "deny-failed",
        }
    }

    /// What was mended in the framing, if this is about that.
    #[must_use]
    pub const fn mended(&self) -> Option<&Mended> {
        match self {
            Self::Mended(mended) => Some(mended),
            Self::TrailersDropped(_)
            | Self::TrailersNotMerged(_)
            | Self::NestedLayer
            | Self::AlsoFailed(_)
            | Self::EndUnseen
            | Self::NoTimer
            | Self::RecoverPanicked
            | Self::Denied(_)
            | Self::DenyFailed(_) => None,
        }
    }

    /// Why the head was denied, if this is about that.
    #[must_use]
    pub const fn denied(&self) -> Option<&Denial> {
        if let Self::Denied(denial) = self { Some(denial) } else { None }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mended(mended) => mended.fmt(f),
            Self::TrailersDropped(names) => {
                f.write_str("trailers dropped:")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::TrailersNotMerged(names) => {
                f.write_str("trailers not merged, their definition does not allow it:")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::NestedLayer => f.write_str("a second letterhead layer inside does nothing"),
            Self::AlsoFailed(text) => write!(f, "also failed: {text}"),
            Self::EndUnseen => {
                f.write_str("content-length reached, end of the body not seen: taken for it")
            }
            Self::NoTimer => f.write_str("no tokio timer: responses are not held"),
            Self::RecoverPanicked => f.write_str("the recoverer panicked: sent a plain 500"),
            Self::Denied(denial) => write!(f, "denied: {denial}"),
            Self::DenyFailed(reason) => write!(f, "a deny rule could not decide: {reason}"),
        }
    }
}

/// The finished record of one response.
///
/// Exactly one is made for every request that a layer saw, if somebody asked for it with
/// [`LetterheadLayer::on_end`](crate::LetterheadLayer::on_end) or
/// [`Head::after_end`](crate::Head::after_end). Printed, it is one line.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) tally: Tally,
    pub(crate) last_stage: Stage,
    pub(crate) cause: Option<CommitCause>,
    pub(crate) ledger: Ledger,
    pub(crate) fields: Lines,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) conflicts_cut: u64,
    pub(crate) path: Option<Arc<str>>,
    pub(crate) route: Option<Box<str>>,
    pub(crate) outcome: Outcome,
}

/// What the layer counts while a response goes by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) status: Option<StatusCode>,
    pub(crate) held: u64,
    pub(crate) sent: u64,
    /// The version of the header policy that was applied.
    pub(crate) policy: Option<NonZeroU64>,
    pub(crate) hooks_run: u32,
    pub(crate) failure: Option<Error>,
    pub(crate) notes: Vec<Note>,
}

impl Receipt {
    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The request's protocol version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The status that was committed; `None` if it never came to that.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.tally.status
    }

    /// Why the head was committed when it was; `None` if it never was.
    #[must_use]
    pub const fn cause(&self) -> Option<CommitCause> {
        self.cause
    }

    /// The last stage before the end: where the response was when it ended or was dropped.
    #[must_use]
    pub const fn last_stage(&self) -> Stage {
        self.last_stage
    }

    /// Bytes of content that were held until the commit.
    #[must_use]
    pub const fn held_bytes(&self) -> u64 {
        self.tally.held
    }

    /// Bytes of content that were handed to the server. It may not have sent them all.
    #[must_use]
    pub const fn sent_bytes(&self) -> u64 {
        self.tally.sent
    }

    /// How many before-commit hooks ran.
    #[must_use]
    pub const fn hooks_run(&self) -> u32 {
        self.tally.hooks_run
    }

    /// What failed before the commit, if an error answer was sent for it; one that a
    /// [`RecoverLayer`](crate::RecoverLayer) gave is among them. To a gRPC client that answer has the
    /// [status](Self::status) 200.
    #[must_use]
    pub const fn failure(&self) -> Option<&Error> {
        self.tally.failure.as_ref()
    }

    /// Every write that was made through a [`Head`](crate::Head) or a [`Draft`](crate::Draft),
    /// with its author and its fate, in the order in which they took effect; where somebody
    /// watches, also what [`named`](crate::named()) layers wrote.
    #[must_use]
    pub fn writes(&self) -> &[Entry] {
        self.ledger.entries()
    }

    /// The writes that came when the head was already committed.
    pub fn late_writes(&self) -> impl Iterator<Item = &Entry> {
        self.writes().iter().filter(|entry| entry.is_late())
    }

    /// The conflicts that the [rules](crate::Rules) found, in the order in which they came about.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// How many conflicts there was no room for in [`conflicts`](Self::conflicts). They were acted
    /// upon all the same.
    #[must_use]
    pub const fn conflicts_cut(&self) -> u64 {
        self.conflicts_cut
    }

    /// The version of the header policy that was applied to the head, from 1
    /// ([`PolicyHandle::version`](crate::PolicyHandle::version)); `None` without a policy, and where no head
    /// was committed.
    #[must_use]
    pub fn policy_version(&self) -> Option<u64> {
        self.tally.policy.map(NonZeroU64::get)
    }

    /// Why the head was [denied](crate::LetterheadLayer::deny), if it was. The response that went out is the answer
    /// that took its place.
    #[must_use]
    pub fn denied(&self) -> Option<&Denial> {
        self.notes().iter().find_map(Note::denied)
    }

    /// The path of the request's target, without its query; `None` if nobody watched.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The route that the request took, as axum writes it (`/users/{id}`), where a layer of this
    /// crate stood inside the router.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// The head that went out, each field with who set, changed and dropped it; only the writes
    /// if nobody watched.
    #[must_use]
    pub fn explain(&self) -> String {
        super::explain(self.tally.status, &self.fields, &self.ledger)
    }

    /// How many writes there was no room for in [`writes`](Self::writes).
    #[must_use]
    pub const fn writes_cut(&self) -> u64 {
        self.ledger.cut()
    }

    /// What the response's author should know.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.tally.notes
    }

    /// How the response ended.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.method, self.version)?;
        match (self.tally.status, self.cause) {
            (Some(status), Some(cause)) => {
                write!(f, " -> {}, committed by {cause}", status.as_u16())?;
            }
            (_, _) => write!(f, " -> no response")?,
        }
        let Tally { held, sent, hooks_run, .. } = self.tally;
        write!(f, ", held {held} B, sent {sent} B, hooks {hooks_run}, {}", self.outcome)?;
        if !matches!(self.outcome, Outcome::Handed | Outcome::Upgraded) {
            write!(f, " while {}", self.last_stage)?;
        }
        if let Some(failure) = self.failure() {
            write!(f, "; failure: {}", WithCauses(failure))?;
        }
        for entry in self.writes() {
            write!(f, "; {entry}")?;
        }
        if self.writes_cut() > 0 {
            write!(f, "; {} more writes", self.writes_cut())?;
        }
        for conflict in self.conflicts() {
            write!(f, "; conflict: {conflict}")?;
        }
        if self.conflicts_cut > 0 {
            write!(f, "; {} more conflicts", self.conflicts_cut)?;
        }
        self.notes().iter().try_for_each(|note| write!(f, "; note: {note}"))
    }
}
