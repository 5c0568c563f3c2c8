//! A path to a descriptor: beneath the root, without waiting, and known to be a file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::again::uninterrupted;
use super::door;
use super::filesystem::Place;
use super::kind::Kind;
use super::operation::Operation;
use super::platform::Reach;
use super::refusal::{Found, Refusal};
use super::root::Root;
use super::stat::Stat;
use super::walk::{self, Stop};

/// A rename anywhere on the machine can fail one resolution of a path with `..` or a link in it.
/// After this many the path is walked, which no rename disturbs.
const MOST_RACES: u32 = 16;

/// How files are opened: to read, at once whatever they are, and for this process only.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Symlinks {
    /// They are followed as long as they stay beneath the root. An absolute one stays there if it begins with a path
    /// of the root: the one by which that was opened, or its own.
    #[default]
    Beneath,
    /// None may be on the way.
    None,
    /// They are followed wherever they lead. `..` in the path itself is still refused.
    Follow,
}

/// How a path is resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    pub(crate) symlinks: Symlinks,
    /// Leaves access times alone, where the file's owner allows it.
    pub(crate) no_atime: bool,
}

/// What a path led to. Nothing else is ever handed out.
#[derive(Debug)]
pub(crate) enum Opened {
    File(Handle),
    Directory(Handle),
}

/// Why there is no descriptor that names something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unpinned {
    /// A symbolic link is on the way.
    Link,
    /// Something is mounted on the way.
    Mount,
    /// The kernel would have to look for it.
    Uncached,
}

/// An open descriptor and the first look at it.
#[derive(Debug)]
pub(crate) struct Handle {
    descriptor: OwnedFd,
    stat: Stat,
    place: Place,
}

impl Root {
    /// Opens what `relative` names. An empty path is the root itself.
    ///
    /// It does not wait for what is opened: a fifo without a writer, a terminal, a device. Those
    /// are refused, once they are known for what they are. (A device's driver has seen an open by
    /// then.)
    pub(crate) fn resolve(&self, relative: &[u8], how: How) -> Result<Opened, Refusal> {
        Refusal::unless_a_path(relative)?;
        match self.descend(relative, how) {
            Ok(descriptor) => Opened::on(descriptor, |device| self.place_of(device)),
            Err(stop) => Err(Refusal::new(Operation::Resolve, stop.found, stop.errno)),
        }
    }

    /// As [`resolve`](Self::resolve), if that takes no time: the root is on a filesystem of this
    /// machine, nothing that is mounted below it is on the way, and the kernel has every name of the
    /// path in its cache. `None` says nothing about the path, not even whether it exists.
    pub(crate) fn resolve_cached(&self, relative: &[u8], how: How) -> Option<Opened> {
        let unknown = self.memory().openat2().is_missing() || self.memory().cached().is_missing();
        if unknown || self.place() == Place::Elsewhere {
            return None;
        }
        if relative.contains(&0) || how.symlinks == Symlinks::Follow && climbs(relative) {
            return None;
        }
        let open = |flags| door::openat2(self, or_dot(relative), flags, how.reach(true));
        let opened = match open(how.flags()) {
            Err(Errno::PERM) if how.no_atime => open(how.flags() - door::NO_ATIME),
            opened => opened,
        };
        match opened {
            Ok(descriptor) => {
                self.memory().cached().worked();
                Opened::on(descriptor, |_| self.place()).ok()
            }
            Err(Errno::INVAL) => {
                self.memory().cached_is_missing();
                None
            }
            Err(_) => None,
        }
    }

    /// Whether a name is missing on the root's own mount: then a glance may look for it inline. One that
    /// is missing below another mount may take any time to be missing again.
    pub(crate) fn misses_nearby(&self, relative: &[u8], how: How) -> bool {
        let reach = Reach { near: true, ..how.reach(false) };
        let (path, flags) = (or_dot(relative), door::PASS | OFlags::CLOEXEC);
        let found = uninterrupted(|| door::openat2(self, path, flags, reach));
        matches!(found, Err(Errno::NOENT | Errno::NOTDIR))
    }

    /// A descriptor that only names what `relative` leads to, as [`resolve_cached`](Self::resolve_cached)
    /// would find it with no symbolic link on the way.
    pub(crate) fn pin_cached(&self, relative: &[u8]) -> Result<OwnedFd, Unpinned> {
        let unknown = self.memory().openat2().is_missing() || self.memory().cached().is_missing();
        if unknown || self.place() == Place::Elsewhere || relative.contains(&0) {
            return Err(Unpinned::Uncached);
        }
        let reach = How { symlinks: Symlinks::None, no_atime: false }.reach(true);
        let pinned = door::openat2(self, or_dot(relative), door::PASS | OFlags::CLOEXEC, reach);
        pinned.map_err(|errno| match errno {
            Errno::LOOP => Unpinned::Link,
            Errno::XDEV => Unpinned::Mount,
            _ => Unpinned::Uncached,
        })
    }

