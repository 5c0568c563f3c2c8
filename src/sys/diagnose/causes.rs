//! From what was seen to why it was refused: pure, and nothing is named that was not seen.

use std::fmt;

use super::modes::Lacking;
use super::mount::Mount;
use super::needs::{Capability, Change, Needs};
use super::process::Process;
use crate::sys::errno::Named;
use crate::sys::operation::Operation;
use crate::sys::platform::{Attributes, Left};

/// A file or a directory, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thing {
    pub(crate) name: String,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// What the kernel denies of what is needed.
    pub(crate) lacking: Option<Lacking>,
    pub(crate) attributes: Attributes,
}

/// A limit that is set for the machine or the process, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// All that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The first directory on the way that may not be searched.
    pub(crate) way: Option<Lacking>,
    pub(crate) directory: Option<Thing>,
    pub(crate) target: Option<Thing>,
    pub(crate) process: Process,
    pub(crate) mount: Option<Mount>,
    pub(crate) left: Left,
    /// A filter refuses the call whatever it is about.
    pub(crate) filtered: Option<&'static str>,
    /// The limit that goes with the operation.
    pub(crate) bound: Option<Bound>,
    /// `fs.protected_regular`.
    pub(crate) protected_regular: u8,
    /// It may be behind a network or a daemon, which has rules of its own.
    pub(crate) is_elsewhere: bool,
    /// Security modules that may judge: those that tell, or Landlock, which does not.
    pub(crate) modules: Vec<String>,
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Filter(&'static str, i32),
    Lacks(Lacking),
    /// As the second says, not mapped.
    Unmapped(String, &'static str),
    /// A mount shows owners as others.
    Idmapped(Mount),
    NotOwner {
        name: String,
        uid: u32,
        wants: Capability,
    },
    Immutable(String),
    AppendOnly(String),
    /// A name in a sticky directory, and who owns both.
    Sticky {
        directory: String,
        name: String,
        uid: u32,
        owner: u32,
    },
    Protected {
        name: String,
        uid: u32,
    },
    ReadOnly(Mount),
    /// So many bytes are left.
    Room(u64, Option<Mount>),
    NoInodes(Option<Mount>),
    Quota(Option<Mount>),
    Bound(Bound),
    /// Everything that can be seen gives it, and somebody else decides.
    Elsewhere(Mount),
    /// Writers there are not known to this kernel, or not all of them.
    Unheard(Mount),
    /// Everything that can be seen gives it.
    Module(Vec<String>),
}

/// Why `operation` was refused with `errno`; nothing if that cannot be seen.
pub(super) fn causes(operation: Operation, errno: i32, facts: &Facts) -> Vec<Cause> {
    if let Some(call) = facts.filtered {
        return vec![Cause::Filter(call, errno)];
    }
    match errno {
        libc::EACCES | libc::EPERM | libc::EINVAL => denied(operation, errno, facts),
        libc::EROFS => {
            let is_told = |mount: &Mount| mount.read_only || mount.whole_read_only;
            let decides = |mount: &Mount| facts.is_elsewhere && !is_told(mount);
            let cause = |mount| {
                if decides(&mount) { Cause::Elsewhere(mount) } else { Cause::ReadOnly(mount) }
            };
            facts.mount.clone().map(cause).into_iter().collect()
        }
        libc::EDQUOT => vec![Cause::Quota(facts.mount.clone())],
        libc::ENOSPC if operation != Operation::Watch => {
            if facts.left.inodes == Some(0) {
                return vec![Cause::NoInodes(facts.mount.clone())];
            }
            let room = |bytes| Cause::Room(bytes, facts.mount.clone());
            facts.left.bytes.map(room).into_iter().collect()
        }
        // A new file would have an owner that the mount has no number for.
        libc::EOVERFLOW => facts.idmapped().into_iter().collect(),
        libc::EOPNOTSUPP => facts.mount.clone().map(Cause::Unheard).into_iter().collect(),
        _ => facts.bound.clone().map(Cause::Bound).into_iter().collect(),
    }
}

fn denied(operation: Operation, errno: i32, facts: &Facts) -> Vec<Cause> {
    let needs = Needs::at(operation, facts.target.is_some());
    let mut causes = Vec::new();
    let things = [facts.directory.as_ref(), facts.target.as_ref()];
    let lacking = |thing: Option<&Thing>| thing.and_then(|thing| thing.lacking.clone());
    // Behind the first directory that may not be searched nothing was asked.
    let in_the_way = match &facts.way {
        Some(way) => vec![way.clone()],
        None => things.into_iter().filter_map(lacking).collect(),
    };
    for lacking in in_the_way {
        causes.extend(facts.unmapped(&lacking.component, lacking.uid, lacking.gid));
        causes.push(Cause::Lacks(lacking));
    }
    if facts.way.is_some() {
        return causes;
    }
    if let (Some(wants), Some(target)) = (needs.owner, &facts.target) {
        let unmapped = facts.unmapped(&target.name, target.uid, target.gid);
        if unmapped.is_some() || target.uid != facts.process.uid && !facts.process.has(wants.bit())
        {
            let (name, uid) = (target.name.clone(), target.uid);
            causes.push(Cause::NotOwner { name, uid, wants });
        }
        causes.extend(unmapped);
    }
    if errno == libc::EPERM {
        causes.extend(forbidden(needs.change, facts));
    }
    if operation == Operation::Lock && errno == libc::EACCES {
        causes.extend(protected(facts));
    }
    if causes.is_empty() {
        match &facts.mount {
            Some(mount) if facts.is_elsewhere => causes.push(Cause::Elsewhere(mount.clone())),
            _ if errno == libc::EACCES && !facts.modules.is_empty() => {
                causes.push(Cause::Module(facts.modules.clone()));
            }
            _ => {}
        }
    }
    causes
}

/// What forbids a change to everybody, or to everybody but an owner.
fn forbidden(change: Change, facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut attributes = |thing: &Option<Thing>, with_append: bool| {
        let Some(thing) = thing else { return };
        if thing.attributes.immutable {
            causes.push(Cause::Immutable(thing.name.clone()));
        }
        if with_append && thing.attributes.append_only {
            causes.push(Cause::AppendOnly(thing.name.clone()));
        }
    };
    match change {
        Change::Nothing => {}
        Change::Content | Change::Attributes => attributes(&facts.target, true),
        Change::NewName => attributes(&facts.directory, false),
        Change::Name => {
            attributes(&facts.directory, true);
            attributes(&facts.target, true);
            causes.extend(sticky(facts));
        }
    }
    causes
}

/// In a sticky directory names belong to who owns the file or the directory.
fn sticky(facts: &Facts) -> Option<Cause> {
    const STICKY: u32 = 0o1000;
    let (directory, target) = (facts.directory.as_ref()?, facts.target.as_ref()?);
    let own = facts.process.uid;
    let is_foreign = directory.mode & STICKY != 0 && target.uid != own && directory.uid != own;
    let unmapped = facts.process.namespace.lacks(target.uid, target.gid).is_some();
    let helps = facts.process.has(Capability::Owner.bit()) && !unmapped;
    (is_foreign && !helps).then(|| Cause::Sticky {
        directory: directory.name.clone(),
        name: target.name.clone(),
        uid: target.uid,
        owner: directory.uid,
    })
}

/// In a sticky directory of all, a file of somebody else is not opened by who might have made it.
fn protected(facts: &Facts) -> Option<Cause> {
    let (directory, target) = (facts.directory.as_ref()?, facts.target.as_ref()?);
    let (all, group) = (directory.mode & 0o1002 == 0o1002, directory.mode & 0o1020 == 0o1020);
    let is_open = all && facts.protected_regular >= 1 || group && facts.protected_regular >= 2;
    let is_foreign = target.uid != facts.process.uid && target.uid != directory.uid;
    (is_open && is_foreign).then(|| Cause::Protected { name: target.name.clone(), uid: target.uid })
}

impl Facts {
    fn unmapped(&self, name: &str, uid: u32, gid: u32) -> Option<Cause> {
        let who = self.process.namespace.lacks(uid, gid);
        let unmapped = who.map(|who| Cause::Unmapped(name.to_owned(), who));
        unmapped.or_else(|| self.idmapped())
    }

    fn idmapped(&self) -> Option<Cause> {
        self.mount.clone().filter(|mount| mount.idmapped).map(Cause::Idmapped)
    }
}

/// ` on /srv (ext4)`, if it is known.
struct On<'a>(&'a Option<Mount>);

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |mount| write!(f, " on {mount}"))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(call, errno) => {
                let errno = Named(*errno);
                write!(f, "a filter of system calls (seccomp) answers {call} with {errno}")
            }
            Self::Lacks(lacking) => lacking.fmt(f),
            Self::Unmapped(name, who) => write!(
                f,
                "`{name}`: {who} not mapped in this user namespace, so its capabilities do not help"
            ),
            Self::Idmapped(mount) => {
                write!(
                    f,
                    "the mount on {mount} is idmapped: it shows other owners than the disk has"
                )
            }
            Self::NotOwner { name, uid, wants } => {
                let wants = wants.name();
                write!(f, "`{name}` belongs to user {uid}, and this process has no {wants} for it")
            }
            Self::Immutable(name) => write!(f, "`{name}` is immutable (chattr +i)"),
            Self::AppendOnly(name) => write!(f, "`{name}` is append-only (chattr +a)"),
            Self::Sticky { directory, name, uid, owner } => write!(
                f,
                "`{directory}` is sticky: only user {uid}, who owns `{name}`, and user {owner}, who \
                 owns the directory, may take that name"
            ),
            Self::Protected { name, uid } => write!(
                f,
                "`{name}` belongs to user {uid}, in a sticky directory of all (fs.protected_regular)"
            ),
            Self::ReadOnly(mount) => fmt_read_only(mount, f),
            Self::Room(0, mount) => write!(f, "no room is left{}", On(mount)),
            Self::Room(bytes, mount) => write!(f, "{bytes} bytes of room are left{}", On(mount)),
            Self::NoInodes(mount) => write!(f, "no inode is left{}", On(mount)),
            Self::Quota(mount) => {
                let group = mount.as_ref().is_some_and(|mount| mount.kind == "btrfs");
                let kind = if group { "the quota of a qgroup" } else { "a quota" };
                write!(f, "{kind} is used up{}", On(mount))
            }
            Self::Bound(Bound { name, value }) => write!(f, "{name} is {value}"),
            Self::Elsewhere(mount) => write!(
                f,
                "the filesystem on {mount} decides by itself, and mode bits here are not the reason"
            ),
            Self::Unheard(mount) => {
                write!(
                    f,
                    "files on {mount} may be written to where this kernel does not hear of it"
                )
            }
            Self::Module(modules) => write!(
                f,
                "mode bits, owners, attributes and mounts give it; a security module refuses ({})",
                modules.join(" or ")
            ),
        }
    }
}

fn fmt_read_only(mount: &Mount, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if mount.whole_read_only {
        write!(f, "the filesystem on {mount} is read-only")
    } else if mount.read_only {
        write!(f, "the mount on {mount} is read-only, its filesystem is not")
    } else {
        write!(f, "the filesystem on {mount} refuses writes")
    }
}

#[cfg(test)]
mod tests;
