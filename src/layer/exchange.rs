//! One request and its response as the layer sees them, to the receipt.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::ResetCode;
use super::layer::Settings;
use super::recover::{Cause, Failure, Origin};
use crate::caught::{caught, contained, discard};
use crate::error::Error;
use crate::head::{Ability, ErrorAnswer, Input, Note, Outcome, Receipt, Shared, Tally, Trailing};
use crate::ledger::{Refusal, Stage};

/// Owned by the response future, then by the body; whoever drops it last ends the exchange.
pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ability: Ability,
    pub(crate) tally: Tally,
    method: Method,
    /// What it means if nothing more is heard; `None` when the receipt was delivered.
    unheard: Option<Unheard>,
}

/// What the drop of a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// Something was still due.
    Dropped,
    /// There was nothing to send, or everything was handed over.
    Complete,
    /// The connection became something else.
    Upgraded,
}

impl Exchange {
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: Arc<Settings>,
        ability: Ability,
        method: Method,
    ) -> Self {
        let tally = Tally::default();
        Self { shared, settings, ability, tally, method, unheard: Some(Unheard::Dropped) }
    }

    /// Says what a drop from now on means.
    pub(crate) fn if_dropped(&mut self, meaning: Unheard) {
        if self.unheard.is_some() {
            self.unheard = Some(meaning);
        }
    }

    /// Whether nothing more is due: a drop would be no loss, or the receipt was delivered.
    pub(crate) fn is_settled(&self) -> bool {
        self.unheard != Some(Unheard::Dropped)
    }

    /// Whether the receipt was delivered.
    pub(crate) const fn is_ended(&self) -> bool {
        self.unheard.is_none()
    }

    /// Ends the exchange well.
    pub(crate) fn complete(&mut self) {
        let upgraded = self.unheard == Some(Unheard::Upgraded);
        self.end(if upgraded { Outcome::Upgraded } else { Outcome::Complete });
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.tally.notes.push(note);
    }

    /// Whether failures of this origin are left alone.
    pub(crate) fn passes_through(&self, origin: Origin) -> bool {
        let recover = &self.settings.recover;
        caught(|| recover.passes_through(origin)).unwrap_or_else(|payload| {
            discard(payload);
            false
        })
    }

    /// The response to send instead of one that failed with `error`.
    pub(crate) fn answer_error(&mut self, origin: Origin, error: &Error) -> ErrorAnswer {
        self.answer(origin, Cause::Error(error.cause().unwrap_or(error)))
    }

    /// The response to send instead of one that panicked.
    pub(crate) fn answer_panic(
        &mut self,
        origin: Origin,
        payload: &(dyn Any + Send),
    ) -> ErrorAnswer {
        self.answer(origin, Cause::Panic(payload))
    }

    fn answer(&mut self, origin: Origin, cause: Cause<'_>) -> ErrorAnswer {
        let failure = self.failure(origin, cause);
        let answer = caught(|| self.settings.recover.recover(&failure));
        answer.unwrap_or_else(|payload| {
            discard(payload);
            self.note(Note::RecoverPanicked);
            ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    /// The code to reset a stream with.
    pub(crate) fn reset_code(&self, origin: Origin, error: &Error) -> ResetCode {
        let failure = self.failure(origin, Cause::Error(error.cause().unwrap_or(error)));
        caught(|| self.settings.recover.reset_code(&failure)).unwrap_or_else(|payload| {
            discard(payload);
            ResetCode::INTERNAL_ERROR
        })
    }

    fn failure<'a>(&'a self, origin: Origin, cause: Cause<'a>) -> Failure<'a> {
        let stage = self.shared.lock().life.stage();
        let version = self.ability.version;
        Failure { origin, cause, stage, method: &self.method, version }
    }

    /// The trailers that go out behind the content; from now on none is taken any more.
    pub(crate) fn last_trailers(&mut self, own: Option<HeaderMap>) -> Option<HeaderMap> {
        let trailing = {
            let mut state = self.shared.lock();
            std::mem::replace(&mut state.trailing, Trailing::Closed(Refusal::BodyOver))
        };
        if own.is_none() && matches!(trailing, Trailing::Closed(_)) {
            return None;
        }
        let (trailers, dropped) = trailing.collect(own, self.ability);
        self.note_dropped(dropped);
        (!trailers.is_empty()).then_some(trailers)
    }

    pub(crate) fn note_dropped(&mut self, names: Vec<HeaderName>) {
        if !names.is_empty() {
            self.note(Note::TrailersDropped(names));
        }
    }

    /// Ends the exchange and delivers the receipt. Only the first call does anything.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if self.unheard.take().is_none() {
            return;
        }
        let mut state = self.shared.lock();
        let (last_stage, cause) = (state.life.stage(), state.life.cause());
        state.life = state.life.step(Input::Ended).0;
        state.trailing = Trailing::Closed(Refusal::BodyOver);
        state.give_up_writes();
        let ledger = std::mem::take(&mut state.ledger);
        let hooks = std::mem::take(&mut state.hooks);
        let callbacks = std::mem::take(&mut state.callbacks);
        let lent = state.lent.take();
        let waker = state.waker.take();
        let nested = state.nested;
        drop(state);

        drop(lent);
        for hook in hooks {
            contained(move || drop(hook));
        }
        if waker.is_some() {
            contained(move || drop(waker));
        }
        if callbacks.is_empty() && self.settings.on_end.is_none() {
            return;
        }
        if nested && self.settings.said_nested.first() {
            self.note(Note::NestedLayer);
        }
        let receipt = Receipt {
            method: self.method.clone(),
            version: self.ability.version,
            tally: std::mem::take(&mut self.tally),
            last_stage,
            cause,
            ledger,
            outcome,
        };
        for callback in callbacks {
            contained(|| callback(&receipt));
        }
        if let Some(on_end) = &self.settings.on_end {
            contained(|| on_end(&receipt));
        }
        contained(move || drop(receipt));
    }

    /// The stage the head is in.
    pub(crate) fn stage(&self) -> Stage {
        self.shared.lock().life.stage()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let outcome = match self.unheard {
            None => return,
            Some(Unheard::Complete) => Outcome::Complete,
            Some(Unheard::Upgraded) => Outcome::Upgraded,
            Some(Unheard::Dropped) if std::thread::panicking() => Outcome::Unwound,
            Some(Unheard::Dropped) => Outcome::Dropped,
        };
        self.end(outcome);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
