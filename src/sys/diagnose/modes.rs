//! Which component of a path lacks which mode bit for this process.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::process::{Process, printable};
use crate::sys::door;
use crate::sys::root::Root;
use crate::sys::stat::{Kind, Stat};
use crate::sys::walk::{self, Step, Walk};

/// A permission that a component has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bit {
    /// `r` of a file or of a directory whose names are wanted.
    Read = 4,
    /// `x` of a directory that is passed through.
    Search = 1,
}

/// Which of the three triples of mode bits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Owner,
    Group,
    Other,
}

/// The component that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    /// As it was reached, links followed; `.` is the root itself.
    pub(crate) component: String,
    pub(crate) bit: Bit,
    pub(crate) class: Class,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What the walk saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) lacking: Option<Lacking>,
    pub(super) has_acl: bool,
    /// The last component that could be named.
    pub(super) last: Option<OwnedFd>,
}

pub(super) fn look(root: &Root, relative: &[u8], process: &Process) -> Seen {
    Walk::new(root.as_fd(), relative, true).map_or_else(|_| Seen::default(), |w| go(w, process))
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
        seen.has_acl |= has_acl(walk.here());
        let bit = if step == Step::Here { Bit::Read } else { Bit::Search };
        seen.lacking = lacks(walk.here(), bit, process).map(|l| l.named(&walk, None));
        if seen.lacking.is_some() || step == Step::Here {
            seen.last = walk.here().try_clone_to_owned().ok();
            return seen;
        }
        match (name(&walk, &step), step) {
            (Ok(directory), Step::Into(name)) => {
                if walk.enter(directory, name).is_err() {
                    return seen;
                }
            }
            (Ok(last), Step::Last { name, .. }) => {
                seen.has_acl |= has_acl(last.as_fd());
                let lacking = lacks(last.as_fd(), Bit::Read, process);
                seen.lacking = lacking.map(|lacking| lacking.named(&walk, Some(&name)));
                seen.last = Some(last);
                return seen;
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

fn has_acl(at: BorrowedFd<'_>) -> bool {
    door::attribute(at, "system.posix_acl_access", &mut [0; 512]).is_ok()
}

fn lacks(at: BorrowedFd<'_>, bit: Bit, process: &Process) -> Option<Lacking> {
    if process.reads_everything() {
        return None;
    }
    let stat = Stat::of(at).ok()?;
    let (class, shift) = if stat.uid == process.uid {
        (Class::Owner, 6)
    } else if process.is_in(stat.gid) {
        (Class::Group, 3)
    } else {
        (Class::Other, 0)
    };
    if (stat.mode >> shift) & bit as u32 != 0 {
        return None;
    }
    let Stat { mode, uid, gid, .. } = stat;
    Some(Lacking { component: String::new(), bit, class, mode, uid, gid })
}

impl Lacking {
    fn named(mut self, walk: &Walk<'_>, last: Option<&[u8]>) -> Self {
        let names: Vec<_> = walk.names().chain(last).map(printable).collect();
        self.component = if names.is_empty() { ".".to_owned() } else { names.join("/") };
        self
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, mode, uid, gid, .. } = self;
        let bit = match self.bit {
            Bit::Read => "r",
            Bit::Search => "x",
        };
        let class = match self.class {
            Class::Owner => "its owner",
            Class::Group => "its group",
            Class::Other => "others",
        };
        write!(f, "`{component}` lacks {bit} for {class} (mode {mode:04o}, owner {uid}:{gid})")
    }
}
