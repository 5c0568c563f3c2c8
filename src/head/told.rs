//! A story on its way: in the extensions of the response that it is about.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Head, Shared};
use crate::ledger::Story;

/// The story of a response, in its extensions.
#[derive(Clone)]
pub(crate) struct Told {
    exchange: Weak<Shared>,
    story: Arc<Mutex<Story>>,
}

impl Told {
    pub(crate) fn new(head: &Head, story: Story) -> Self {
        Self { exchange: head.weak(), story: Arc::new(Mutex::new(story)) }
    }

    /// Whether it is a story of this exchange.
    pub(crate) fn is_of(&self, head: &Head) -> bool {
        head.is(&self.exchange)
    }

    /// Whether it is a story of the exchange with this state.
    pub(crate) fn is_about(&self, exchange: &Arc<Shared>) -> bool {
        std::ptr::eq(Arc::as_ptr(exchange), self.exchange.as_ptr())
    }

    /// Looks at the story, or goes on with it. It has a lock of its own, so what is dropped there
    /// may ask the head.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut Story) -> R) -> R {
        look(&mut self.story.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
