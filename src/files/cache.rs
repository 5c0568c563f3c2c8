//! Small files that were served lately: bytes and finished head, each proved to be the present version
//! before it is served again.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use http::header::HeaderMap;
use quick_cache::sync::{Cache as Evicting, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use super::close;
use super::freshness::{Validity, Watching};
use super::options::CHUNK;
use super::os_errors::OsErrors;
use crate::answer::{Again, Coding, Facts};
use crate::sys::{Handle, Moment, Root, Stat, most_descriptors};

/// What an entry takes beside its bytes and its name: the head, the facts, the tables.
const OVERHEAD: u64 = 2048;

/// What an open file counts for at least: a descriptor takes no such room, but there are few of them.
const OPEN: u64 = 1024 * 1024;

/// The most parts that are locked apart. Each has its share of the budget, and has to have room for a few
/// open files.
const MOST_SHARDS: usize = 16;

/// How long a file is kept open.
const LONGEST: Duration = Duration::from_secs(10);

/// How many names are remembered to name nothing.
const MOST_ABSENT: usize = 4096;

/// Of how many files no more is remembered than which version they have.
const MOST_PLAIN: usize = 4096;

/// The least age of a file that is kept: where the clock of the filesystem ticks, a later write would
/// have to have another time.
const YOUNGEST: Duration = Duration::from_millis(100);

/// What is known of names below the root.
pub(super) struct Cache {
    files: Evicting<Key, Arc<Ready>, Weigh>,
    absent: Evicting<Box<[u8]>, Arc<Option<Validity>>>,
    /// Files in whose place siblings are sent.
    plain: Evicting<Box<[u8]>, Arc<Plain>>,
    budget: u64,
    /// What an open file counts for.
    open: u64,
    /// None: each request looks.
    watching: Option<Watching>,
}

/// A file as it is served.
pub(super) struct Ready {
    pub(super) stat: Stat,
    pub(super) bytes: Bytes,
    pub(super) facts: Facts,
    /// The head of the 200.
    head: Again,
    /// None: each request looks.
    validity: Option<Validity>,
    /// Of a file whose first bytes alone are kept: where the kernel finds the others.
    pub(super) open: Option<Open>,
}

/// What is known of a file that was opened, and of which nothing is kept.
struct Plain {
    stat: Stat,
    /// None: each request looks.
    validity: Option<Validity>,
}

/// A file that is kept open.
pub(super) struct Open {
    pub(super) handle: Arc<Handle>,
    /// When it was opened.
    at: SystemTime,
}

/// A name below the root, and the coding that its bytes are served in: `a.gz` may be asked for, or be
/// what is sent for `a`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(Box<[u8]>, Coding);

/// A [`Key`] that owns nothing.
struct Asked<'a>(&'a [u8], Coding);

#[derive(Clone, Debug)]
struct Weigh {
    open: u64,
}

impl Cache {
    /// One whose files and heads take about `budget` bytes, besides the names that name nothing.
    pub(super) fn new(budget: u64, watching: Option<Watching>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // The others are for clients, and for whatever else the process does.
        Self::with(budget, watching, most_descriptors() / 8, cores.saturating_mul(4))
    }

    /// The same, with at most so many files open, and about so many parts that are locked apart.
    pub(super) fn with(
        budget: u64,
        watching: Option<Watching>,
        most_open: u64,
        shards: usize,
    ) -> Self {
        let items = usize::try_from(budget / (16 * 1024)).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let open = OPEN.max(budget.div_ceil(most_open.max(1)));
        let options = OptionsBuilder::new()
            .estimated_items_capacity(items)
            .weight_capacity(budget)
            .shards(shards.min(MOST_SHARDS))
            .build();
        let files = match options {
            Ok(options) => {
                let (hasher, lifecycle) =
                    (DefaultHashBuilder::default(), DefaultLifecycle::default());
                Evicting::with_options(options, Weigh { open }, hasher, lifecycle)
            }
            Err(_) => Evicting::with_weighter(items, budget, Weigh { open }),
        };
        let (absent, plain) = (Evicting::new(MOST_ABSENT), Evicting::new(MOST_PLAIN));
        Self { files, absent, plain, budget, open, watching }
    }

    /// Whether a file of this length, changed last so long ago, is one to be kept.
    pub(super) fn takes(&self, size: u64, age: Duration, settle: Duration) -> bool {
        let most = (self.budget / 16).min(CHUNK as u64);
        size.saturating_add(OVERHEAD) <= most && age >= settle.max(YOUNGEST)
    }

    /// Whether a file that is left to the kernel, changed last so long ago, is one to be kept open.
    pub(super) fn takes_open(&self, age: Duration, settle: Duration) -> bool {
        // Two fit into each part.
        self.open <= self.budget / (2 * MOST_SHARDS as u64) && age >= settle.max(YOUNGEST)
    }

    /// What was kept of this name, if the name still has that version; and whether that was looked up.
    /// `opened`: a file that is kept open will do.
    pub(super) fn fresh(
        &self,
        root: &Root,
        name: &[u8],
        coding: Coding,
        now: SystemTime,
        opened: bool,
    ) -> Option<(Arc<Ready>, Looked)> {
        let ready = self.files.get(&Asked(name, coding))?;
        if let Some(open) = &ready.open {
            if !opened {
                return None;
            }
            // Its name may be gone, and then nobody asks for it.
            if !open.is_young(now) {
                self.files.remove(&Asked(name, coding));
                return None;
            }
        }
        let is_same = || ready.stat.is_of(root, name);
        if let Some(looked) = self.check(ready.validity.as_ref(), now, is_same) {
            return Some((ready, looked));
        }
        self.files.remove(&Asked(name, coding));
        None
    }

