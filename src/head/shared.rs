//! What handle and response future share, behind the one lock.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::write::{Change, Write};
use super::{Ability, Draft, Life, Promises, Receipt, Trailing};
use crate::error::BoxError;
use crate::ledger::{Entry, Fate, Ledger, Placed, Refusal, Stage};

/// The most writes that may wait for one commit.
const MOST_WRITES: usize = 1024;

/// Runs before the commit, with the draft of the head.
pub(crate) type Hook = Box<dyn FnOnce(&mut Draft<'_>) -> Result<(), BoxError> + Send>;

/// Runs after the end, with the receipt.
pub(crate) type Callback = Box<dyn FnOnce(&Receipt) + Send>;

/// The lock and what is behind it. No code of others runs while it is held.
pub(crate) struct Shared {
    state: Mutex<State>,
}

/// One head, between its writers and its response future.
pub(crate) struct State {
    pub(crate) life: Life,
    pub(crate) ability: Ability,
    /// Writes that wait for the commit.
    pub(crate) writes: Vec<Write>,
    pub(crate) promises: Promises,
    pub(crate) ledger: Ledger,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) callbacks: Vec<Callback>,
    /// What a write finds after the commit.
    pub(crate) trailing: Trailing,
    /// The planned head, lent by the response future while it waits.
    pub(crate) lent: Option<(StatusCode, HeaderMap)>,
    /// The status that went out.
    pub(crate) status: Option<StatusCode>,
    /// Wakes the response future while it holds.
    pub(crate) waker: Option<Waker>,
    /// A second layer was found inside.
    pub(crate) nested: bool,
}

impl Shared {
    pub(crate) const fn new(ability: Ability) -> Self {
        Self {
            state: Mutex::new(State {
                life: Life::Open { flushed: false },
                ability,
                writes: Vec::new(),
                promises: Promises::none(),
                ledger: Ledger::empty(),
                hooks: Vec::new(),
                callbacks: Vec::new(),
                trailing: Trailing::Closed(Refusal::NotDeclared),
                lent: None,
                status: None,
                waker: None,
                nested: false,
            }),
        }
    }

    /// The state. A panic under the lock (there is no code of others that could) is no reason to
    /// lose the response, so poison is ignored.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("life", &self.lock().life).finish_non_exhaustive()
    }
}

impl State {
    /// Whether anything waits for the commit.
    pub(crate) fn has_waiting(&self) -> bool {
        !(self.writes.is_empty()
            && self.hooks.is_empty()
            && self.promises.is_empty()
            && self.ledger.entries().is_empty())
    }

    /// Places a write according to the stage, and writes it down. A refused write is given back,
    /// so that it is dropped after the lock.
    pub(crate) fn place(&mut self, write: Write) -> (Placed, Option<Write>) {
        let refusal = match write.stage {
            Stage::Open | Stage::Held if self.writes.len() < MOST_WRITES => {
                self.writes.push(write);
                return (Placed::Head, None);
            }
            Stage::Open | Stage::Held => Refusal::TooMany,
            Stage::Committing => Refusal::Committing,
            Stage::Ended => Refusal::BodyOver,
            Stage::Committed => match self.trailing.accepts(&write) {
                Ok(late) => {
                    self.ledger.record(write.entry(Fate::Trailers));
                    late.push(write);
                    return (Placed::Trailers, None);
                }
                Err(refusal) => refusal,
            },
        };
        self.ledger.record(write.entry(Fate::Refused(refusal)));
        (Placed::Refused(refusal), Some(write))
    }

    /// Promises a trailer. The caller writes the answer down.
    pub(crate) fn promise(&mut self, name: &HeaderName) -> Placed {
        match self.life.stage() {
            Stage::Open | Stage::Held => {
                if !self.read(&http::header::CONTENT_LENGTH).is_empty() {
                    return Placed::Refused(Refusal::HasLength);
                }
                self.promises.add(name, self.ability)
            }
            Stage::Committing => Placed::Refused(Refusal::Committing),
            Stage::Committed => match &self.trailing {
                Trailing::Open { promised, .. } if promised.contains(name) => Placed::Trailers,
                Trailing::Open { .. } => Placed::Refused(Refusal::HeadSealed),
                Trailing::Closed(refusal) => Placed::Refused(*refusal),
            },
            Stage::Ended => Placed::Refused(Refusal::BodyOver),
        }
    }

    /// The values that `name` would have if the head were committed now, as far as is known.
    pub(crate) fn read(&self, name: &HeaderName) -> Vec<HeaderValue> {
        let mut fields = HeaderMap::new();
        if let Some((_, planned)) = &self.lent {
            for value in planned.get_all(name) {
                fields.append(name, value.clone());
            }
        }
        for write in &self.writes {
            if write.change.field() == Some(name) {
                write.change.clone().apply_to_fields(&mut fields);
            }
        }
        fields.get_all(name).iter().cloned().collect()
    }

    /// The status that the head has, or would have if it were committed now.
    pub(crate) fn planned_status(&self) -> Option<StatusCode> {
        let written = self.writes.iter().rev().find_map(|write| match write.change {
            Change::Status(status) => Some(status),
            Change::Insert(..) | Change::Append(..) | Change::Default(..) | Change::Remove(_) => {
                None
            }
        });
        self.status.or(written).or(self.lent.as_ref().map(|(status, _)| *status))
    }

    /// Writes that will never be applied, as lines of the ledger.
    pub(crate) fn give_up_writes(&mut self) {
        let writes = std::mem::take(&mut self.writes);
        self.ledger.unsent(writes.iter().map(|write| write.entry(Fate::Unsent)));
    }

    /// A line for something that is no [`Write`]: a promise, or a name that was none.
    pub(crate) fn record(&mut self, entry: Entry) {
        self.ledger.record(entry);
    }
}
