//! Small stored responses that were sent lately: checked once, and sent again while the file is the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Evicting;

use super::stored_head::StoredHead;
use crate::answer::Again;
use crate::stream::CHUNK;
use crate::sys::Stat;

/// What an entry takes beside its bytes, its name and its fields.
const OVERHEAD: u64 = 2048;

/// What a field takes beside its name and its value.
const FIELD: usize = 128;

/// The least age of a file that is kept: a write that was going on when it was opened is over.
const SETTLED: Duration = Duration::from_secs(2);

/// Stored 200s, by name.
pub(super) struct Cache {
    files: Evicting<Box<str>, Arc<Ready>, Weigh>,
    budget: u64,
}

/// A file as it is sent: head and payload were believed.
#[derive(Debug)]
pub(super) struct Ready {
    /// The look before it was read. A file that looks otherwise is another, or has another head.
    pub(super) stat: Stat,
    pub(super) stored: Arc<StoredHead>,
    /// The head of the 200.
    pub(super) head: Again,
    pub(super) bytes: Bytes,
}

#[derive(Clone, Debug)]
struct Weigh;

impl Weighter<Box<str>, Arc<Ready>> for Weigh {
    fn weight(&self, name: &Box<str>, ready: &Arc<Ready>) -> u64 {
        ready.weight().saturating_add(name.len() as u64)
    }
}

impl Ready {
    /// About how many bytes of memory it takes. A head may be longer than its payload.
    fn weight(&self) -> u64 {
        let lines = self.stored.facts().map(|facts| facts.fields.iter()).into_iter().flatten();
        let fields: usize =
            lines.map(|(name, value)| FIELD + name.as_str().len() + value.len()).sum();
        OVERHEAD.saturating_add((fields + self.bytes.len()) as u64)
    }
}

impl Cache {
    pub(super) fn new(budget: u64) -> Self {
        let items = usize::try_from(budget / (16 * 1024)).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self { files: Evicting::with_weighter(items, budget, Weigh), budget }
    }

    /// What was kept of this name, if the name looks as it did then.
    pub(super) fn get(
        &self,
        name: &str,
        look: impl FnOnce() -> Option<Stat>,
    ) -> Option<Arc<Ready>> {
        let ready = self.files.get(name)?;
        if look() == Some(ready.stat) {
            return Some(ready);
        }
        self.files.remove(name);
        None
    }

    /// Whether a payload of this length, of this version of a file, may be one to be kept.
    pub(super) fn takes(&self, length: usize, stat: &Stat, now: SystemTime) -> bool {
        OVERHEAD.saturating_add(length as u64) <= self.most() && is_settled(stat, now)
    }

    /// Keeps what was read whole and checked, unless it is too large with its head.
    pub(super) fn keep(&self, name: &str, ready: Ready) {
        if ready.weight() <= self.most() {
            self.files.insert(name.into(), Arc::new(ready));
        }
    }

    fn most(&self) -> u64 {
        (self.budget / 16).min(CHUNK as u64)
    }
}

/// Whether a file was so old when it was looked at that whatever changes it later changes its times.
pub(super) fn is_settled(stat: &Stat, now: SystemTime) -> bool {
    let latest = stat.identity.mtime.max(stat.identity.ctime).time();
    let age = latest.and_then(|latest| now.duration_since(latest).ok());
    age.is_some_and(|age| age >= SETTLED)
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("budget", &self.budget).finish_non_exhaustive()
    }
}
