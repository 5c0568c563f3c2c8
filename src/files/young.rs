//! Which names were sent young, and in which second: caches take the date of such a response for one of a change.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::sys::Identity;

/// How many names with their seconds are remembered at most: 64 KiB of them.
const PLACES: usize = 8192;

/// In place of a version: there was more than one.
const SEVERAL: u64 = 0;

/// What was sent without validators.
///
/// A cache that has kept such a response may ask by its `Date` whether it was changed since (RFC 9110, section
/// 13.1.3). A version that was written in the rest of that second has the very same `Last-Modified`. It may
/// be forgotten; then a cache that asks so gets a 304 for an older version.
pub(super) struct Young {
    key: RandomState,
    /// 32 bits that know the name and the second, and 32 of the version. One name that is taken for another is
    /// sent once more, which is never wrong.
    places: Box<[AtomicU64]>,
}

impl Young {
    /// The file of that name was sent as this version.
    pub(super) fn sent(&self, name: &[u8], version: &Identity, now: SystemTime) {
        let version = self.version(version);
        // Its `Date` may be written a moment later.
        for second in [seconds(now), seconds(now) + 1] {
            let (known, place) = self.place(name, second);
            let Some(place) = place else { return };
            let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |was| {
                let is_other = was >> 32 == known && was & 0xffff_ffff != version;
                Some(known << 32 | if is_other { SEVERAL } else { version })
            });
        }
    }

    /// Whether another version than this one was sent in the second that is its date.
    pub(super) fn shares(&self, name: &[u8], version: &Identity, date: SystemTime) -> bool {
        let (known, place) = self.place(name, seconds(date));
        let found = place.map_or(0, |place| place.load(Ordering::Relaxed));
        found >> 32 == known && found & 0xffff_ffff != self.version(version)
    }

    /// By what the name and the second are known, which is not 0, and where.
    fn place(&self, name: &[u8], second: u64) -> (u64, Option<&AtomicU64>) {
        let mark = self.mark(&(name, second));
        let places = self.places.len().max(1) as u64;
        let at = usize::try_from((mark & 0xffff_ffff) % places).unwrap_or(0);
        ((mark >> 32).max(1), self.places.get(at))
    }

    fn version(&self, version: &Identity) -> u64 {
        (self.mark(version) >> 32).max(1)
    }

    fn mark(&self, value: &impl Hash) -> u64 {
        self.key.hash_one(value)
    }
}

impl Default for Young {
    fn default() -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { key: RandomState::new(), places }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::Moment;

    #[test]
    fn only_another_version_of_that_name_and_second_shares_a_date() {
        let version = |ino| {
            let at = Moment { seconds: 1, nanos: 0 };
            Identity { dev: 1, ino, size: 1, mtime: at, ctime: at }
        };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let young = Young::default();
        let shares = |name: &[u8], ino, second| young.shares(name, &version(ino), at(second));
        young.sent(b"f", &version(1), at(100));
        assert!(!shares(b"f", 1, 100) && !shares(b"g", 2, 100) && !shares(b"f", 2, 99));
        assert!(shares(b"f", 2, 100) && shares(b"f", 2, 101) && !shares(b"f", 2, 102));
        young.sent(b"f", &version(2), at(100));
        assert!(shares(b"f", 1, 100) && shares(b"f", 2, 100) && shares(b"f", 3, 100));
    }
}
