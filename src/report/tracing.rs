//! Conflicts as `tracing` events.

use tracing::{Level, event, field};

use super::Reporter;
use crate::error::WithCauses;
use crate::head::Receipt;
use crate::head::deny::Denial;
use crate::rules::{Conflict, Settled};

/// Tells `tracing` of each conflict and each denied head, in one event with the target `letterhead`.
///
/// The level is `WARN`, or `INFO` where the rule's action mended it. The message is the conflict
/// printed; the fields are
///
/// | field | what |
/// |---|---|
/// | `rule`, `action`, `settled` | their names in lower case |
/// | `field` | the header field, where it is about one |
/// | `first`, `second` | the writers, as far as they are known |
/// | `detail` | more about it, in words |
/// | `method`, `path`, `route`, `status` | of the request and its response |
///
/// A head that a [deny rule](crate::deny::Deny) refused is told in an event with the level `WARN`: `denied` has the
/// messages, and it has the fields of the last row.
///
/// What is not known is left out. Secret values never appear. The event stands in whatever span is
/// current where the response ends; in a [`Background`](super::Background) that is none.
///
/// # Examples
///
/// ```
/// use letterhead::report::Tracing;
/// use letterhead::{LetterheadLayer, Rules};
///
/// // In the filter: `letterhead=warn`, or `letterhead=debug` to see each response.
/// let layer = LetterheadLayer::new()
///     .rules(Rules::standard())
///     .reporter(Tracing::new().responses(true));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing {
    responses: bool,
}

impl Tracing {
    /// Tells of conflicts only.
    #[must_use]
    pub const fn new() -> Self {
        Self { responses: false }
    }

    /// Tells of each response too, in one `DEBUG` event.
    ///
    /// Its fields are `method`, `path`, `route`, `version`, `status`, `cause`, `outcome`, `held`,
    /// `sent`, `hooks`, the numbers of `writes`, `conflicts` and `notes`, and `failure` with the
    /// text of what failed.
    #[must_use]
    pub const fn responses(mut self, on: bool) -> Self {
        self.responses = on;
        self
    }
}

impl Reporter for Tracing {
    fn report(&self, receipt: &Receipt) {
        for conflict in receipt.conflicts() {
            tell(receipt, conflict);
        }
        if let Some(denial) = receipt.denied() {
            tell_denied(receipt, denial);
        }
        if self.responses {
            sum_up(receipt);
        }
    }
}

fn tell(receipt: &Receipt, conflict: &Conflict) {
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
                "{conflict}"
            )
        };
    }
    match conflict.settled() {
        Settled::Resolved => tell!(Level::INFO),
        Settled::Reported | Settled::Rejected => tell!(Level::WARN),
    }
}

fn tell_denied(receipt: &Receipt, denial: &Denial) {
    event!(
        target: "letterhead",
        Level::WARN,
        denied = field::display(denial),
        method = receipt.method().as_str(),
        path = receipt.path(),
        route = receipt.route(),
        status = receipt.status().map(|status| status.as_u16()),
        "denied: {denial}"
    );
}

fn sum_up(receipt: &Receipt) {
    event!(
        target: "letterhead",
        Level::DEBUG,
        method = receipt.method().as_str(),
        path = receipt.path(),
        route = receipt.route(),
        version = ?receipt.version(),
        status = receipt.status().map(|status| status.as_u16()),
        cause = receipt.cause().map(crate::head::CommitCause::as_str),
        outcome = receipt.outcome().as_str(),
        held = receipt.held_bytes(),
        sent = receipt.sent_bytes(),
        hooks = receipt.hooks_run(),
        writes = receipt.writes().len(),
        conflicts = receipt.conflicts().len(),
        notes = receipt.notes().len(),
        failure = receipt.failure().or(receipt.outcome().error()).map(|error| field::display(WithCauses(error))),
        "response over: {}",
        receipt.outcome()
    );
}
