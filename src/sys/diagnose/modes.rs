//! What the components of a path give to this process: the kernel is asked, mode bits explain its answer.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::bit::Bit;
use super::process::{Process, printable};
use crate::sys::door;
use crate::sys::kind::Kind;
use crate::sys::root::Root;
use crate::sys::stat::Stat;
use crate::sys::walk::{self, Step, Walk};

/// Which of the three triples of mode bits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Owner,
    Group,
    Other,
}

/// A component that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    /// As it was reached, links followed; `.` is the root itself.
    pub(crate) component: String,
    pub(crate) bit: Bit,
    pub(crate) class: Class,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Mode bits would give it; an access control list does not.
    pub(crate) by_acl: bool,
}

/// A component, open to be asked about.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) descriptor: OwnedFd,
    pub(super) stat: Stat,
}

/// What the walk saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The first directory on the way that may not be searched.
    pub(super) way: Option<Lacking>,
    /// The directory with the last name in it.
    pub(super) directory: Option<Component>,
    /// What has the last name.
    pub(super) target: Option<Component>,
}

pub(super) fn look(root: &Root, relative: &[u8], process: &Process) -> Seen {
    let walk = Walk::new(root.as_fd(), relative, true).map(|walk| walk.called(root.names()));
    walk.map_or_else(|_| Seen::default(), |walk| go(walk, process))
}

pub(super) fn look_from_the_top(path: &[u8], process: &Process) -> Seen {
    let flags = door::PASS | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let start = if path.first() == Some(&b'/') { "/" } else { "." };
    let Ok(top) = rustix::fs::openat(CWD, start, flags, Mode::empty()) else {
        return Seen::default();
    };
    Walk::whole(top.as_fd(), path).map_or_else(|_| Seen::default(), |walk| go(walk, process))
}

/// Names one component after another, which needs no permission for the component itself, until
/// one is in the way. The walk bounds the number of steps.
fn go(mut walk: Walk<'_>, process: &Process) -> Seen {
    let mut seen = Seen::default();
    while let Ok(step) = walk.next() {
        let here = component(walk.here(), &walk, None);
        if step == Step::Here {
            seen.target = here;
            return seen;
        }
        seen.way = here.as_ref().and_then(|here| here.lacks(Bit::Search, process));
        if seen.way.is_some() {
            seen.target = here;
            return seen;
        }
        match (name(&walk, &step), step) {
            (Ok(directory), Step::Into(name)) => {
                if walk.enter(directory, name).is_err() {
                    return seen;
                }
            }
            (last, Step::Last { name, directory }) => {
                seen.directory = here;
                match last {
                    Ok(last) => {
                        seen.target = component(last.as_fd(), &walk, Some(&name));
                        return seen;
                    }
                    Err(errno) => {
                        if walk.detour(&Step::Last { name, directory }, errno).is_err() {
                            return seen;
                        }
                    }
                }
            }
            (Ok(_), Step::Here) => return seen,
            (Err(errno), step) => {
                if walk.detour(&step, errno).is_err() {
                    return seen;
                }
            }
        }
    }
    seen
}

/// A descriptor for the next component. A link is refused as `open` does without `O_PATH`.
fn name(walk: &Walk<'_>, step: &Step) -> Result<OwnedFd, Errno> {
    match step {
        Step::Into(name) => walk::open_one(walk.here(), name, door::PASS | OFlags::DIRECTORY),
        Step::Last { name, .. } => {
            let last = walk::open_one(walk.here(), name, door::PASS)?;
            let is_link = Stat::of(&last).is_ok_and(|stat| stat.kind == Kind::Link);
            if is_link { Err(Errno::LOOP) } else { Ok(last) }
        }
        Step::Here => walk::open_one(walk.here(), b".", door::PASS),
    }
}

fn component(at: BorrowedFd<'_>, walk: &Walk<'_>, last: Option<&[u8]>) -> Option<Component> {
    let names: Vec<_> = walk.names().chain(last).map(printable).collect();
    let name = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    Some(Component { name, stat: Stat::of(at).ok()?, descriptor: at.try_clone_to_owned().ok()? })
}

impl Component {
    /// Whether the kernel denies this, and who it takes the process for.
    pub(super) fn lacks(&self, bit: Bit, process: &Process) -> Option<Lacking> {
        let (class, shift) = if self.stat.uid == process.uid {
            (Class::Owner, 6)
        } else if process.is_in(self.stat.gid) {
            (Class::Group, 3)
        } else {
            (Class::Other, 0)
        };
        let has_bit = (self.stat.mode >> shift) & bit as u32 != 0;
        let has_acl =
            || door::attribute(&self.descriptor, "system.posix_acl_access", &mut [0; 512]).is_ok();
        let by_acl = match door::access(&self.descriptor, bit as i32) {
            Err(Errno::ACCESS) if has_bit && !has_acl() => return None,
            Err(Errno::ACCESS) => has_bit,
            // It was not understood: the bits have to do.
            Err(Errno::NOSYS | Errno::INVAL) if !has_bit && !process.overrides(bit) => false,
            // Granted; or a mount or an attribute forbids it, which is looked at elsewhere.
            Ok(()) | Err(_) => return None,
        };
        let (component, Stat { mode, uid, gid, .. }) = (self.name.clone(), self.stat);
        Some(Lacking { component, bit, class, mode, uid, gid, by_acl })
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, bit, mode, uid, gid, .. } = self;
        if self.by_acl {
            return write!(f, "`{component}` has an access control list that does not give {bit}");
        }
        let class = match self.class {
            Class::Owner => "its owner",
            Class::Group => "its group",
            Class::Other => "others",
        };
        write!(f, "`{component}` lacks {bit} for {class} (mode {mode:04o}, owner {uid}:{gid})")
    }
}
