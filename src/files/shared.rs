//! What all clones of a sender have in common: what is kept, who is ahead, buffers, counters.

use std::sync::Arc;

use super::cache::Cache;
use super::counts::{Counters, Counts};
use super::freshness::Watching;
use super::listing::Desk;
use super::options::Freshness;
use super::siblings::Siblings;
use super::single_flight::Flights;
use crate::stream::Buffers;

/// What all clones of a sender with the same settings have in common.
pub(super) struct Shared {
    /// None if nothing is to be kept.
    pub(super) cache: Option<Cache>,
    pub(super) flights: Arc<Flights>,
    /// For directories that are listed.
    pub(super) desk: Desk,
    pub(super) buffers: Arc<Buffers>,
    pub(super) counters: Arc<Counters>,
    pub(super) siblings: Siblings,
}

impl Shared {
    /// With budgets in bytes.
    pub(super) fn new(cache: u64, buffers: usize, freshness: Freshness) -> Arc<Self> {
        let counters = Arc::default();
        Arc::new(Self {
            cache: (cache > 0).then(|| Cache::new(cache, Watching::of(freshness, &counters))),
            flights: Arc::default(),
            desk: Desk::default(),
            buffers: Buffers::new(buffers),
            counters,
            siblings: Siblings::default(),
        })
    }

    /// The same but for what is kept, for another tree: what is known of names in the one says nothing of
    /// names in the other.
    pub(super) fn again(&self, cache: u64, freshness: Freshness) -> Arc<Self> {
        let watching = Watching::of(freshness, &self.counters);
        Arc::new(Self {
            cache: (cache > 0).then(|| Cache::new(cache, watching)),
            flights: Arc::clone(&self.flights),
            desk: Desk::default(),
            buffers: Arc::clone(&self.buffers),
            counters: Arc::clone(&self.counters),
            siblings: Siblings::default(),
        })
    }

    pub(super) fn counts(&self) -> Counts {
        self.counters.counts(self.cache.as_ref().map(Cache::size).unwrap_or_default())
    }
}
