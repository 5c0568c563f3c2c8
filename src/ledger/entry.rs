//! One line of the ledger: a write, its author and its fate.

use std::fmt;
use std::panic::Location;

use http::StatusCode;
use http::header::HeaderName;

use super::{Refusal, Stage};

/// The most entries that one head keeps; what comes after is counted, not kept.
const MOST_ENTRIES: usize = 1024;

/// What a write wanted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Replace every value of a field.
    Insert,
    /// Add a value to a field.
    Append,
    /// Give a field a value if it has none.
    Default,
    /// Take a field away.
    Remove,
    /// Set the status.
    Status,
    /// Promise a trailer.
    Promise,
}

impl Verb {
    /// The verb in one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Append => "append",
            Self::Default => "default",
            Self::Remove => "remove",
            Self::Status => "status",
            Self::Promise => "promise",
        }
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It stands in the head that was committed.
    Applied,
    /// A later write took its place.
    Overridden,
    /// A default that found a value present.
    Yielded,
    /// It went out in the trailers, or, for a promise, was announced in `Trailer`.
    Trailers,
    /// It changed nothing.
    Refused(Refusal),
    /// It stood in the way of the framing, which was mended; see the [notes](crate::Note::Mended).
    Mended,
    /// The head was replaced by an error answer, and this field went with the old one.
    Replaced,
    /// The response ended before it could be sent.
    Unsent,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => f.write_str("applied"),
            Self::Overridden => f.write_str("overridden"),
            Self::Yielded => f.write_str("yielded"),
            Self::Trailers => f.write_str("in trailers"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Mended => f.write_str("mended with the framing"),
            Self::Replaced => f.write_str("replaced by an error answer"),
            Self::Unsent => f.write_str("never sent"),
        }
    }
}

/// One write to a head: what, by whom, when, and what became of it.
///
/// Values of fields are not kept.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) verb: Verb,
    pub(crate) field: Option<HeaderName>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) writer: &'static Location<'static>,
    pub(crate) stage: Stage,
    pub(crate) fate: Fate,
}

impl Entry {
    /// What the write wanted to do.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// The field that was written; `None` for a status, or for what was no field name.
    #[must_use]
    pub const fn field(&self) -> Option<&HeaderName> {
        self.field.as_ref()
    }

    /// The status that was written, if it was one.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The source line that made the write.
    #[must_use]
    pub const fn writer(&self) -> &'static Location<'static> {
        self.writer
    }

    /// The stage the head was in when the write was made.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What became of it.
    #[must_use]
    pub const fn fate(&self) -> Fate {
        self.fate
    }

    /// Whether the write came when the head was already sealed.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.stage > Stage::Committing
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb.as_str())?;
        if let Some(field) = &self.field {
            write!(f, " {field}")?;
        }
        if let Some(status) = self.status {
            write!(f, " {}", status.as_u16())?;
        }
        write!(f, " by {}:{}", self.writer.file(), self.writer.line())?;
        write!(f, " while {}: {}", self.stage, self.fate)
    }
}

/// The entries of one head, in the order in which they were made; bounded.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    cut: u64,
}

impl Ledger {
    /// Writes `entry` down; whatever it takes the place of is marked so.
    pub(crate) fn record(&mut self, entry: Entry) {
        if entry.fate == Fate::Applied && supersedes(entry.verb) {
            for earlier in &mut self.entries {
                if earlier.fate == Fate::Applied && same_target(earlier, &entry) {
                    earlier.fate = Fate::Overridden;
                }
            }
        }
        if self.entries.len() < MOST_ENTRIES {
            self.entries.push(entry);
        } else {
            self.cut += 1;
        }
    }

    /// Marks what an error answer dropped: every applied write whose field is not `kept`.
    pub(crate) fn replaced(&mut self, kept: impl Fn(&HeaderName) -> bool) {
        for entry in &mut self.entries {
            let survives = entry.field.as_ref().is_some_and(&kept);
            if entry.fate == Fate::Applied && !survives {
                entry.fate = Fate::Replaced;
            }
        }
    }

    /// The promise of `field` was not kept, and why.
    pub(crate) fn refuse_promise(&mut self, field: &HeaderName, refusal: Refusal) {
        for entry in &mut self.entries {
            if entry.verb == Verb::Promise && entry.field.as_ref() == Some(field) {
                entry.fate = Fate::Refused(refusal);
            }
        }
    }

    /// Adds the lines that were written while this ledger was away.
    pub(crate) fn join(&mut self, later: Self) {
        self.cut += later.cut;
        for entry in later.entries {
            self.record(entry);
        }
    }

    /// The framing guard changed or removed `field`.
    pub(crate) fn mended(&mut self, field: &HeaderName) {
        for entry in &mut self.entries {
            if entry.fate == Fate::Applied && entry.field.as_ref() == Some(field) {
                entry.fate = Fate::Mended;
            }
        }
    }

    /// Gives the late writes that were taken for trailers, in their order, their true fates.
    pub(crate) fn settle_late(&mut self, fates: impl Iterator<Item = Fate>) {
        let late = self.entries.iter_mut().filter(|entry| {
            entry.fate == Fate::Trailers && entry.is_late() && entry.verb != Verb::Promise
        });
        for (entry, fate) in late.zip(fates) {
            entry.fate = fate;
        }
    }

    /// No head was committed, so nothing was announced.
    pub(crate) fn promises_unsent(&mut self) {
        for entry in &mut self.entries {
            if entry.verb == Verb::Promise && entry.fate == Fate::Trailers {
                entry.fate = Fate::Unsent;
            }
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries there was no room for.
    pub(crate) const fn cut(&self) -> u64 {
        self.cut
    }
}

/// Whether a write with this verb leaves nothing of what stood there before.
const fn supersedes(verb: Verb) -> bool {
    match verb {
        Verb::Insert | Verb::Remove | Verb::Status => true,
        Verb::Append | Verb::Default | Verb::Promise => false,
    }
}

fn same_target(earlier: &Entry, later: &Entry) -> bool {
    let kind = |entry: &Entry| matches!(entry.verb, Verb::Status);
    kind(earlier) == kind(later) && earlier.field == later.field && earlier.verb != Verb::Promise
}
