//! A path followed one component at a time, for kernels that cannot do it in one call.
//!
//! Every step opens one name without following a link, so nothing that is renamed or swapped
//! meanwhile leads anywhere that was not opened from the root down. `..` goes back to the directory
//! that was passed through, not to wherever that directory has been moved since.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::again::uninterrupted;
use super::door;
use super::refusal::Found;

/// As many symbolic links as Linux follows in one path.
const MOST_LINKS: u32 = 40;

/// Each directory on the way stays open for the sake of `..`.
const DEEPEST: usize = 128;

/// `PATH_MAX`, with its NUL.
const LONGEST: usize = 4096;

/// Why a walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) found: Found,
    pub(super) errno: Errno,
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self { found: Found::Errno, errno }
    }
}

/// The next thing to open, from [`here`](Walk::here).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A directory on the way.
    Into(Vec<u8>),
    /// The end of the path; with a slash behind it, it has to be a directory.
    Last { name: Vec<u8>, directory: bool },
    /// The path ended on a directory that is open already.
    Here,
}

/// A position between the root and the end of a path.
pub(super) struct Walk<'a> {
    root: BorrowedFd<'a>,
    /// Whether the root is the whole filesystem, which absolute links do not leave.
    whole: bool,
    /// What the root is called: an absolute link that begins with one of these leads back beneath it.
    called: &'a [Vec<u8>],
    links_allowed: bool,
    /// The directories that are open, and the names by which they were opened.
    passed: Vec<(OwnedFd, Vec<u8>)>,
    /// What is left of the path, last component first.
    left: Vec<Vec<u8>>,
    detours: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: BorrowedFd<'a>, path: &[u8], links: bool) -> Result<Self, Stop> {
        let mut walk = Self {
            root,
            whole: false,
            called: &[],
            links_allowed: links,
            passed: Vec::new(),
            left: Vec::new(),
            detours: 0,
        };
        walk.prepend(path)?;
        Ok(walk)
    }

    /// The same, with what the root is called.
    pub(super) fn called(self, names: &'a [Vec<u8>]) -> Self {
        Self { called: names, ..self }
    }

    /// A walk from the root of the filesystem, by an absolute path.
    pub(super) fn whole(root: BorrowedFd<'a>, path: &[u8]) -> Result<Self, Stop> {
        let mut walk = Self::new(root, b"", true)?;
        walk.whole = true;
        walk.prepend(path)?;
        Ok(walk)
    }

    pub(super) fn here(&self) -> BorrowedFd<'_> {
        self.passed.last().map_or(self.root, |(directory, _)| directory.as_fd())
    }

    pub(super) fn next(&mut self) -> Result<Step, Stop> {
        while let Some(name) = self.left.pop() {
            if name.is_empty() || name == b"." {
                continue;
            }
            if name == b".." {
                if self.passed.pop().is_none() && !self.whole {
                    return Err(outside());
                }
                continue;
            }
            let slash = self.skip_nothings();
            return Ok(if self.left.is_empty() {
                Step::Last { name, directory: slash }
            } else {
                Step::Into(name)
            });
        }
        Ok(Step::Here)
    }

    /// The names from the root to [`here`](Self::here).
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.passed.iter().map(|(_, name)| name.as_slice())
    }

    /// Goes on from a directory that was opened by this name.
    pub(super) fn enter(&mut self, directory: OwnedFd, name: Vec<u8>) -> Result<(), Stop> {
        if self.passed.len() >= DEEPEST {
            return Err(Errno::NAMETOOLONG.into());
        }
        self.passed.push((directory, name));
        Ok(())
    }

    /// Goes the way of a symbolic link, if `name` is one; if not, `errno` was meant.
    pub(super) fn detour(&mut self, step: &Step, errno: Errno) -> Result<(), Stop> {
        let (name, slash) = match step {
            Step::Into(name) => (name, false),
            Step::Last { name, directory } => (name, *directory),
            Step::Here => return Err(errno.into()),
        };
        // What the unixes say of a link under O_NOFOLLOW: Linux with O_DIRECTORY, without, BSD.
        if !matches!(errno, Errno::NOTDIR | Errno::LOOP | Errno::MLINK) {
            return Err(errno.into());
        }
        let here = self.here();
        let target =
            match uninterrupted(|| rustix::fs::readlinkat(here, name.as_slice(), Vec::new())) {
                Ok(target) => target.into_bytes(),
                // It was a link a moment ago: look again, and count it like one.
                Err(Errno::INVAL) if errno != Errno::NOTDIR => name.clone(),
                Err(_) => return Err(errno.into()),
            };
        if !self.links_allowed {
            return Err(Stop { found: Found::Link, errno: Errno::LOOP });
        }
        self.detours += 1;
        if self.detours > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        if slash {
            self.left.push(Vec::new());
        }
        self.prepend(&target)
    }

    fn prepend(&mut self, path: &[u8]) -> Result<(), Stop> {
        if path.len() >= LONGEST {
            return Err(Errno::NAMETOOLONG.into());
        }
        let mut path = path;
        if path.first() == Some(&b'/') {
            if !self.whole {
                // By its text alone: nothing outside of the root is looked at, and what is left of it is followed
                // from the root on like any other path.
                let below = self.called.iter().find_map(|name| below(path, name));
                path = below.ok_or_else(outside)?;
            }
            self.passed.clear();
        }
        self.left.extend(path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
        Ok(())
    }

    /// Drops `.` and empty components; whether there were any.
    fn skip_nothings(&mut self) -> bool {
        let before = self.left.len();
        while self.left.last().is_some_and(|name| name.is_empty() || name == b".") {
            self.left.pop();
        }
        self.left.len() < before
    }
}

