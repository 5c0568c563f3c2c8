//! Responses as `tracing` events.

use std::fmt;
use std::time::Duration;

use tracing::{Level, event, field};

use super::Reporter;
use super::ending::{Ending, Severity};
use crate::error::WithCauses;
use crate::head::deny::Denial;
use crate::head::{CommitCause, Receipt};
use crate::rules::{Conflict, Resolution};

/// Tells `tracing` of each response, in one event with the target `letterhead`. The level is by how it went:
///
/// | level | what happened |
/// |---|---|
/// | `ERROR` | a panic, whether it was answered or not; a body that the server broke off |
/// | `WARN` | a failure before the commit that became a status; a denied head; a rejected head; a conflict; no timer, or a second layer |
/// | `INFO` | conflicts that the rules have put right |
/// | `DEBUG` | everything else, a client that left among it |
///
/// The message says which of these it was; the fields are
///
/// | field | what |
/// |---|---|
/// | `method`, `path`, `route`, `version` | of the request |
/// | `peer`, `request_id`, `trace_id` | who asked, and in which trace ([`Receipt::peer`], [`Receipt::request_id`], [`Receipt::trace`]) |
/// | `status`, `cause` | of the head that was committed, and why it was when it was |
/// | `outcome` | [how it ended](crate::Outcome::as_str) |
/// | `duration`, `hold_time` | in seconds ([`Receipt::times`]) |
/// | `held`, `sent` | bytes of content |
/// | `failure` | what failed before the commit |
/// | `abort` | why it was broken off |
/// | `denied`, `conflicts`, `notes` | all of them, in words |
/// | `policy`, `hooks`, `writes` | the version of the header policy; how many hooks and writes there were |
///
/// What is not known is left out. Secret values never appear.
///
/// The event stands in the request's span: the one that was current when the request reached the layer, whatever
/// task or thread the response ends on, a [`Background`](super::Background)'s among them. So put the layer that
/// makes spans outside; [the guide](crate::guide::reports) has more.
///
/// # Examples
///
/// ```
/// use letterhead::report::Tracing;
/// use letterhead::{LetterheadLayer, Rules};
///
/// // In the filter: `letterhead=warn`, or `letterhead=debug` to see each response.
/// let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(Tracing::new());
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing {
    each_conflict: bool,
}

impl Tracing {
    /// One event for each response.
    #[must_use]
    pub const fn new() -> Self {
        Self { each_conflict: false }
    }

    /// Before a response's event, one for each of its conflicts too, with its parts as fields.
    ///
    /// The level is `WARN`, or `INFO` where the rule's action has put it right. The message is the conflict
    /// printed. The fields are `rule`, `field`, `first` and `second` (the writers, as far as they are known),
    /// `action`, `settled`, `detail`, and `method`, `path`, `route`, `status` and `request_id` as above.
    #[must_use]
    pub const fn each_conflict(mut self, on: bool) -> Self {
        self.each_conflict = on;
        self
    }

    fn tell(self, receipt: &Receipt) {
        if self.each_conflict {
            for conflict in receipt.conflicts() {
                tell_conflict(receipt, conflict);
            }
        }
        sum_up(receipt);
    }
}

impl Reporter for Tracing {
    fn report(&self, receipt: &Receipt) {
        match receipt.span() {
            Some(span) => span.in_scope(|| self.tell(receipt)),
            None => self.tell(receipt),
        }
    }

    fn needs_times(&self) -> bool {
        true
    }

    fn needs_span(&self) -> bool {
        true
    }
}

fn tell_conflict(receipt: &Receipt, conflict: &Conflict) {
    // The level is part of what a subscriber is asked about once, so each has its own event.
    macro_rules! tell {
        ($level:expr) => {
            event!(
                target: "letterhead",
                $level,
                rule = conflict.rule().as_str(),
                field = conflict.field().map(http::HeaderName::as_str),
                first = conflict.first().map(field::display),
                second = conflict.second().map(field::display),
                action = conflict.action().as_str(),
                settled = conflict.settled().as_str(),
                detail = conflict.detail(),
                method = receipt.method().as_str(),
                path = receipt.path(),
                route = receipt.route(),
                status = receipt.status().map(|status| status.as_u16()),
                request_id = receipt.request_id(),
                "{conflict}"
            )
        };
    }
    match conflict.settled() {
        Resolution::Resolved => tell!(Level::INFO),
        Resolution::Reported | Resolution::Rejected | Resolution::Failed => tell!(Level::WARN),
    }
}

fn sum_up(receipt: &Receipt) {
    let ending = Ending::of(receipt);
    macro_rules! tell {
        ($level:expr) => {
            event!(
                target: "letterhead",
                $level,
                method = receipt.method().as_str(),
                path = receipt.path(),
                route = receipt.route(),
                version = ?receipt.version(),
                peer = receipt.peer().map(|peer| field::display(peer.addr)),
                request_id = receipt.request_id(),
                trace_id = receipt.trace().map(|trace| trace.trace_id()),
                status = receipt.status().map(|status| status.as_u16()),
                cause = receipt.cause().map(CommitCause::as_str),
                outcome = receipt.outcome().as_str(),
                duration = receipt.times().map(|times| times.ended().as_secs_f64()),
                hold_time = receipt.hold_time().as_ref().map(Duration::as_secs_f64),
                held = receipt.held_bytes(),
                sent = receipt.sent_bytes(),
                failure = receipt.failure().map(|error| field::display(WithCauses(error))),
                abort = receipt.outcome().error().map(|error| field::display(WithCauses(error))),
                denied = receipt.denied().map(field::display::<&Denial>),
                conflicts = All::of(receipt.conflicts()).map(field::display),
                notes = All::of(receipt.notes()).map(field::display),
                policy = receipt.policy_version(),
                hooks = receipt.hooks_run(),
                writes = receipt.writes().len(),
                "{}",
                ending.as_str()
            )
        };
    }
    match ending.severity() {
        Severity::Error => tell!(Level::ERROR),
        Severity::Warn => tell!(Level::WARN),
        Severity::Info => tell!(Level::INFO),
        Severity::Debug => tell!(Level::DEBUG),
    }
}

/// So many of a kind are named on one line.
const MOST_LISTED: usize = 16;

/// Some of a kind, on one line.
struct All<'a, T>(&'a [T]);

impl<'a, T> All<'a, T> {
    /// `None` of none.
    fn of(all: &'a [T]) -> Option<Self> {
        (!all.is_empty()).then_some(Self(all))
    }
}

impl<T: fmt::Display> fmt::Display for All<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, one) in self.0.iter().take(MOST_LISTED).enumerate() {
            write!(f, "{}{one}", if nth == 0 { "" } else { " | " })?;
        }
        match self.0.len().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => write!(f, " | {more} more"),
        }
    }
}
