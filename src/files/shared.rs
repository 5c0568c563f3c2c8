//! What all clones of a sender have in common: what is kept, who is ahead, buffers, counters.

use std::sync::Arc;

use super::buffers::Buffers;
use super::cache::Cache;
use super::counts::{Counters, Counts};
use super::flight::Flights;
use super::settings::Settings;
use super::watched::{Freshness, Watching};

/// What all clones of a sender that was told the same have in common.
pub(super) struct Shared {
    /// None if nothing is to be kept.
    pub(super) cache: Option<Cache>,
    pub(super) flights: Arc<Flights>,
    pub(super) buffers: Arc<Buffers>,
    pub(super) counters: Arc<Counters>,
}

impl Shared {
    /// With budgets in bytes.
    pub(super) fn new(cache: u64, buffers: usize, freshness: Freshness) -> Arc<Self> {
        Arc::new(Self {
            cache: (cache > 0).then(|| Cache::new(cache, Watching::of(freshness))),
            flights: Arc::default(),
            buffers: Buffers::new(buffers),
            counters: Arc::default(),
        })
    }

    /// The same but for what is kept, for another tree: what was told of names in the one says nothing of
    /// names in the other.
    pub(super) fn again(&self, settings: &Settings) -> Arc<Self> {
        let watching = Watching::of(settings.freshness);
        Arc::new(Self {
            cache: (settings.cache > 0).then(|| Cache::new(settings.cache, watching)),
            flights: Arc::clone(&self.flights),
            buffers: Arc::clone(&self.buffers),
            counters: Arc::clone(&self.counters),
        })
    }

    pub(super) fn counts(&self) -> Counts {
        self.counters.counts(self.cache.as_ref().map(Cache::size).unwrap_or_default())
    }
}
