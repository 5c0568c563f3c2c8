//! The end of an exchange: what is said once, and who is given the receipt.

use http::StatusCode;

use super::settings::{Settings, Watch};
use super::strict::Indictment;
use crate::caught::contained;
use crate::head::{Callback, CommitCause, Note, Receipt, Record};
use crate::ledger::Stage;
use crate::rules::Conflict;

/// What the head was at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) stage: Stage,
    pub(super) cause: Option<CommitCause>,
    pub(super) status: Option<StatusCode>,
    /// Bytes that were held.
    pub(super) held: u64,
    /// A layer inside saw that it is one.
    pub(super) nested: bool,
}

/// Notes which layers stand in the wrong place, where that was not said before.
pub(super) fn note_places(settings: &Settings, nested: bool, record: &mut Record) {
    if nested && settings.said.nested.first() {
        record.notes.push(Note::NestedLayer);
    }
    for misorder in std::mem::take(&mut record.misorders) {
        let text = misorder.to_string();
        if settings.said.misordered.first(&text) {
            record.notes.push(Note::Misordered(text));
        }
    }
}

/// Gives the receipt to the callbacks of the exchange, the layer's own and the reporters, in this order.
///
/// # Panics
///
/// With strict rules, if one was broken that is found at the end alone, so that a test ends here.
pub(super) fn deliver(
    settings: &Settings,
    callbacks: Vec<Callback>,
    watch: Option<&Watch>,
    receipt: &Receipt,
) {
    for callback in callbacks {
        contained(|| callback(receipt));
    }
    if let Some(on_end) = &settings.on_end {
        contained(|| on_end(receipt));
    }
    let Some(watch) = watch else { return };
    for reporter in &watch.reporters {
        contained(|| reporter.report(receipt));
    }
    // A test may end here, with what was not known at the commit; but not while it ends.
    let late = |conflict: &Conflict| conflict.rule().is_found_late();
    let ends = watch.rules.is_strict() && receipt.conflicts().iter().any(late);
    assert!(!ends || std::thread::panicking(), "{}", Indictment::of(receipt));
}
