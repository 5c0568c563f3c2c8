//! Counters and histograms for the recorder that the application has installed.

use std::sync::Arc;

use metrics::{Label, SharedString, Unit, counter, histogram};

use super::Reporter;
use crate::head::Receipt;

/// What is measured.
enum Kind {
    Counter,
    Histogram,
}

const RESPONSES: &str = "letterhead_responses_total";
const CONFLICTS: &str = "letterhead_conflicts_total";
const LATE_WRITES: &str = "letterhead_late_writes_total";
const WRITES_CUT: &str = "letterhead_writes_cut_total";
const NOTES: &str = "letterhead_notes_total";
const HELD: &str = "letterhead_held_bytes";
const SENT: &str = "letterhead_sent_bytes";

/// Every name, with a description for people.
const TABLE: [(&str, Kind, Unit, &str); 7] = [
    (RESPONSES, Kind::Counter, Unit::Count, "responses that are over"),
    (CONFLICTS, Kind::Counter, Unit::Count, "conflicts between writers of a response head"),
    (LATE_WRITES, Kind::Counter, Unit::Count, "writes that came after the commit"),
    (WRITES_CUT, Kind::Counter, Unit::Count, "writes that a receipt had no room for"),
    (NOTES, Kind::Counter, Unit::Count, "notes to the authors of responses"),
    (HELD, Kind::Histogram, Unit::Bytes, "content held until the commit, for each response"),
    (SENT, Kind::Histogram, Unit::Bytes, "content handed to the server, for each response"),
];

/// Counts responses, conflicts, late writes and notes through the `metrics` facade.
///
/// | name | kind, unit | labels |
/// |---|---|---|
/// | `letterhead_responses_total` | counter | `outcome`, `cause` of the commit (`none` if there was none) |
/// | `letterhead_conflicts_total` | counter | `rule`, `action`, `settled` |
/// | `letterhead_late_writes_total` | counter | `fate` |
/// | `letterhead_writes_cut_total` | counter | |
/// | `letterhead_notes_total` | counter | `kind` |
/// | `letterhead_held_bytes` | histogram, bytes | |
/// | `letterhead_sent_bytes` | histogram, bytes | |
///
/// The values of the labels are what the `as_str` of [`Outcome`](crate::Outcome),
/// [`CommitCause`](crate::CommitCause), [`Rule`](crate::Rule), [`Action`](crate::Action),
/// [`Resolution`](crate::Resolution), [`Fate`](crate::Fate) and [`Note`](crate::Note) say: a client
/// cannot make new ones. With [`with_route`](Self::with_route) each also has `route`.
///
/// A layer that [samples](crate::LetterheadLayer::sample) counts what it watches, and no more.
///
/// # Examples
///
/// ```
/// use letterhead::report::Metrics;
/// use letterhead::{LetterheadLayer, Rules};
///
/// // After the recorder was installed:
/// Metrics::describe();
/// let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(Metrics::new());
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics {
    with_route: bool,
}

impl Metrics {
    /// Counts over all routes.
    #[must_use]
    pub const fn new() -> Self {
        Self { with_route: false }
    }

    /// Adds the label `route`: as axum writes it (`/users/{id}`), or `none` where it is not known.
    ///
    /// There are as many values as the application has routes; the path of a request is never one.
    #[must_use]
    pub const fn with_route(mut self, on: bool) -> Self {
        self.with_route = on;
        self
    }

    /// Tells the recorder the unit and a description of each name. Call it once, after the
    /// recorder was installed.
    pub fn describe() {
        for (name, kind, unit, text) in TABLE {
            match kind {
                Kind::Counter => metrics::describe_counter!(name, unit, text),
                Kind::Histogram => metrics::describe_histogram!(name, unit, text),
            }
        }
    }

    fn route(self, receipt: &Receipt) -> Option<SharedString> {
        let route = || match receipt.route() {
            Some(route) => SharedString::from_shared(Arc::from(route)),
            None => SharedString::const_str("none"),
        };
        self.with_route.then(route)
    }
}

impl Reporter for Metrics {
    #[expect(clippy::cast_precision_loss, reason = "histograms take floats; bytes may be rounded")]
    fn report(&self, receipt: &Receipt) {
        let route = self.route(receipt);
        let labels = |pairs: &[(&'static str, &'static str)]| -> Vec<Label> {
            let fixed = pairs.iter().map(|(name, value)| Label::from_static_parts(name, value));
            fixed.chain(route.clone().map(|route| Label::new("route", route))).collect()
        };
        let outcome = receipt.outcome().as_str();
        let cause = receipt.cause().map_or("none", crate::head::CommitCause::as_str);
        counter!(RESPONSES, labels(&[("outcome", outcome), ("cause", cause)])).increment(1);
        for conflict in receipt.conflicts() {
            let labels = labels(&[
                ("rule", conflict.rule().as_str()),
                ("action", conflict.action().as_str()),
                ("settled", conflict.settled().as_str()),
            ]);
            counter!(CONFLICTS, labels).increment(1);
        }
        for late in receipt.late_writes() {
            counter!(LATE_WRITES, labels(&[("fate", late.fate().as_str())])).increment(1);
        }
        if receipt.writes_cut() > 0 {
            counter!(WRITES_CUT, labels(&[])).increment(receipt.writes_cut());
        }
        for note in receipt.notes() {
            counter!(NOTES, labels(&[("kind", note.as_str())])).increment(1);
        }
        histogram!(HELD, labels(&[])).record(receipt.held_bytes() as f64);
        histogram!(SENT, labels(&[])).record(receipt.sent_bytes() as f64);
    }
}
