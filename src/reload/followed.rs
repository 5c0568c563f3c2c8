//! A file that is read again: what was read last, and whether there is something new.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::PolicyFileError;
use super::version::{Found, is_young, read};
use crate::sys::Identity;

/// What is made of a file, and takes the place of what was made of it before.
pub(super) trait Reload {
    /// The file.
    fn followed(&self) -> &Followed;

    /// The number of the version that is in force.
    fn version(&self) -> u64;

    /// Puts this text in force, and returns its version; if it is wrong, nothing changes.
    fn take(&self, text: &str) -> Result<u64, PolicyFileError>;
}

/// A file that is read again.
pub(super) struct Followed {
    path: PathBuf,
    /// Held over a reading, so that an older version never comes after a newer one.
    read: Mutex<Read>,
}

/// What was read last.
struct Read {
    /// Nothing as long as another version may have the same.
    identity: Option<Identity>,
    /// It was refused.
    is_wrong: bool,
    /// What is in force; nothing as long as there was no file.
    text: Option<String>,
}

/// What a look found.
pub(super) enum Looked {
    /// A version that is in force now, or was before.
    Taken(Reloaded),
    /// Still the version that was refused.
    Wrong,
    /// Somebody is writing to it, so ask again.
    Unsettled,
}

/// Whether a file has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Refused,
    /// It may come later.
    Awaited,
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    version: u64,
    is_new: bool,
}

impl Reloaded {
    /// The number of the version that is in force now; the first is 1.
    #[must_use]
    pub const fn version(self) -> u64 {
        self.version
    }

    /// Whether the text was another one than before.
    #[must_use]
    pub const fn is_new(self) -> bool {
        self.is_new
    }
}

impl Followed {
    /// Reads the file for the first time; without one there is no text.
    pub(super) fn open(
        path: PathBuf,
        missing: Missing,
    ) -> Result<(Self, Option<String>), PolicyFileError> {
        let found = match read(&path, None, false) {
            Err(_) if missing == Missing::Awaited && !is_there(&path) => None,
            found => Some(found?),
        };
        let (identity, text) = match found {
            Some(Found::Version(identity, text)) => (remembered(identity), Some(text)),
            None => (None, None),
            // It changed at each reading, so there is no whole version.
            Some(Found::Same | Found::Unsettled) => return Err(PolicyFileError::unsettled(&path)),
        };
        let read = Mutex::new(Read { identity, is_wrong: false, text: text.clone() });
        Ok((Self { path, read }, text))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file as it is now.
    pub(super) fn reload(&self, it: &impl Reload) -> Result<Reloaded, PolicyFileError> {
        match self.look(it, false)? {
            Looked::Taken(reloaded) => Ok(reloaded),
            Looked::Wrong | Looked::Unsettled => Err(PolicyFileError::unsettled(&self.path)),
        }
    }

    /// Takes what stands under the name, unless it is known; with `wait` not while somebody may be writing to it.
    pub(super) fn look(&self, it: &impl Reload, wait: bool) -> Result<Looked, PolicyFileError> {
        let mut last = self.last();
        let known = last.identity.filter(|_| wait);
        let same = || Looked::Taken(Reloaded { version: it.version(), is_new: false });
        let (identity, text) = match read(&self.path, known.as_ref(), wait) {
            Err(_) if last.text.is_none() && !is_there(&self.path) => return Ok(same()),
            Err(error) => return Err(error),
            Ok(Found::Version(identity, text)) => (identity, text),
            Ok(Found::Same) if last.is_wrong => return Ok(Looked::Wrong),
            Ok(Found::Same) => return Ok(same()),
            Ok(Found::Unsettled) => return Ok(Looked::Unsettled),
        };
        // A version that is wrong is not read at each look.
        (last.identity, last.is_wrong) = (remembered(identity), false);
        if last.text.as_ref() == Some(&text) {
            return Ok(same());
        }
        let taken = it.take(&text);
        last.is_wrong = taken.is_err();
        let version = taken?;
        last.text = Some(text);
        Ok(Looked::Taken(Reloaded { version, is_new: true }))
    }

    fn last(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a version is known by, if no other one can have the same.
fn remembered(identity: Identity) -> Option<Identity> {
    (!is_young(&identity)).then_some(identity)
}

/// Whether anything stands under the name, a link that leads nowhere too, or may stand there.
fn is_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

    use std::time::{Duration, Instant};

    use super::*;
    use crate::sys::Moment;

    /// A file whose versions are right if they say so.
    struct Says(Followed);

    impl Reload for Says {
        fn followed(&self) -> &Followed {
            &self.0
        }

        fn version(&self) -> u64 {
            1
        }

        fn take(&self, text: &str) -> Result<u64, PolicyFileError> {
            let wrong = || PolicyFileError::wrong(self.0.path(), "it says so".into());
            (text == "right").then_some(2).ok_or_else(wrong)
        }
    }

    #[test]
    fn a_version_that_was_refused_stays_so_until_it_changes() {
        let path = std::env::temp_dir().join(format!("letterhead-followed-{}", std::process::id()));
        fs::write(&path, "first").unwrap();
        let (followed, _) = Followed::open(path.clone(), Missing::Refused).unwrap();
        let says = Says(followed);
        fs::write(&path, "wrong").unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            // It is read again as long as its times are young.
            match says.0.look(&says, true) {
                Ok(Looked::Wrong) => break,
                Ok(Looked::Taken(_)) => panic!("it is still wrong"),
                Ok(Looked::Unsettled) | Err(_) => assert!(Instant::now() < end),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        fs::write(&path, "right").unwrap();
        let taken = says.0.reload(&says).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(taken.is_new());
        let error = says.0.reload(&says).unwrap_err();
        assert!(format!("{error:#}").contains("ENOENT"), "{error:#}");
    }

    /// A version that changed just now, or by a clock that is ahead of this one, is not known by its time.
    #[test]
    fn a_version_is_known_by_its_times_when_no_other_can_have_them() {
        let check = |mtime: i64, ctime: i64, is_known: bool| {
            let moment = |seconds| Moment { seconds, nanos: 0 };
            let (mtime, ctime) = (moment(mtime), moment(ctime));
            let identity = Identity { dev: 1, ino: 2, size: 3, mtime, ctime };
            assert_eq!(remembered(identity), is_known.then_some(identity), "{mtime:?} {ctime:?}");
        };
        let ahead = i64::from(u32::MAX);
        check(0, 0, true);
        check(1_700_000_000, 0, true);
        check(0, ahead, false);
        check(ahead, 0, false);
    }
}
