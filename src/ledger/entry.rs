//! One line of the ledger: a write, its author and its fate.

use std::fmt;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName};

use super::{Lines, Refusal, Secrecy, Shown, Stage, Values, Writer};

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
    /// Answer with a head of one's own, and drop the one that came from inside.
    Answer,
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
            Self::Answer => "answer",
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
    /// It was about the success that its author had in mind, and somebody else's error went out: a
    /// layer's, or the handler's own `Err`. [`Entry::superseded_by`] names the author of that.
    Superseded,
    /// It was made for another response than the one that went out: for an attempt that was tried
    /// again, for a sub-request, or for one that a layer put its own in the place of.
    Discarded,
    /// The response ended before it could be sent.
    Unsent,
}

impl Fate {
    /// The fate in one lower-case word, for labels; printed, it says more.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Overridden => "overridden",
            Self::Yielded => "yielded",
            Self::Trailers => "trailers",
            Self::Refused(_) => "refused",
            Self::Mended => "mended",
            Self::Replaced => "replaced",
            Self::Superseded => "superseded",
            Self::Discarded => "discarded",
            Self::Unsent => "unsent",
        }
    }

    /// Whether the write changed the head, whatever became of it later.
    pub(crate) const fn reached_head(self) -> bool {
        match self {
            Self::Applied | Self::Overridden | Self::Mended | Self::Replaced => true,
            Self::Yielded
            | Self::Trailers
            | Self::Refused(_)
            | Self::Superseded
            | Self::Discarded
            | Self::Unsent => false,
        }
    }

    /// The reason, if the write was refused.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Applied
            | Self::Overridden
            | Self::Yielded
            | Self::Trailers
            | Self::Mended
            | Self::Replaced
            | Self::Superseded
            | Self::Discarded
            | Self::Unsent => None,
        }
    }
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
            Self::Superseded => f.write_str("superseded by an error"),
            Self::Discarded => f.write_str("discarded with its response"),
            Self::Unsent => f.write_str("never sent"),
        }
    }
}

/// One write to a head: what, by whom, when, and what became of it.
///
/// Printed, it is one line; values are shown as [`Shown`] says.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) verb: Verb,
    pub(crate) field: Option<HeaderName>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) writer: Writer,
    pub(crate) stage: Stage,
    pub(crate) fate: Fate,
    /// What is only known when somebody watches.
    pub(crate) seen: Option<Seen>,
}

/// On what occasion a write landed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Occasion {
    #[default]
    Usual,
    /// It was made with a handle that came with a copy of the request.
    CopiedRequest,
    /// It was stated again at the commit, because a layer had changed the field since.
    Restated,
}

/// What a write changed, where it was watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) sequence: u64,
    pub(crate) before: Values,
    pub(crate) after: Values,
    /// The status before.
    pub(crate) was: Option<StatusCode>,
    /// There was no room for the values.
    pub(crate) cut: bool,
    /// Where there was no room: something stood there before.
    pub(crate) over: bool,
    /// The configuration says that the values are secret.
    pub(crate) secret: bool,
    /// The fields that an answer of one's own dropped.
    pub(crate) lost: Lines,
    /// On what occasion a write through `Head` landed.
    pub(crate) occasion: Occasion,
    /// Who made the error that went out instead of what was meant.
    pub(crate) superseded_by: Option<Box<Writer>>,
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

    /// Who made the write.
    #[must_use]
    pub const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The stage the head was in when the write was made.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether a head has what this write put on another one.
    pub(crate) fn is_repeated(&self, status: StatusCode, fields: &HeaderMap) -> bool {
        let Some(field) = &self.field else { return self.status == Some(status) };
        let there = |value| fields.get_all(field).iter().any(|now| now == value);
        match &self.seen {
            Some(seen) if !seen.after.is_empty() => seen.after.as_slice().iter().any(there),
            Some(_) | None => !fields.contains_key(field),
        }
    }

    /// What became of it.
    #[must_use]
    pub const fn fate(&self) -> Fate {
        self.fate
    }

    /// Its place among all writes that were watched, from 1; `None` if nobody watched.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.seen.as_ref().map(|seen| seen.sequence)
    }

    /// The field's values before the write; empty if there were none, or nobody watched.
    #[must_use]
    pub fn before(&self) -> Shown<'_> {
        self.shown(|seen| &seen.before)
    }

    /// The field's values after the write; empty if none are left, or nobody watched.
    #[must_use]
    pub fn after(&self) -> Shown<'_> {
        self.shown(|seen| &seen.after)
    }

    /// The fields that were dropped by an [answer](Verb::Answer) of one's own.
    pub fn lost(&self) -> impl Iterator<Item = &HeaderName> {
        self.seen.iter().flat_map(|seen| seen.lost.names())
    }

    /// Who made the error that went out, for a write that was [superseded](Fate::Superseded);
    /// `None` if that is not known, because no layer with rules or a reporter watched.
    #[must_use]
    pub fn superseded_by(&self) -> Option<&Writer> {
        self.seen.as_ref().and_then(|seen| seen.superseded_by.as_deref())
    }

    /// Whether the write came when the head was already sealed.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.stage > Stage::Committing
    }

    /// Whether it is about this field.
    pub(crate) fn is_about(&self, field: &HeaderName) -> bool {
        match &self.field {
            Some(own) => own == field,
            None => false,
        }
    }

    fn shown(&self, pick: fn(&Seen) -> &Values) -> Shown<'_> {
        match &self.seen {
            Some(seen) => {
                let secrecy = self.field.as_ref().map(|field| Secrecy::with(field, seen.secret));
                Shown::new(pick(seen).as_slice(), secrecy.unwrap_or_default(), seen.cut)
            }
            None => Shown::new(&[], Secrecy::Open, false),
        }
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
        let lost = self.lost().count();
        if lost > 0 {
            write!(f, " ({lost} fields lost)")?;
        }
        write!(f, " by {}", self.writer)?;
        write!(f, " while {}: {}", self.stage, self.fate)?;
        match self.superseded_by() {
            Some(author) => write!(f, " of {author}"),
            None => Ok(()),
        }
    }
}
