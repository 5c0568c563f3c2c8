//! Which files are not as they are listed: each is left alone until it is another version.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys::Identity;
use crate::trust::Mismatch;

/// The files that are not as they are listed.
#[derive(Default)]
pub(super) struct Breakers {
    open: Mutex<Open>,
    /// How many there are: with none, no request takes the lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Open {
    files: HashMap<Box<[u8]>, Broken>,
    /// Another list is in force: what is found out by this one is no more news of the tree.
    is_retired: bool,
}

struct Broken {
    version: Identity,
    mismatch: Mismatch,
}

impl Breakers {
    /// Whether this version of a file is known to be none that is listed.
    pub(super) fn has(&self, path: &[u8], version: &Identity) -> bool {
        self.count() > 0
            && self.open().files.get(path).is_some_and(|broken| broken.version == *version)
    }

    /// Remembers a file, and since when it is not as listed: from its first mismatch on, whatever was put in its place since. Whether
    /// that is news.
    pub(super) fn add(&self, version: Identity, mut mismatch: Mismatch) -> (bool, Mismatch) {
        let mut open = self.open();
        let before = open.files.get(&mismatch.path);
        if let Some(before) = before {
            mismatch.since = before.mismatch.since;
        }
        let is_news = before.is_none_or(|before| {
            before.version != version || before.mismatch.found != mismatch.found
        });
        let broken = Broken { version, mismatch: mismatch.clone() };
        open.files.insert(mismatch.path.clone(), broken);
        self.count.store(open.files.len(), Ordering::Relaxed);
        (is_news, mismatch)
    }

    /// Forgets a file that is as listed; whether it was not before.
    pub(super) fn remove(&self, path: &[u8]) -> bool {
        if self.count() == 0 {
            return false;
        }
        let mut open = self.open();
        let was = open.files.remove(path).is_some();
        self.count.store(open.files.len(), Ordering::Relaxed);
        was
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let mut open = self.open();
        open.files.clear();
        self.count.store(0, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Another list is in force.
    pub(super) fn retire(&self) {
        self.open().is_retired = true;
    }

    /// Says how many there are, one caller at a time, so that the last word is the latest; not once another list is in force.
    pub(super) fn say_count(&self, say: impl FnOnce(usize)) {
        let open = self.open();
        if !open.is_retired {
            say(open.files.len());
        }
    }

    /// All of them, in the order of their paths.
    pub(super) fn list(&self) -> Vec<Mismatch> {
        let open = self.open();
        let mut list: Vec<_> = open.files.values().map(|broken| broken.mismatch.clone()).collect();
        drop(open);
        list.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        list
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
