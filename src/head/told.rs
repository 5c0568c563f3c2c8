//! A story on its way: in the extensions of the response that it is about.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;
use http::{Extensions, StatusCode};

use crate::ledger::{Ledger, Lines, Story};

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

    /// What was done until now, and the head as it was seen then, if nobody else has the story.
    fn end(&mut self, status: StatusCode, fields: &HeaderMap) -> (Ledger, Option<Lines>) {
        if let Some(story) = Arc::get_mut(&mut self.story) {
            let story = story.get_mut().unwrap_or_else(PoisonError::into_inner);
            story.between(status, fields);
            let (ledger, lines) = story.end();
            return (ledger, Some(lines));
        }
        self.with(|story| {
            story.between(status, fields);
            (story.take_ledger(), None)
        })
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
    pub(crate) fn take(extensions: &mut Extensions, exchange: u64) -> Option<Self> {
        let ours = extensions.get::<Told>()?.is_of(exchange);
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

    /// The batches of writes through `Head` that stand in the ledger.
    pub(crate) fn batches(&self) -> Vec<u32> {
        let told = match self {
            Self::Alone(told) => Some(told),
            Self::Carried(extensions) => extensions.get(),
        };
        told.map(|told: &Told| told.with(|story| story.batches())).unwrap_or_default()
    }

    /// What was done until the commit of this head.
    pub(crate) fn end(self, status: StatusCode, fields: &HeaderMap) -> Ended {
        match self {
            Self::Alone(mut told) => {
                let (ledger, lines) = told.end(status, fields);
                Ended { ledger, lines, extensions: Extensions::new() }
            }
            Self::Carried(mut extensions) => {
                let ended = extensions.get_mut().map(|told: &mut Told| told.end(status, fields));
                let (ledger, lines) = ended.unwrap_or_default();
                // A story that others have, too, is left to them.
                let extensions = if lines.is_some() { extensions } else { Extensions::new() };
                Ended { ledger, lines, extensions }
            }
        }
    }
}

/// A story at its end.
pub(crate) struct Ended {
    pub(crate) ledger: Ledger,
    /// The head as it is now, if it need not be copied for that.
    pub(crate) lines: Option<Lines>,
    /// Extensions that may be used again.
    pub(crate) extensions: Extensions,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn begin(told: &mut Told, exchange: u64, fields: &HeaderMap) {
        told.renew(exchange, |story| story.restart(StatusCode::OK, fields, Arc::from([])));
    }

    #[test]
    fn a_story_that_somebody_keeps_is_not_written_over() {
        let (mut told, mut fields) = (Told::default(), HeaderMap::new());
        fields.insert("x-first", HeaderValue::from_static("1"));
        begin(&mut told, 1, &fields);
        let kept = told.clone();
        begin(&mut told, 2, &HeaderMap::new());
        assert!(kept.is_of(1) && told.is_of(2));
        assert!(told.with(|story| story.is_within(&HeaderMap::new())));
        assert!(!kept.with(|story| story.is_within(&HeaderMap::new())), "it saw a field");
    }

    #[test]
    fn extensions_are_used_again_when_nothing_is_left_of_their_story() {
        let (mut told, mut fields) = (Told::default(), HeaderMap::new());
        fields.insert("x-first", HeaderValue::from_static("1"));
        begin(&mut told, 1, &fields);
        let carried = |told: Told| {
            let mut extensions = Extensions::new();
            extensions.insert(told);
            Arrived::take(&mut extensions, 1).map(|told| told.end(StatusCode::OK, &fields))
        };
        let kept = told.clone();
        let ended = carried(told).expect("ours");
        assert!(ended.lines.is_none() && ended.extensions.is_empty(), "somebody has it, too");
        let ended = carried(kept).expect("ours");
        assert_eq!(ended.lines, Some(Lines::of(&fields)));
        let left: &Told = ended.extensions.get().expect("room for the next one");
        assert!(left.with(|story| story.is_within(&HeaderMap::new())), "no value is left");
    }
}