    fn descend(&self, relative: &[u8], how: How) -> Result<OwnedFd, Stop> {
        if how.symlinks == Symlinks::Follow && climbs(relative) {
            return Err(Stop { found: Found::Outside, errno: Errno::XDEV });
        }
        if self.memory().openat2().is_missing() {
            return self.walk(relative, how);
        }
        let mut flags = how.flags();
        for _ in 0..MOST_RACES {
            let reach = how.reach(false);
            match uninterrupted(|| door::openat2(self, or_dot(relative), flags, reach)) {
                Ok(descriptor) => {
                    self.memory().openat2().worked();
                    return Ok(descriptor);
                }
                Err(Errno::AGAIN) => {}
                Err(Errno::PERM) if flags.intersects(door::NO_ATIME) => flags -= door::NO_ATIME,
                // To the kernel an absolute link leaves the root wherever it leads. The walk opens each name from
                // the root on, so what is swapped meanwhile leads nowhere else either.
                Err(Errno::XDEV) if how.symlinks == Symlinks::Beneath => break,
                Err(Errno::PERM | Errno::NOSYS) if self.memory().openat2_is_missing() => break,
                Err(errno) => return Err(how.stop(errno)),
            }
        }
        self.walk(relative, how)
    }

    /// The way without `openat2`.
    fn walk(&self, relative: &[u8], how: How) -> Result<OwnedFd, Stop> {
        let open = |flags| {
            let path = or_dot(relative);
            uninterrupted(|| rustix::fs::openat(self, path, flags, Mode::empty()))
        };
        let flags = how.flags();
        match how.symlinks {
            Symlinks::Beneath => walk::open(self.as_fd(), self.names(), relative, true, flags),
            Symlinks::None => walk::open(self.as_fd(), &[], relative, false, flags),
            Symlinks::Follow => match open(flags) {
                Err(Errno::PERM) if how.no_atime => Ok(open(flags - door::NO_ATIME)?),
                done => Ok(done?),
            },
        }
    }
}

impl How {
    fn flags(self) -> OFlags {
        if self.no_atime { READ | door::NO_ATIME } else { READ }
    }

    fn reach(self, cached: bool) -> Reach {
        Reach {
            beneath: self.symlinks != Symlinks::Follow,
            links: self.symlinks != Symlinks::None,
            cached,
            near: cached,
        }
    }

    /// What an error number of `openat2` means under this policy.
    fn stop(self, errno: Errno) -> Stop {
        let found = match (self.symlinks, errno) {
            (Symlinks::Beneath | Symlinks::None, Errno::XDEV) => Found::Outside,
            (Symlinks::None, Errno::LOOP) => Found::Link,
            _ => Found::Errno,
        };
        Stop { found, errno }
    }
}

impl Opened {
    /// Looks at a descriptor; whoever else opened it, it has to be readable.
    pub(crate) fn of(descriptor: OwnedFd) -> Result<Self, Refusal> {
        Self::on(descriptor, |_| Place::Elsewhere)
    }

    fn on(descriptor: OwnedFd, place: impl FnOnce(u64) -> Place) -> Result<Self, Refusal> {
        let stat = Stat::of(&descriptor)?;
        let place = place(stat.identity.dev);
        match stat.kind {
            Kind::Regular => Ok(Self::File(Handle::of(descriptor, stat, place))),
            Kind::Directory => Ok(Self::Directory(Handle::of(descriptor, stat, place))),
            Kind::Link
            | Kind::Fifo
            | Kind::Socket
            | Kind::BlockDevice
            | Kind::CharacterDevice
            | Kind::Unknown => Err(Refusal::no_file(stat.kind)),
        }
    }
}

impl Handle {
    pub(super) const fn of(descriptor: OwnedFd, stat: Stat, place: Place) -> Self {
        Self { descriptor, stat, place }
    }

    /// The same file, and the same first look, with a descriptor of its own.
    pub(crate) fn again(&self) -> Result<Self, Refusal> {
        let descriptor = duplicate(&self.descriptor)?;
        Ok(Self { descriptor, stat: self.stat, place: self.place })
    }

    /// The first look; later ones are compared with it.
    pub(crate) const fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Where it is; of a descriptor that somebody else opened that is not known.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// The descriptor itself.
    pub(crate) const fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor().as_fd()
    }
}

/// A descriptor of its own for what `file` is.
pub(crate) fn duplicate(file: &OwnedFd) -> Result<OwnedFd, Refusal> {
    rustix::io::fcntl_dupfd_cloexec(file, 0).map_err(|e| Refusal::errno(Operation::Open, e))
}

/// The kernel has no empty path.
const fn or_dot(relative: &[u8]) -> &[u8] {
    if relative.is_empty() { b"." } else { relative }
}

/// Whether the path itself goes up, or starts elsewhere.
fn climbs(relative: &[u8]) -> bool {
    relative.first() == Some(&b'/') || relative.split(|byte| *byte == b'/').any(|n| n == b"..")
}
