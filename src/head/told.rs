//! A story on its way: in the extensions of the response that it is about.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;
use http::{Extensions, StatusCode};

use super::Shared;
use crate::ledger::{Ledger, Story};

/// A response's story, and of which exchange it is. A clone of a response has the same story.
#[derive(Clone, Default)]
pub(crate) struct Told {
    exchange: u64,
    story: Arc<Mutex<Story>>,
}

impl Told {
    /// Begins anew, in the same place if nobody else has the old story.
    pub(crate) fn renew(&mut self, exchange: u64, begin: impl FnOnce(&mut Story)) {
        self.exchange = exchange;
        if let Some(story) = Arc::get_mut(&mut self.story) {
            begin(story.get_mut().unwrap_or_else(PoisonError::into_inner));
            return;
        }
        let mut story = Story::default();
        begin(&mut story);
        self.story = Arc::new(Mutex::new(story));
    }

    /// Whether it is about a response of this exchange.
    pub(crate) fn is_of(&self, exchange: u64) -> bool {
        self.exchange == exchange
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut Story) -> R) -> R {
        look(&mut self.story.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was done until now; `true` if nothing is left of the story.
    fn end(&mut self, status: StatusCode, fields: &HeaderMap) -> (Ledger, bool) {
        match Arc::get_mut(&mut self.story) {
            // Values are dropped here, so there must be no lock.
            Some(story) => {
                let story = story.get_mut().unwrap_or_else(PoisonError::into_inner);
                story.between(status, fields);
                (story.end(), true)
            }
            None => self.with(|story| {
                story.between(status, fields);
                (story.take_ledger(), false)
            }),
        }
    }
}

/// A story whose response has arrived where it is committed.
pub(crate) enum Arrived {
    /// The response has other extensions, which stay with it.
    Alone(Told),
    /// It has none: they are kept for the next story, because they are dear to make.
    Carried(Extensions),
}

impl Arrived {
    /// Takes the story out of a response's extensions; one of another exchange is forgotten.
    pub(crate) fn take(extensions: &mut Extensions, shared: &Shared) -> Option<Self> {
        if !shared.is_watched() {
            return None;
        }
        let ours = extensions.get::<Told>()?.is_of(shared.exchange);
        if ours && extensions.len() == 1 {
            return Some(Self::Carried(std::mem::take(extensions)));
        }
        extensions.remove::<Told>().filter(|_| ours).map(Self::Alone)
    }

    /// What was done so far.
    pub(crate) fn ledger(&self) -> Ledger {
        let told = match self {
            Self::Alone(told) => Some(told),
            Self::Carried(extensions) => extensions.get(),
        };
        told.map(|told: &Told| told.with(|story| story.ledger().clone())).unwrap_or_default()
    }

    /// What was done until the commit of this head; and the extensions, if they may be used again.
    pub(crate) fn end(self, status: StatusCode, fields: &HeaderMap) -> (Ledger, Extensions) {
        match self {
            Self::Alone(mut told) => (told.end(status, fields).0, Extensions::new()),
            Self::Carried(mut extensions) => {
                let ended = extensions.get_mut().map(|told: &mut Told| told.end(status, fields));
                let (ledger, clean) = ended.unwrap_or_default();
                (ledger, if clean { extensions } else { Extensions::new() })
            }
        }
    }
}