/// What is left of an absolute path below a directory of this name, if that is where it leads by its text.
fn below<'p>(path: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
    let mut rest = path;
    for wanted in name.split(|byte| *byte == b'/').filter(|wanted| !wanted.is_empty()) {
        loop {
            if rest.is_empty() {
                return None;
            }
            let end = rest.iter().position(|byte| *byte == b'/');
            let (first, behind) = rest.split_at(end.unwrap_or(rest.len()));
            rest = behind.strip_prefix(b"/").unwrap_or(behind);
            match first {
                b"" | b"." => {}
                first if first == wanted => break,
                _ => return None,
            }
        }
    }
    Some(rest)
}

/// Opens what `path` names beneath `root`, which has these names from `/` on, with `flags`.
pub(super) fn open(
    root: BorrowedFd<'_>,
    called: &[Vec<u8>],
    path: &[u8],
    links: bool,
    flags: OFlags,
) -> Result<OwnedFd, Stop> {
    let mut walk = Walk::new(root, path, links)?.called(called);
    loop {
        let step = walk.next()?;
        let opened = match &step {
            Step::Into(name) => open_one(walk.here(), name, door::PASS | OFlags::DIRECTORY),
            Step::Last { name, directory: false } => open_one(walk.here(), name, flags),
            Step::Last { name, directory: true } => {
                open_one(walk.here(), name, flags | OFlags::DIRECTORY)
            }
            Step::Here => open_one(walk.here(), b".", flags | OFlags::DIRECTORY),
        };
        match (opened, step) {
            (Ok(directory), Step::Into(name)) => walk.enter(directory, name)?,
            (Ok(found), Step::Last { .. } | Step::Here) => return Ok(found),
            (Err(errno), step) => walk.detour(&step, errno)?,
        }
    }
}

/// Opens one name, and no link. The access time is left alone where that is allowed.
pub(super) fn open_one(at: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |flags| uninterrupted(|| rustix::fs::openat(at, name, flags, Mode::empty()));
    match open(flags) {
        Err(Errno::PERM) if flags.intersects(door::NO_ATIME) => open(flags - door::NO_ATIME),
        done => done,
    }
}

const fn outside() -> Stop {
    Stop { found: Found::Outside, errno: Errno::XDEV }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn what_is_below_a_name_is_told_by_whole_components() {
        let check = |path: &str, name: &str, rest: Option<&str>| {
            let found = below(path.as_bytes(), name.as_bytes());
            assert_eq!(found, rest.map(str::as_bytes), "{path} {name}");
        };
        check("/srv/www/a", "/srv/www", Some("a"));
        check("/srv/www/d/../../x", "/srv/www", Some("d/../../x"));
        check("//srv/.//www//a/", "/srv/www/", Some("/a/"));
        check("/srv/www", "/srv/www", Some(""));
        check("/srv/www/", "/srv/www", Some(""));
        check("/a/b", "/", Some("/a/b"));
        for path in ["/srv/wwwx", "/srv/ww", "/srv", "/", "/srv/x/../www/a", "/x/srv/www/a", ""] {
            check(path, "/srv/www", None);
        }
    }
}
