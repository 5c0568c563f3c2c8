//! What is known about a response once it is over.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Version};

use super::deny::Denial;
use super::request_facts::id_of;
use super::{CommitCause, Note, Outcome, Peer, RequestFacts, Span, Times};
use crate::error::{Error, WithCauses};
use crate::field::trace_parent::TraceParent;
use crate::ledger::{Entry, Ledger, Lines, Stage};
use crate::rules::Conflict;

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
    /// What few receipts have: nothing of it is kept unless somebody looks.
    pub(crate) request: Option<Box<RequestFacts>>,
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
    /// The version of the signed list that the response was made by.
    pub(crate) list: Option<NonZeroU64>,
    pub(crate) hooks_run: u32,
    pub(crate) failure: Option<Error>,
    pub(crate) notes: Vec<Note>,
    /// The exchange's number; 0 if nobody watched.
    pub(crate) number: u64,
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

    /// The number of the request among those that were watched in this process, from 1 in the order in which they came; `None`
    /// if nobody watched.
    #[must_use]
    pub const fn number(&self) -> Option<u64> {
        match self.tally.number {
            0 => None,
            number => Some(number),
        }
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

    /// Every write that was made through a [`Head`](crate::Head) or a [`HeadDraft`](crate::HeadDraft),
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

    /// The version of the signed list of files that was in force when a file sender
    /// ([`FileSender::manifest`](crate::FileSender::manifest)) made this response, whatever its status: the file that was sent
    /// is the one of that version.
    ///
    /// `None` if no such sender made it, if a layer between left out the response's extensions, and where no head was committed. Of a
    /// response that failed before its commit it is that of the response that was replaced.
    #[must_use]
    pub fn list_version(&self) -> Option<u64> {
        self.tally.list.map(NonZeroU64::get)
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

    /// The other end of the connection, where the request's extensions had it; `None` without a reporter.
    ///
    /// `serve` puts it there if `Serve::peer` was asked for; around another server the application does, with
    /// [`Peer::new`].
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.request.as_ref()?.peer.as_ref()
    }

    /// Whether the request came through TLS, as far as [`Peer`] or its target says; `false` without a reporter.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.secure)
    }

    /// The `x-request-id` of the response, or else of the request; `None` without a reporter.
    ///
    /// It is visible ASCII of at most 256 bytes: what a client sends otherwise, and a field that the rules keep
    /// [secret](crate::Rules::secret), is not taken.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let sent = self.fields.0.iter().map(|(name, value)| (name, value));
        id_of(sent, |name| self.ledger.secrecy(name))
            .or_else(|| self.request.as_ref()?.request_id.as_deref())
    }

    /// The trace that the request is part of, if it has one valid `traceparent`; `None` without a reporter.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceParent> {
        self.request.as_ref()?.trace.as_ref()
    }

    /// When the response came how far; `None` unless a reporter
    /// [needs it](crate::report::Reporter::needs_times), or
    /// [`LetterheadLayer::times`](crate::LetterheadLayer::times) asks for it.
    #[must_use]
    pub fn times(&self) -> Option<&Times> {
        self.request.as_ref()?.times.as_ref()
    }

    /// The span that was current when the request reached the layer, where a reporter needs it.
    #[allow(dead_code, reason = "events alone stand in spans, and are an option")]
    pub(crate) fn span(&self) -> Option<&Span> {
        self.request.as_ref()?.span.as_ref()
    }

    /// How long the head was held, from the service's answer to the commit; `None` where there are no
    /// [times](Self::times), or nothing was committed.
    #[must_use]
    pub fn hold_time(&self) -> Option<Duration> {
        self.times()?.hold()
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
