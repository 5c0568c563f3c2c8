//! Small files that were served lately: bytes and finished head, each proved to be the present version
//! before it is served again.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{DATE, HeaderMap};
use http::{Response, StatusCode};
use quick_cache::sync::Cache as Evicting;
use quick_cache::{Equivalent, Weighter};

use super::sender::FileSender;
use crate::answer::{Coding, Facts};
use crate::field::date::Date;
use crate::sys::{Root, Stat};

/// What an entry takes beside its bytes and its name: the head, the facts, the tables.
const OVERHEAD: u64 = 2048;

/// How many names are remembered to name nothing.
const MOST_ABSENT: usize = 4096;

/// The least age of a file that is kept: where the clock of the filesystem ticks, a later write would
/// have to have another time.
const YOUNGEST: Duration = Duration::from_millis(100);

/// What is known of names below the root.
pub(super) struct Cache {
    files: Evicting<Key, Arc<Ready>, Weigh>,
    absent: Evicting<Box<[u8]>, ()>,
    budget: u64,
}

/// A file as it is served.
pub(super) struct Ready {
    pub(super) stat: Stat,
    pub(super) bytes: Bytes,
    pub(super) facts: Facts,
    /// The fields of the 200, with a date that is to be replaced.
    fields: HeaderMap,
    /// The modification time: before it, the clock was set back.
    modified: SystemTime,
}

/// A name below the root, and the coding that its bytes are served in: `a.gz` may be asked for, or be
/// what is sent for `a`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(Box<[u8]>, Coding);

/// A [`Key`] that owns nothing.
struct Asked<'a>(&'a [u8], Coding);

#[derive(Clone, Debug)]
struct Weigh;

impl Cache {
    /// One whose files and heads take about `budget` bytes, besides the names that name nothing.
    pub(super) fn new(budget: u64) -> Self {
        let items = usize::try_from(budget / (16 * 1024)).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self {
            files: Evicting::with_weighter(items, budget, Weigh),
            absent: Evicting::new(MOST_ABSENT),
            budget,
        }
    }

    /// Whether a file of this length, changed last so long ago, is one to be kept.
    pub(super) fn takes(&self, size: u64, age: Duration, settle: Duration) -> bool {
        let most = (self.budget / 16).min(FileSender::CHUNK as u64);
        size.saturating_add(OVERHEAD) <= most && age >= settle.max(YOUNGEST)
    }

    /// What was kept of this name, if the name still has that version.
    pub(super) fn fresh(&self, root: &Root, name: &[u8], coding: Coding) -> Option<Arc<Ready>> {
        let ready = self.files.get(&Asked(name, coding))?;
        // An equal look proves that nothing was written since the bytes were read; any other one says
        // nothing, as a glance goes where no open would.
        match root.glance(name) {
            Ok(now) if now.identity == ready.stat.identity && now.kind == ready.stat.kind => {
                Some(ready)
            }
            Ok(_) | Err(_) => {
                self.files.remove(&Asked(name, coding));
                None
            }
        }
    }

    /// Whether this name was known to name nothing, and still does.
    pub(super) fn is_absent(&self, root: &Root, name: &[u8]) -> bool {
        if self.absent.get(name).is_none() {
            return false;
        }
        match root.glance(name) {
            Err(refusal) if refusal.is_absence() => true,
            Ok(_) | Err(_) => {
                self.absent.remove(name);
                false
            }
        }
    }

    /// Keeps a file that was read whole.
    pub(super) fn keep(&self, name: &[u8], coding: Coding, ready: Ready) {
        self.files.insert(Key(name.into(), coding), Arc::new(ready));
    }

    /// Remembers a name that names nothing.
    pub(super) fn keep_absent(&self, name: &[u8]) {
        self.absent.insert(name.into(), ());
    }

    /// How many files there are, and about how many bytes they take.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.files.len(), self.files.weight())
    }
}

impl Ready {
    /// A file of which `fields` are those of its 200.
    pub(super) fn new(stat: Stat, bytes: Bytes, facts: Facts, fields: HeaderMap) -> Option<Self> {
        let modified = stat.identity.mtime.time()?;
        if !fields.contains_key(DATE) {
            return None;
        }
        Some(Self { stat, bytes, facts, fields, modified })
    }

    /// The head of the 200 at the time `now`; `None` if it has to be made anew.
    pub(super) fn whole(&self, now: SystemTime) -> Option<Response<()>> {
        if now < self.modified {
            return None;
        }
        let date = Date::of(now).lasting_value()?;
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::OK;
        head.headers_mut().clone_from(&self.fields);
        // There is one: nothing has to grow.
        *head.headers_mut().get_mut(DATE)? = date;
        Some(head)
    }
}

impl Weighter<Key, Arc<Ready>> for Weigh {
    fn weight(&self, key: &Key, ready: &Arc<Ready>) -> u64 {
        OVERHEAD + (key.0.len() + ready.bytes.len()) as u64
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
