//! What was found out before: a table of fixed size that may forget.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many values are remembered at most: 32 KiB of them.
const PLACES: usize = 4096;

/// Values that something is known of, to be found out once and not for each request.
///
/// A value is a hash of 64 bits under a random key: one is taken for another once in 2^64 looks. Two
/// that fall on one place push each other out, and are found out about once more.
pub(super) struct Remembered {
    key: RandomState,
    places: Box<[AtomicU64]>,
}

impl Remembered {
    pub(super) fn has(&self, value: &impl Hash) -> bool {
        let mark = self.mark(value);
        self.place(mark).is_some_and(|place| place.load(Ordering::Relaxed) == mark)
    }

    pub(super) fn add(&self, value: &impl Hash) {
        let mark = self.mark(value);
        if let Some(place) = self.place(mark) {
            place.store(mark, Ordering::Relaxed);
        }
    }

    /// 0 is an empty place.
    fn mark(&self, value: &impl Hash) -> u64 {
        self.key.hash_one(value).max(1)
    }

    fn place(&self, mark: u64) -> Option<&AtomicU64> {
        let places = self.places.len().max(1) as u64;
        self.places.get(usize::try_from(mark % places).unwrap_or(0))
    }
}

impl Default for Remembered {
    fn default() -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { key: RandomState::new(), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Identity, Moment};

    #[test]
    fn a_version_is_remembered_and_no_other_is_taken_for_it() {
        let version = |ino: u64, nanos: u32| {
            let at = Moment { seconds: 1, nanos };
            Identity { dev: 1, ino, size: 1, mtime: at, ctime: at }
        };
        let versions = Remembered::default();
        assert!(!versions.has(&version(1, 0)));
        versions.add(&version(1, 0));
        assert!(versions.has(&version(1, 0)));
        assert!(!versions.has(&version(1, 1)) && !versions.has(&version(2, 0)));
        for ino in 10..100_000 {
            versions.add(&version(ino, 0));
            assert!(versions.has(&version(ino, 0)));
        }
        let known = (10..100_000).filter(|ino| versions.has(&version(*ino, 0))).count();
        assert!(known <= PLACES && known > PLACES / 2, "{known}");
    }
}
