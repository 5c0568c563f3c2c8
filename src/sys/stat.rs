//! What a file is and which version of it: read from a descriptor, compared with an earlier look.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::FileType;

use super::kind::Kind;
use super::operation::Operation;
use super::refusal::Refusal;

/// A point of the filesystem's clock: seconds since the epoch (before it: negative) and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

/// Which file, and which version of it.
///
/// Device and inode alone prove nothing: an inode number is used again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) size: u64,
    pub(crate) mtime: Moment,
    pub(crate) ctime: Moment,
}

/// One look at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) identity: Identity,
    pub(crate) kind: Kind,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub(crate) mode: u32,
    pub(crate) nlink: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What a later look found different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: the same version.
    Same,
    /// Only the change time moved, and links, mode or owner say why: a chmod, a hard link, a name
    /// taken over by a rename. The bytes are not known to differ.
    Explained,
    /// Only the change time moved, and nothing says why: a rename of the file itself, an attribute,
    /// or a write whose modification time was set back.
    Unexplained,
    /// The file is longer, and no earlier in time: an append, as far as can be seen.
    Grew,
    /// Size or modification time differ: a write.
    Written,
    /// Another file has the name.
    Another,
}

impl Moment {
    /// As a time of the standard library, if it can hold it.
    pub(crate) fn time(self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.seconds.unsigned_abs());
        let second = if self.seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        };
        second?.checked_add(Duration::from_nanos(u64::from(self.nanos)))
    }
}

impl Stat {
    /// Asks the descriptor, which may be one that only names the file (`O_PATH`).
    pub(crate) fn of(descriptor: impl AsFd) -> Result<Self, Refusal> {
        rustix::fs::fstat(descriptor)
            .map(|stat| Self::read(&stat))
            .map_err(|errno| Refusal::errno(Operation::Stat, errno))
    }

    /// What has changed since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Change {
        let (now, then) = (&self.identity, &earlier.identity);
        if (now.dev, now.ino) != (then.dev, then.ino) || self.kind != earlier.kind {
            return Change::Another;
        }
        if now.size > then.size && now.mtime >= then.mtime {
            return Change::Grew;
        }
        if (now.size, now.mtime) != (then.size, then.mtime) {
            return Change::Written;
        }
        if now.ctime == then.ctime {
            return Change::Same;
        }
        let said = |stat: &Self| (stat.nlink, stat.mode, stat.uid, stat.gid);
        if said(self) == said(earlier) { Change::Unexplained } else { Change::Explained }
    }

    #[expect(
        clippy::allow_attributes,
        reason = "which casts are needed, and which may lose what, differs between the unixes"
    )]
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        clippy::cast_sign_loss,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "sizes are not negative, nanoseconds below a thousand million"
    )]
    pub(super) fn read(stat: &rustix::fs::Stat) -> Self {
        Self {
            identity: Identity {
                dev: stat.st_dev as u64,
                ino: stat.st_ino as u64,
                size: stat.st_size as u64,
                mtime: Moment { seconds: stat.st_mtime as i64, nanos: stat.st_mtime_nsec as u32 },
                ctime: Moment { seconds: stat.st_ctime as i64, nanos: stat.st_ctime_nsec as u32 },
            },
            kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
            mode: (stat.st_mode as u32) & 0o7777,
            nlink: stat.st_nlink as u64,
            uid: stat.st_uid,
            gid: stat.st_gid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment { seconds: 1_700_000_000, nanos: 5 };
    const LATER: Moment = Moment { seconds: 1_700_000_000, nanos: 6 };
    const EARLIER: Moment = Moment { seconds: -1, nanos: 999_999_999 };

    fn check(change: impl FnOnce(&mut Stat), found: Change) {
        let identity = Identity { dev: 1, ino: 2, size: 3, mtime: AT, ctime: AT };
        let then =
            Stat { identity, kind: Kind::Regular, mode: 0o644, nlink: 1, uid: 1000, gid: 1000 };
        let mut now = then;
        change(&mut now);
        assert_eq!(now.since(&then), found, "{now:?}");
    }

    #[test]
    fn a_change_time_alone_is_explained_by_links_mode_or_owner() {
        check(|_| {}, Change::Same);
        check(|s| s.identity.ctime = LATER, Change::Unexplained);
        check(|s| (s.identity.ctime, s.nlink) = (LATER, 0), Change::Explained);
        check(|s| (s.identity.ctime, s.mode) = (LATER, 0o600), Change::Explained);
        check(|s| (s.identity.ctime, s.uid) = (LATER, 0), Change::Explained);
        check(|s| (s.identity.ctime, s.gid) = (LATER, 0), Change::Explained);
    }

    #[test]
    fn a_moment_before_the_epoch_is_a_time_too() {
        let at = |after: Duration| Some(SystemTime::UNIX_EPOCH + after);
        assert_eq!(AT.time(), at(Duration::new(1_700_000_000, 5)));
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(EARLIER.time(), Some(before));
        // Whatever a filesystem says, it is no reason to panic.
        for seconds in [i64::MIN, i64::MAX] {
            let _ = Moment { seconds, nanos: 999_999_999 }.time();
        }
    }

    #[test]
    fn size_and_modification_time_are_content() {
        check(|s| s.identity.mtime = LATER, Change::Written);
        check(|s| s.identity.mtime = EARLIER, Change::Written);
        check(|s| s.identity.size = 2, Change::Written);
        check(|s| s.identity.size = 4, Change::Grew);
        check(|s| (s.identity.size, s.identity.mtime) = (4, LATER), Change::Grew);
        check(|s| (s.identity.size, s.identity.mtime) = (4, EARLIER), Change::Written);
        // Links and mode excuse a change time, not a write.
        check(|s| (s.identity.mtime, s.nlink) = (LATER, 0), Change::Written);
    }

    #[test]
    fn another_inode_device_or_kind_is_another_file() {
        check(|s| s.identity.ino = 9, Change::Another);
        check(|s| s.identity.dev = 9, Change::Another);
        check(|s| s.kind = Kind::Directory, Change::Another);
    }
}
