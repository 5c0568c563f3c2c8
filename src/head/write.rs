//! A write to a head: parsed, then applied to a status and its fields.

use std::panic::Location;

use http::StatusCode;
use http::header::{self as map, HeaderMap, HeaderName, HeaderValue};

use super::attempts::Attempt;
use crate::ledger::{Entry, Fate, Ledger, Occasion, Refusal, Seen, Stage, Values, Verb, Writer};

/// One change that somebody wants of a head.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Insert(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Default(HeaderName, HeaderValue),
    Remove(HeaderName),
    Status(StatusCode),
}

/// A change that could not be read: what is known of it, for the ledger.
#[derive(Debug)]
pub(crate) struct Unreadable {
    verb: Verb,
    pub(crate) refusal: Refusal,
    field: Option<HeaderName>,
    status: Option<StatusCode>,
}

impl Unreadable {
    pub(crate) fn entry(self, writer: &'static Location<'static>, stage: Stage) -> Entry {
        let Self { verb, refusal, field, status } = self;
        let (writer, fate) = (Writer::Place(writer), Fate::Refused(refusal));
        Entry { verb, field, status, writer, stage, fate, seen: None }
    }
}

/// A change and where it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) change: Change,
    pub(crate) writer: &'static Location<'static>,
    pub(crate) stage: Stage,
    pub(crate) origin: Origin,
    /// Its place among all writes of the exchange.
    pub(crate) number: u32,
}

/// Through which handle a write was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    /// The attempt whose request the handle came with.
    pub(crate) attempt: Attempt,
    /// The write lands on an error, too.
    pub(crate) insists: bool,
    /// The handle came with a copy of the request's extensions.
    pub(crate) copied: bool,
}

impl Change {
    /// Reads name and value into a change that carries both.
    pub(crate) fn read<N, V>(
        verb: Verb,
        name: N,
        value: V,
        make: impl FnOnce(HeaderName, HeaderValue) -> Self,
    ) -> Result<Self, Unreadable>
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let unreadable = |refusal, field| Unreadable { verb, refusal, field, status: None };
        let name = name.try_into().map_err(|_| unreadable(Refusal::InvalidName, None))?;
        match value.try_into() {
            Ok(value) => Ok(make(name, value)),
            Err(_) => Err(unreadable(Refusal::InvalidValue, Some(name))),
        }
    }

    /// Reads a name into a removal.
    pub(crate) fn remove<N: TryInto<HeaderName>>(name: N) -> Result<Self, Unreadable> {
        let refusal = Refusal::InvalidName;
        let unreadable = Unreadable { verb: Verb::Remove, refusal, field: None, status: None };
        name.try_into().map(Self::Remove).map_err(|_| unreadable)
    }

    /// A final status: 101, or 200 and more. Whether 101 fits the protocol is judged at the
    /// commit.
    pub(crate) fn status(status: StatusCode) -> Result<Self, Unreadable> {
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            let refusal = Refusal::InvalidStatus;
            let status = Some(status);
            return Err(Unreadable { verb: Verb::Status, refusal, field: None, status });
        }
        Ok(Self::Status(status))
    }

    pub(crate) const fn verb(&self) -> Verb {
        match self {
            Self::Insert(..) => Verb::Insert,
            Self::Append(..) => Verb::Append,
            Self::Default(..) => Verb::Default,
            Self::Remove(_) => Verb::Remove,
            Self::Status(_) => Verb::Status,
        }
    }

    pub(crate) const fn field(&self) -> Option<&HeaderName> {
        match self {
            Self::Insert(name, _)
            | Self::Append(name, _)
            | Self::Default(name, _)
            | Self::Remove(name) => Some(name),
            Self::Status(_) => None,
        }
    }

    pub(crate) const fn status_code(&self) -> Option<StatusCode> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Insert(..) | Self::Append(..) | Self::Default(..) | Self::Remove(_) => None,
        }
    }

    /// Changes `fields`; a status is left to the caller.
    pub(crate) fn apply_to_fields(self, fields: &mut HeaderMap) -> Fate {
        let applied = match self {
            Self::Insert(name, value) => fields.try_insert(name, value).map(|_| ()),
            Self::Append(name, value) => fields.try_append(name, value).map(|_| ()),
            Self::Default(name, _) if fields.contains_key(&name) => return Fate::Yielded,
            Self::Default(name, value) => fields.try_insert(name, value).map(|_| ()),
            Self::Remove(name) => {
                fields.remove(name);
                Ok(())
            }
            Self::Status(_) => return Fate::Refused(Refusal::HeadSealed),
        };
        applied.map_or(Fate::Refused(Refusal::TooMany), |()| Fate::Applied)
    }
}

impl Write {
    /// Changes the head and says what became of it; with what it changed, if the ledger watches.
    pub(crate) fn apply(
        self,
        status: &mut StatusCode,
        fields: &mut HeaderMap,
        ledger: &Ledger,
    ) -> Entry {
        let Self { change, writer, stage, origin, .. } = self;
        let writer = Writer::Place(writer);
        let (verb, field, code) = (change.verb(), change.field().cloned(), change.status_code());
        if !ledger.watches() {
            let fate = match code {
                Some(code) => {
                    *status = code;
                    Fate::Applied
                }
                None => change.apply_to_fields(fields),
            };
            // An entry is large: it is made where it is returned.
            return Entry { verb, field, status: code, writer, stage, fate, seen: None };
        }
        let values = |fields: &HeaderMap| match &field {
            Some(field) => Values::of(fields.get_all(field).iter()),
            None => Values::None,
        };
        let mut seen = Seen::default();
        if origin.copied && stage == Stage::Open {
            seen.occasion = Occasion::CopiedRequest;
        }
        let fate = match change {
            Change::Status(code) => {
                seen.was = Some(std::mem::replace(status, code));
                Fate::Applied
            }
            Change::Insert(name, value) => {
                if insert(fields, name, value, &mut seen) {
                    Fate::Applied
                } else {
                    seen.before = values(fields);
                    seen.after = seen.before.clone();
                    Fate::Refused(Refusal::TooMany)
                }
            }
            change @ (Change::Append(..) | Change::Default(..) | Change::Remove(_)) => {
                seen.before = values(fields);
                let fate = change.apply_to_fields(fields);
                seen.after = values(fields);
                fate
            }
        };
        Entry { verb, field, status: code, writer, stage, fate, seen: Some(seen) }
    }

    /// The ledger's line for this write.
    pub(crate) fn entry(&self, fate: Fate) -> Entry {
        Entry {
            verb: self.change.verb(),
            field: self.change.field().cloned(),
            status: self.change.status_code(),
            writer: Writer::Place(self.writer),
            stage: self.stage,
            fate,
            seen: None,
        }
    }
}

/// Inserts a value and says what stood there; the name is looked up once. `false` if there is no
/// room.
fn insert(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue, seen: &mut Seen) -> bool {
    let after = Values::One(value.clone());
    match fields.try_entry(name) {
        Ok(map::Entry::Vacant(place)) => {
            if place.try_insert(value).is_err() {
                return false;
            }
        }
        Ok(map::Entry::Occupied(mut place)) => {
            seen.before = Values::of(place.iter());
            // Not `insert_mult`: http 1.5 panics there where three values stand.
            drop(place.insert(value));
        }
        Err(_full) => return false,
    }
    seen.after = after;
    true
}
