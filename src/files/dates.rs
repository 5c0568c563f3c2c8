//! Which dates of files say when they were changed, and which are no dates.

use std::time::{Duration, SystemTime};

use super::settings::Versions;
use crate::sys::{Identity, Moment, Stat};

/// 1 January 1990: what is dated before was dated by a tool that gives every file the same date. Nix says 1
/// second behind the epoch, Bazel 0, the buildpacks of Cloud Native Computing 1980, npm 1985.
const FIRST_DATE: i64 = 631_152_000;

/// By a clock of whole seconds two writes in one second have one time.
const WHOLE_SECONDS: Duration = Duration::from_secs(2);

impl Versions {
    /// Whether the date of this version is one: it says when the content was changed.
    pub(super) fn is_dated(&self, version: &Identity) -> bool {
        !self.constant_dates && version.mtime.seconds >= FIRST_DATE
    }

    /// What `Last-Modified` says of a version; `None` if nothing true can be said.
    ///
    /// A date in the future is no date of a change that was made. When the date was set is: it does not
    /// move with the clock, and is not later than the response.
    pub(super) fn last_modified(&self, version: &Identity, now: SystemTime) -> Option<SystemTime> {
        let past = |moment: Moment| moment.time().filter(|time| *time <= now);
        self.is_dated(version).then(|| past(version.mtime).or_else(|| past(version.ctime)))?
    }

    /// How old the last change of a file has to be for it to be settled.
    pub(super) fn settle_of(&self, version: &Identity) -> Duration {
        // The change time is set by the kernel alone: without a fraction its clock has none.
        let is_coarse = version.ctime.nanos == 0 && version.mtime.nanos == 0;
        if is_coarse { self.settle.max(WHOLE_SECONDS) } else { self.settle }
    }
}

/// How old the last change of a file is. Whoever sets the time of a file back does not set back when
/// that was done, and of one whose time is in the future that alone counts. A change time in the
/// future is no older than now.
pub(super) fn age(stat: &Stat, now: SystemTime) -> Duration {
    let Identity { mtime, ctime, .. } = stat.identity;
    let latest = if is_ahead(&stat.identity, now) { ctime } else { mtime.max(ctime) };
    latest.time().and_then(|time| now.duration_since(time).ok()).unwrap_or_default()
}

/// Whether the date of a version is in the future: what is said of it now is not said later.
pub(super) fn is_ahead(version: &Identity, now: SystemTime) -> bool {
    version.mtime.time().is_none_or(|time| time > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kind;

    const NOW: i64 = 1_800_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs())
    }

    fn version(mtime: i64, ctime: i64) -> Identity {
        let at = |seconds| Moment { seconds, nanos: 5 };
        Identity { dev: 1, ino: 2, size: 3, mtime: at(mtime), ctime: at(ctime) }
    }

    fn check(mtime: i64, ctime: i64, expected: Option<i64>, aged: u64) {
        let versions = Versions::default();
        let identity = version(mtime, ctime);
        let modified = versions.last_modified(&identity, now());
        let modified = modified.map(|time| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("behind the epoch");
            i64::try_from(since.as_secs()).expect("a date")
        });
        assert_eq!(modified, expected, "{mtime} {ctime}");
        let stat = Stat { identity, kind: Kind::Regular, mode: 0, nlink: 1, uid: 0, gid: 0 };
        assert_eq!(age(&stat, now()).as_secs(), aged, "{mtime} {ctime}");
        let constant = Versions { constant_dates: true, ..versions };
        assert_eq!(constant.last_modified(&identity, now()), None);
    }

    #[test]
    fn a_date_before_1990_is_none_and_one_in_the_future_is_when_it_was_set() {
        let ago = |seconds: i64| NOW - seconds;
        check(ago(100), ago(100), Some(ago(100)), 99);
        check(ago(100), ago(9), Some(ago(100)), 8);
        for constant in [0, 1, -1, 315_532_801, 499_162_500, FIRST_DATE - 1] {
            check(constant, ago(9), None, 8);
        }
        check(FIRST_DATE, ago(9), Some(FIRST_DATE), 8);
        // A date in the future, and a clock that was set back.
        check(NOW + 600, ago(9), Some(ago(9)), 8);
        check(NOW + 600, NOW + 600, None, 0);
        check(ago(9), NOW + 600, Some(ago(9)), 0);
    }

    #[test]
    fn a_clock_of_whole_seconds_wants_two_of_them() {
        let mut versions = Versions::default();
        let mut identity = version(NOW, NOW);
        for (settle, nanos, expected) in [
            (Duration::ZERO, [0, 0], WHOLE_SECONDS),
            (Duration::from_secs(5), [0, 0], Duration::from_secs(5)),
            // A date that somebody set, on a clock with fractions.
            (Duration::ZERO, [0, 7], Duration::ZERO),
        ] {
            versions.settle = settle;
            (identity.mtime.nanos, identity.ctime.nanos) = (nanos[0], nanos[1]);
            assert_eq!(versions.settle_of(&identity), expected, "{settle:?} {nanos:?}");
        }
    }
}
