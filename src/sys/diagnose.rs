//! Why the kernel refused: for the report, never for the client.

mod bit;
mod needs;
pub(super) mod process;
pub(super) mod modes;
mod mount;
mod causes;
mod pids;
mod bound;

use std::fmt;
use std::os::fd::{AsFd, AsRawFd as _};

use super::door;
use super::filesystem::Filesystem;
use super::kind::Kind;
use super::operation::Operation;
use super::refusal::{Found, Refusal};
use super::root::Root;
use bit::Bit;
use bound::{bound, has_a_descriptor, number};
use causes::{Cause, Facts, Thing, causes};
use modes::{Component, Seen};
use mount::Mount;
use needs::Needs;
use process::{Process, Seccomp, read};

/// Why something was refused, as far as that can be seen from here, and to whom.
///
/// It prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    causes: Vec<Cause>,
    process: Process,
}

impl Diagnosis {
    /// Looks for the cause of a refusal that was about `relative`, if there is one to be seen. Everything read
    /// is bounded; what cannot be read is left out. Ask on the thread that was refused, since credentials and
    /// filters belong to threads.
    pub(crate) fn of(refusal: &Refusal, root: &Root, relative: &[u8]) -> Option<Self> {
        Self::by(refusal, |process| modes::look(root, relative, process))
    }

    /// The same for a root that could not be opened: its path, from `/` on.
    pub(crate) fn of_root(refusal: &Refusal, path: &[u8]) -> Option<Self> {
        Self::by(refusal, |process| modes::look_from_the_top(path, process))
    }

    /// The same of something that no path is about.
    pub(crate) fn of_process(refusal: &Refusal) -> Option<Self> {
        Self::by(refusal, |_| Seen::default())
    }

    fn by(refusal: &Refusal, look: impl FnOnce(&Process) -> Seen) -> Option<Self> {
        let (operation, errno) = (refusal.operation(), refusal.raw_os_error());
        let is_seen = matches!(refusal.found(), Found::Errno | Found::Room { .. });
        if !is_seen || !has_a_cause(operation, errno) {
            return None;
        }
        let process = Process::of_this_thread();
        let seen = look(&process);
        let facts = Facts::gathered(operation, errno, seen, process);
        let causes = causes(operation, errno, &facts);
        // Of these it is news that nothing can be seen.
        let is_denied = matches!(errno, libc::EPERM | libc::EACCES | libc::EROFS);
        (is_denied || !causes.is_empty()).then_some(Self { causes, process: facts.process })
    }
}

/// Whether such a refusal is looked into: what is about a name that is not there, or passes, is not.
const fn has_a_cause(operation: Operation, errno: i32) -> bool {
    let of_all = matches!(
        errno,
        libc::EPERM
            | libc::EACCES
            | libc::EROFS
            | libc::ENOSPC
            | libc::EDQUOT
            | libc::EFBIG
            | libc::EMFILE
            | libc::EOVERFLOW
            // A filter of an old container runtime says that there is no such call.
            | libc::ENOSYS
    );
    of_all
        || matches!(
            (operation, errno),
            (Operation::Attributes, libc::EINVAL)
                | (Operation::Watch | Operation::Lease, libc::EOPNOTSUPP)
                | (Operation::Thread, libc::EAGAIN | libc::ENOMEM)
        )
}

impl Facts {
    fn gathered(operation: Operation, errno: i32, seen: Seen, process: Process) -> Self {
        let needs = Needs::at(operation, seen.target.is_some());
        let is_filtered = !matches!(process.seccomp, Some(Seccomp::Off | Seccomp::Strict));
        // Without a descriptor the kernel says to every call what a filter might.
        let is_out = errno == libc::EMFILE && !has_a_descriptor();
        let filtered = door::filtered(operation, errno).filter(|_| is_filtered && !is_out);
        let on = seen.directory.as_ref().or(seen.target.as_ref());
        let mount = on.and_then(|on| mount_of(&on.descriptor));
        let is_elsewhere = on.is_some_and(|on| {
            Filesystem::of(&on.descriptor).is_ok_and(|filesystem| filesystem.local().is_none())
        });
        let left = on.map(|on| door::left(&on.descriptor)).unwrap_or_default();
        let thing = |component: Option<Component>, bits: &[Bit], process: &Process| {
            let component = component?;
            let lacking = bits.iter().find_map(|bit| component.lacks(*bit, process));
            let attributes = door::attributes(&component.descriptor).unwrap_or_default();
            let (name, stat) = (component.name, component.stat);
            let (mode, uid, gid) = (stat.mode, stat.uid, stat.gid);
            Some(Thing { name, mode, uid, gid, lacking, attributes })
        };
        let loaded = process::security_modules();
        // A directory that is changed is meant where a file has not been made yet.
        let target = seen
            .target
            .filter(|target| needs.directory.is_empty() || target.stat.kind != Kind::Directory);
        Self {
            way: seen.way,
            directory: thing(seen.directory, needs.directory, &process),
            target: thing(target, needs.target, &process),
            mount,
            left,
            filtered,
            bound: bound(operation, errno, &process),
            protected_regular: number("/proc/sys/fs/protected_regular").unwrap_or(0),
            is_elsewhere,
            modules: modules(process.label.as_deref(), loaded.as_deref(), door::has_landlock()),
            process,
        }
    }
}

fn mount_of(on: impl AsFd) -> Option<Mount> {
    let info = read(&format!("/proc/thread-self/fdinfo/{}", on.as_fd().as_raw_fd()))?;
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()?;
    let all = door::mounts()?;
    Mount::find(&all, id)
}

/// Who may refuse without a word: of the modules that are on those that have put a label on the process.
fn modules(label: Option<&str>, on: Option<&str>, has_landlock: bool) -> Vec<String> {
    let on: Vec<&str> = on.unwrap_or_default().split(',').collect();
    let confined = label.is_some_and(|label| !label.starts_with("unconfined"));
    let mut modules = Vec::new();
    for (name, said) in [("selinux", "SELinux"), ("apparmor", "AppArmor"), ("smack", "Smack")] {
        if confined && on.contains(&name) {
            modules.push(said.to_owned());
        }
    }
    if has_landlock {
        modules.push("Landlock, which does not tell whom it confines".to_owned());
    }
    modules
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cause in &self.causes {
            write!(f, "{cause}; ")?;
        }
        if self.causes.is_empty() {
            f.write_str("no cause that can be seen; ")?;
        }
        self.process.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_are_on_and_confine_are_named_and_landlock_wherever_it_is() {
        let landlock = "Landlock, which does not tell whom it confines";
        let on = Some("capability,landlock,apparmor");
        for (label, on, has_landlock, expected) in [
            (Some("nginx (enforce)"), on, false, vec!["AppArmor"]),
            (Some("nginx (enforce)"), on, true, vec!["AppArmor", landlock]),
            (Some("system_u:system_r:httpd_t:s0"), Some("selinux"), false, vec!["SELinux"]),
            (Some("_"), Some("smack"), false, vec!["Smack"]),
            (Some("unconfined"), on, false, vec![]),
            (Some("nginx (enforce)"), None, false, vec![]),
            (None, on, true, vec![landlock]),
        ] {
            assert_eq!(modules(label, on, has_landlock), expected, "{label:?} {on:?}");
        }
    }
}
