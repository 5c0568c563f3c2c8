//! How a listed tree is, as metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, gauge};

use super::settings::Trust;
use crate::caught::contained;

const VERSION: &str = "letterhead.trust.version";
const EXPIRY: &str = "letterhead.trust.expiry";
const BREAKERS: &str = "letterhead.trust.breakers";
const STOPPED: &str = "letterhead.trust.stopped";
const MISMATCHES: &str = "letterhead.trust.mismatches";
const UNLISTED: &str = "letterhead.trust.unlisted";
const LISTS: &str = "letterhead.trust.lists";

/// Whose tree it is.
const TREE: &str = "letterhead.trust.tree";
/// What became of a list.
const OUTCOME: &str = "letterhead.trust.outcome";

/// The gauges of a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeGauges {
    pub(crate) version: u64,
    pub(crate) expires: SystemTime,
    /// Files that are not served because they are not as listed.
    pub(crate) open: usize,
    /// Nothing is served because of them.
    pub(crate) is_stopped: bool,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    Taken,
    Refused,
    Mismatch,
    Unlisted,
}

impl Trust {
    /// Gives the recorder of the `metrics` facade the state of the tree whenever it changes. Off by default.
    ///
    /// | name | kind | what |
    /// |---|---|---|
    /// | `letterhead.trust.version` | gauge | version of the list that is in force |
    /// | `letterhead.trust.expiry` | gauge, seconds since 1970 | when its time is over |
    /// | `letterhead.trust.breakers` | gauge | files that are not served because they are not as listed |
    /// | `letterhead.trust.stopped` | gauge | 1 while nothing is served because of [too many of them](Self::stop_tree_after) |
    /// | `letterhead.trust.mismatches` | counter | times that a version of a file was found not to be as listed |
    /// | `letterhead.trust.unlisted` | counter | requests for files that are there and not listed |
    /// | `letterhead.trust.lists` | counter | lists, by `letterhead.trust.outcome`: `taken` or `refused` |
    ///
    /// Each has the attribute `letterhead.trust.tree`: the name of the tree that the list has, and never a path. Call it after the
    /// recorder was installed, which is told unit and description of each name then. A response whose file is as listed costs nothing.
    #[must_use]
    pub fn metrics(mut self, on: bool) -> Self {
        self.listeners.measured = on;
        if on {
            describe();
        }
        self
    }
}

fn describe() {
    metrics::describe_gauge!(VERSION, Unit::Count, "Version of the list in force.");
    metrics::describe_gauge!(EXPIRY, Unit::Seconds, "When the time of the list is over.");
    metrics::describe_gauge!(BREAKERS, Unit::Count, "Files that are not as listed.");
    metrics::describe_gauge!(STOPPED, Unit::Count, "Whether nothing of the tree is served.");
    metrics::describe_counter!(MISMATCHES, Unit::Count, "Files found not to be as listed.");
    metrics::describe_counter!(UNLISTED, Unit::Count, "Requests for files that are not listed.");
    metrics::describe_counter!(LISTS, Unit::Count, "Lists that were read.");
}

/// A panic of the recorder is its own.
#[expect(clippy::cast_precision_loss, reason = "gauges take floats; numbers may be rounded")]
pub(crate) fn set_gauges(tree: &str, gauges: TreeGauges) {
    let TreeGauges { version, expires, open, is_stopped } = gauges;
    let tree = || tree.to_owned();
    let seconds = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    contained(|| {
        gauge!(VERSION, TREE => tree()).set(version as f64);
        gauge!(EXPIRY, TREE => tree()).set(seconds as f64);
        gauge!(BREAKERS, TREE => tree()).set(open as f64);
        gauge!(STOPPED, TREE => tree()).set(if is_stopped { 1.0 } else { 0.0 });
    });
}

pub(crate) fn count_event(tree: &str, what: Counted) {
    let tree = tree.to_owned();
    contained(|| {
        let counter = match what {
            Counted::Taken => counter!(LISTS, TREE => tree, OUTCOME => "taken"),
            Counted::Refused => counter!(LISTS, TREE => tree, OUTCOME => "refused"),
            Counted::Mismatch => counter!(MISMATCHES, TREE => tree),
            Counted::Unlisted => counter!(UNLISTED, TREE => tree),
        };
        counter.increment(1);
    });
}
