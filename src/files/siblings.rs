//! Siblings of a file in other codings: how they are named, which are too old, and what was found out about them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::remembered::Remembered;
use crate::answer::Coding;
use crate::sys::Moment;

/// By how many seconds a sibling may be older than its file. Ways of copying that keep times keep them to the
/// microsecond or the second, or set those of two files one after the other.
const SLACK: i64 = 2;

/// In how many directories a sibling that was passed over is reported.
const MOST_REPORTED: u32 = 64;

/// What was found out about siblings beneath one root.
pub(super) struct Siblings {
    /// Names that have none, with the time by [`LINKS`](super::context::LINKS).
    pub(super) alone: Remembered,
    /// Directories with a sibling that was reported.
    reported: Remembered,
    left: AtomicU32,
}

/// The directory that a path is in; the root itself is behind no link.
pub(super) fn directory(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|byte| *byte == b'/')?;
    path.get(..end)
}

impl Siblings {
    /// Whether a sibling in this path's directory is to be reported: none was, and the limit is not reached.
    pub(super) fn is_news(&self, path: &[u8]) -> bool {
        let at = directory(path).unwrap_or_default();
        if self.reported.has(&at) {
            return false;
        }
        self.reported.add(&at);
        let less = |left: u32| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Default for Siblings {
    fn default() -> Self {
        let (alone, reported) = (Remembered::default(), Remembered::default());
        Self { alone, reported, left: AtomicU32::new(MOST_REPORTED) }
    }
}

/// By how many seconds, rounded up, a sibling is older than its file, if it is not of the same version.
pub(super) fn seconds_behind(sibling: Option<Moment>, file: Option<Moment>) -> Option<u64> {
    let (sibling, file) = (sibling?, file?);
    let with_slack = Moment { seconds: sibling.seconds.saturating_add(SLACK), ..sibling };
    if with_slack >= file {
        return None;
    }
    let whole = file.seconds.saturating_sub(sibling.seconds).unsigned_abs();
    Some(whole.saturating_add(u64::from(file.nanos > sibling.nanos)))
}

/// What a name ends with in a coding; nothing, if it is in none.
pub(super) const fn ending(coding: Coding) -> Option<&'static [u8]> {
    match coding {
        Coding::Brotli => Some(b".br"),
        Coding::Zstd => Some(b".zst"),
        Coding::Gzip => Some(b".gz"),
        Coding::Identity => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_may_be_two_seconds_older_than_its_file() {
        let at = |seconds, nanos| Some(Moment { seconds, nanos });
        for (sibling, file, behind) in [
            (at(10, 0), at(10, 0), None),
            (at(11, 0), at(10, 5), None),
            (at(10, 0), at(10, 999_999_999), None),
            (at(10, 0), at(12, 0), None),
            (at(10, 0), at(12, 1), Some(3)),
            (at(10, 5), at(13, 5), Some(3)),
            (at(10, 5), at(13, 4), Some(3)),
            (at(-5, 0), at(3600, 0), Some(3605)),
            (at(i64::MIN, 0), at(i64::MAX, 1), Some(i64::MAX as u64 + 1)),
            (None, at(3, 0), None),
        ] {
            assert_eq!(seconds_behind(sibling, file), behind, "{sibling:?} {file:?}");
        }
    }

    #[test]
    fn each_directory_is_reported_once_and_only_up_to_the_limit() {
        let siblings = Siblings::default();
        assert!(siblings.is_news(b"a.js.gz") && !siblings.is_news(b"b.js.gz"));
        assert!(siblings.is_news(b"d/a.js.gz") && !siblings.is_news(b"d/a.js.br"));
        let reported = (0..1000).filter(|at| siblings.is_news(format!("d{at}/a.gz").as_bytes()));
        assert_eq!(reported.count(), MOST_REPORTED as usize - 2);
    }
}
