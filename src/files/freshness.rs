//! Events of the kernel by which what is kept stays valid, so that not every request has to stat the name.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::counts::Counters;
use super::opened::Name;
use super::options::Freshness;
use super::os_errors::OsErrors;
use crate::sys::{Diagnosis, Mark, Marked, Refusal, Unpinned, Watcher, detached};

/// The events of one sender.
pub(super) struct Watching {
    watcher: OnceLock<Watcher>,
    max_age: Duration,
    /// Looks are counted from here by a clock that nobody sets.
    made: Instant,
    /// Reasons for which there are no events, a bit for each that was reported.
    reported: AtomicU8,
    counters: Arc<Counters>,
}

/// Until when it holds that a name leads to a version.
pub(super) struct Validity {
    marks: Vec<Arc<Mark>>,
    /// What the marks had counted just before the last look.
    sum: AtomicU64,
    /// When that look was made, in milliseconds since the epoch.
    at: AtomicU64,
    /// As [`Before`] has it.
    age: AtomicU64,
}

/// What is known just before a look.
pub(super) struct Before {
    sum: u64,
    /// When that was, in milliseconds since the [`Watching`] was made.
    age: u64,
}

impl Watching {
    pub(super) fn of(how: Freshness, counters: &Arc<Counters>) -> Option<Self> {
        match how {
            Freshness::Stat => None,
            Freshness::Watched { max_age } => {
                let (watcher, reported) = (OnceLock::new(), AtomicU8::new(0));
                let counters = Arc::clone(counters);
                Some(Self { watcher, max_age, made: Instant::now(), reported, counters })
            }
        }
    }

    /// Begins to watch a name, unless it is `absent`, and the directories on the way to it. Only a look
    /// that comes after this says what it leads to; see [`Validity::looked`].
    pub(super) fn watch(
        &self,
        os_errors: &Arc<OsErrors>,
        name: &[u8],
        absent: bool,
    ) -> Option<Validity> {
        let watched = match self.watcher() {
            Ok(watcher) => marks(watcher, os_errors, name, absent)
                .and_then(|marks| Ok((watcher.sum(&marks).ok_or(Without::Uncached)?, marks))),
            Err(refusal) => Err(Without::Refused(0, refusal)),
        };
        match watched {
            Ok((sum, marks)) => Some(Validity {
                marks,
                sum: AtomicU64::new(sum),
                at: AtomicU64::new(0),
                age: AtomicU64::new(self.age()),
            }),
            Err(without) => {
                self.without(os_errors, name, without);
                None
            }
        }
    }

    /// Counts a name that cannot be watched, and reports why, if it is the first of its kind.
    fn without(&self, os_errors: &Arc<OsErrors>, name: &[u8], without: Without) {
        let counters = &self.counters;
        let (bit, counter, (end, refusal)) = match without {
            // That may be otherwise the next time.
            Without::Uncached => return counters.unwatched_uncached.add(),
            Without::Link(end) => (1, &counters.unwatched_links, (end, Refusal::linked())),
            Without::Filesystem(end) => {
                (2, &counters.unwatched_filesystems, (end, Refusal::unwatchable()))
            }
            Without::Refused(end, refusal) => (4, &counters.unwatched_refused, (end, refusal)),
        };
        counter.add();
        if self.reported.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            report(os_errors, name, end, refusal);
        }
    }

    /// Whether no event came since a look that is not too old at the time `now`.
    pub(super) fn holds(&self, validity: &Validity, now: SystemTime) -> bool {
        let at = validity.at.load(Ordering::Acquire);
        // A clock that was set back is no reason to believe anything, nor does it make a look younger.
        let is_young = |then: u64, now: u64| {
            now.checked_sub(then).is_some_and(|age| Duration::from_millis(age) <= self.max_age)
        };
        at > 0
            && is_young(at, millis(now))
            && is_young(validity.age.load(Ordering::Acquire), self.age())
            && self.sum(validity) == Some(validity.sum.load(Ordering::Acquire))
    }

    /// The events so far; to be asked before a look, and given to [`looked`](Validity::looked) after it.
    pub(super) fn before(&self, validity: &Validity) -> Option<Before> {
        let age = self.age();
        self.sum(validity).map(|sum| Before { sum, age })
    }

    fn sum(&self, validity: &Validity) -> Option<u64> {
        self.watcher().ok()?.sum(&validity.marks)
    }

    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn watcher(&self) -> Result<&Watcher, Refusal> {
        if let Some(watcher) = self.watcher.get() {
            return Ok(watcher);
        }
        // Two that are made at once are one too many, which ends at once.
        let watcher = Watcher::new()?;
        Ok(self.watcher.get_or_init(|| watcher))
    }
}

impl Validity {
    /// After a look, at the time `now`, found what was known.
    pub(super) fn looked(&self, before: &Before, now: SystemTime) {
        self.sum.store(before.sum, Ordering::Release);
        self.age.store(before.age, Ordering::Release);
        self.at.store(millis(now), Ordering::Release);
    }

    /// As [`looked`](Self::looked), the first time: with the events when it began.
    pub(super) fn begin(&self, now: SystemTime) {
        self.at.store(millis(now), Ordering::Release);
    }
}

/// Reports why there are no events of a name, on the blocking pool: the part that ends there was refused.
fn report(os_errors: &Arc<OsErrors>, name: &[u8], end: usize, refusal: Refusal) {
    let (os_errors, name) = (Arc::clone(os_errors), name.to_vec());
    detached(move || {
        let part = name.get(..end).unwrap_or_default();
        let diagnosis = Diagnosis::of(&refusal, &os_errors.root, part);
        let refusal = refusal.because(diagnosis.as_ref());
        os_errors.decide(&Name::Beneath(name), &refusal, 0, false);
    });
}

/// Why no events come of a name; of the part of it that ends there.
enum Without {
    Link(usize),
    /// Changes may be made where nobody here hears of them.
    Filesystem(usize),
    Refused(usize, Refusal),
    /// The kernel would have to look for it, or the events have ended.
    Uncached,
}

/// Marks of a name and the directories on the way to it.
fn marks(
    watcher: &Watcher,
    os_errors: &OsErrors,
    name: &[u8],
    absent: bool,
) -> Result<Vec<Arc<Mark>>, Without> {
    let root = &os_errors.root;
    if root.hides_writers() {
        return Err(Without::Filesystem(0));
    }
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let directories = std::iter::once(0).chain(slashes);
    let parts = directories.map(|end| (end, Marked::Directory));
    let whole = (!absent).then_some((name.len(), Marked::File));
    let mut marks = Vec::new();
    for (end, what) in parts.chain(whole) {
        let part = root.pin_cached(name.get(..end).unwrap_or_default());
        let part = part.map_err(|unpinned| match unpinned {
            Unpinned::Link => Without::Link(end),
            Unpinned::Mount => Without::Filesystem(end),
            Unpinned::Uncached => Without::Uncached,
        })?;
        let mark = watcher.mark(part, what).map_err(|refusal| Without::Refused(end, refusal))?;
        marks.push(mark);
    }
    Ok(marks)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
