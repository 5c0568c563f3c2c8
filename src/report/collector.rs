//! Keeps receipts for tests to look at.

use std::sync::{Arc, Mutex, PoisonError};

use super::Reporter;
use crate::head::Receipt;

/// A [`Reporter`] for tests: it keeps every receipt. Clones share what they keep.
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::report::Collector;
///
/// let seen = Collector::new();
/// let layer = LetterheadLayer::new().reporter(seen.clone());
/// // ... requests ...
/// assert!(seen.take().iter().all(|receipt| receipt.conflicts().is_empty()));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Collector {
    receipts: Arc<Mutex<Vec<Receipt>>>,
}

impl Collector {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The receipts since the last call, in the order in which the responses ended.
    #[must_use]
    pub fn take(&self) -> Vec<Receipt> {
        std::mem::take(&mut *self.receipts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reporter for Collector {
    fn report(&self, receipt: &Receipt) {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt.clone());
    }
}