    /// Whether this name was known to name nothing, and still does.
    pub(super) fn is_absent(&self, root: &Root, name: &[u8], now: SystemTime) -> bool {
        let Some(validity) = self.absent.get(name) else { return false };
        if self.check(Option::as_ref(&validity), now, || is_absent(root, name)).is_some() {
            return true;
        }
        self.absent.remove(name);
        false
    }

    /// When a file was changed last in whose place a sibling was sent, if the name still has that version. `None` also
    /// if it is kept itself, and so known.
    pub(super) fn plain(&self, root: &Root, name: &[u8], now: SystemTime) -> Option<Moment> {
        let plain = self.plain.get(name)?;
        if self.files.peek(&Asked(name, Coding::Identity)).is_some() {
            return None;
        }
        if self.check(plain.validity.as_ref(), now, || plain.stat.is_of(root, name)).is_some() {
            return Some(plain.stat.identity.mtime);
        }
        self.plain.remove(name);
        None
    }

    /// Remembers a file that was opened, and in whose place a sibling is sent.
    pub(super) fn keep_plain(
        &self,
        os_errors: &Arc<OsErrors>,
        name: &[u8],
        stat: Stat,
        now: SystemTime,
    ) {
        let validity = self.watching.as_ref().and_then(|w| w.watch(os_errors, name, false));
        let validity = validity.filter(|_| stat.is_of(&os_errors.root, name));
        if let Some(validity) = &validity {
            validity.begin(now);
        }
        self.plain.insert(name.into(), Arc::new(Plain { stat, validity }));
    }

    /// Whether what was known holds: because no event came since the last look, or by a look.
    fn check(
        &self,
        validity: Option<&Validity>,
        now: SystemTime,
        is_same: impl FnOnce() -> bool,
    ) -> Option<Looked> {
        let (Some(watching), Some(validity)) = (&self.watching, validity) else {
            return is_same().then_some(Looked::Now);
        };
        if watching.holds(validity, now) {
            return Some(Looked::Before);
        }
        // Asked first: an event after that may have come after the look, too.
        let before = watching.before(validity);
        if !is_same() {
            return None;
        }
        if let Some(before) = before {
            validity.looked(&before, now);
        }
        Some(Looked::Now)
    }

    /// Keeps a file that was read whole.
    pub(super) fn keep(
        &self,
        os_errors: &Arc<OsErrors>,
        name: &[u8],
        coding: Coding,
        mut ready: Ready,
        now: SystemTime,
    ) {
        let validity = self.watching.as_ref().and_then(|w| w.watch(os_errors, name, false));
        if let Some(validity) = validity.filter(|_| ready.stat.is_of(&os_errors.root, name)) {
            validity.begin(now);
            ready.validity = Some(validity);
        }
        self.files.insert(Key(name.into(), coding), Arc::new(ready));
    }

    /// Remembers a name that names nothing.
    pub(super) fn keep_absent(&self, os_errors: &Arc<OsErrors>, name: &[u8], now: SystemTime) {
        let validity = self.watching.as_ref().and_then(|w| w.watch(os_errors, name, true));
        let validity = validity.filter(|_| is_absent(&os_errors.root, name));
        if let Some(validity) = &validity {
            validity.begin(now);
        }
        self.absent.insert(name.into(), Arc::new(validity));
    }

    /// How many files there are, and about how many bytes they take.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.files.len(), self.files.weight())
    }
}

/// How something was known to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// By a look for this request.
    Now,
    /// By an earlier one, since which no event came.
    Before,
}

/// Whether there is no such name, by a look that follows links anywhere: there is none beneath the root
/// either then.
fn is_absent(root: &Root, name: &[u8]) -> bool {
    root.glance(name).is_err_and(|refusal| refusal.is_absence())
}

impl Stat {
    /// Whether the name leads to this version. An equal look proves that nothing was written since the
    /// bytes were read; any other one says nothing, as a glance goes where no open would.
    fn is_of(&self, root: &Root, name: &[u8]) -> bool {
        let same = |now: Stat| now.identity == self.identity && now.kind == self.kind;
        root.glance(name).is_ok_and(same)
    }
}

impl Ready {
    /// A file of which `fields` are those of its 200.
    pub(super) fn new(stat: Stat, bytes: &[u8], facts: Facts, fields: HeaderMap) -> Option<Self> {
        stat.identity.mtime.time()?;
        let (head, bytes) = Again::packed(fields, &facts, bytes)?;
        Some(Self { stat, bytes, facts, head, validity: None, open: None })
    }

    /// The same, with the file where what is not in `bytes` is to be had; it was opened at `now`.
    pub(super) fn with_open(mut self, handle: Arc<Handle>, now: SystemTime) -> Self {
        self.open = Some(Open { handle, at: now });
        self
    }

    /// The head of the 200 at the time `now`; `None` if it has to be made again.
    pub(super) fn whole(&self, now: SystemTime) -> Option<Response<()>> {
        self.head.at(now)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            close::close(open.handle);
        }
    }
}

impl Open {
    /// Whether it was opened lately: a file that cannot be read any more, or that would not be opened any
    /// more, is found out about by that time.
    fn is_young(&self, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|age| age < LONGEST)
    }
}

impl Weighter<Key, Arc<Ready>> for Weigh {
    fn weight(&self, key: &Key, ready: &Arc<Ready>) -> u64 {
        let open = if ready.open.is_some() { self.open } else { 0 };
        OVERHEAD + open + (key.0.len() + ready.bytes.len()) as u64
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Asked(&self.0, self.1).hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        std::mem::discriminant(&self.1).hash(state);
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.0 && self.1 == key.1
    }
}
