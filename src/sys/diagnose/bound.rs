//! The limit that is reached, where a refusal speaks of one.

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::causes::Bound;
use super::pids::pids;
use super::process::{Process, read};
use crate::sys::door;
use crate::sys::limit::Limit;
use crate::sys::operation::Operation;

/// The limit that such a refusal speaks of.
pub(super) fn bound(operation: Operation, errno: i32, process: &Process) -> Option<Bound> {
    match (operation, errno) {
        // A server's own files may be too many as well.
        (_, libc::EMFILE) if !has_a_descriptor() => {
            finite("the limit of open files (RLIMIT_NOFILE)", Limit::Descriptors, "")
        }
        (Operation::Watch, libc::EMFILE) => inotify("instances"),
        (Operation::Watch, libc::ENOSPC) => inotify("watches"),
        (_, libc::EFBIG) => {
            finite("the limit of a file's size (RLIMIT_FSIZE)", Limit::FileSize, " bytes")
        }
        (Operation::Thread, libc::EAGAIN) => match pids() {
            Some(most) => Some(of("the limit of processes (pids.max of the cgroup)", most)),
            None => threads(process),
        },
        _ => None,
    }
}

fn of(name: &str, value: impl std::fmt::Display) -> Bound {
    Bound { name: name.to_owned(), value: value.to_string() }
}

fn finite(name: &str, limit: Limit, unit: &str) -> Option<Bound> {
    let most = Some(limit.now()).filter(|most| *most != u64::MAX)?;
    Some(of(name, format!("{most}{unit}")))
}

/// A limit of inotify's, of this user namespace or of all: the one that is reached first.
fn inotify(what: &str) -> Option<Bound> {
    let all = number::<u64>(&format!("/proc/sys/fs/inotify/max_user_{what}"));
    let own = number::<u64>(&format!("/proc/sys/user/max_inotify_{what}"));
    match (own, all) {
        (Some(own), Some(all)) if own >= all => {
            Some(of(&format!("fs.inotify.max_user_{what}"), all))
        }
        (None, Some(all)) => Some(of(&format!("fs.inotify.max_user_{what}"), all)),
        (Some(own), _) => Some(of(&format!("user.max_inotify_{what}"), own)),
        (None, None) => None,
    }
}

/// The limit of a user's threads, if it binds this one and is reached as far as `/proc` shows.
fn threads(process: &Process) -> Option<Bound> {
    let most = Limit::Threads.now();
    let is_reached =
        most != u64::MAX && process.is_bound_in_threads() && threads_of(process.uid, most) >= most;
    is_reached.then(|| of("the limit of the user's threads (RLIMIT_NPROC)", most))
}

/// How many threads a user has, as far as `/proc` shows; counted until there are `most`.
fn threads_of(uid: u32, most: u64) -> u64 {
    let own = std::iter::once("/proc/self/status".to_owned());
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let others = all.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str);
        name.and_then(|name| name.parse().ok()).is_some_and(|pid: u32| pid != std::process::id())
    });
    let statuses = own.chain(others.map(|path| format!("{}/status", path.display())));
    let mut threads = 0;
    for path in statuses {
        if threads >= most {
            break;
        }
        threads += read(&path).and_then(|status| threads_in(&status, uid)).unwrap_or(0);
    }
    threads
}

/// The threads of a process by its status, if it is this user's.
fn threads_in(status: &str, uid: u32) -> Option<u64> {
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let owner: u32 = line("Uid:")?.split_whitespace().next()?.parse().ok()?;
    let threads = line("Threads:")?.trim().parse().ok()?;
    (owner == uid).then_some(threads)
}

/// Whether the process can still open something.
pub(super) fn has_a_descriptor() -> bool {
    let flags = door::PASS | OFlags::CLOEXEC;
    !matches!(rustix::fs::openat(CWD, "/", flags, Mode::empty()), Err(Errno::MFILE))
}

/// The number that a file says.
pub(super) fn number<T: std::str::FromStr>(path: &str) -> Option<T> {
    read(path)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_user_are_counted_until_there_are_enough() {
        let status = "Name:\ta\nUid:\t7\t8\t8\t8\nThreads:\t3\n";
        assert_eq!((threads_in(status, 7), threads_in(status, 8)), (Some(3), None));
        assert_eq!((threads_in("Uid:\t7\n", 7), threads_in("", 7)), (None, None));
        let own = rustix::process::getuid().as_raw();
        assert_eq!(threads_of(own, 0), 0);
        assert!(threads_of(own, 1) >= 1 && threads_of(u32::MAX, 1) == 0);
    }

    #[test]
    fn the_limit_of_threads_holds_for_those_without_the_capability() {
        let with = |capabilities, uid| Process { uid, capabilities, ..Process::default() };
        for (process, is_bound) in [
            (with(Some(0), 7), true),
            (with(Some(1 << 21), 7), false),
            (with(Some(1 << 24), 7), false),
            (with(Some(1 << 1), 7), true),
            (with(Some(0), 0), false),
        ] {
            assert_eq!(process.is_bound_in_threads(), is_bound, "{process:?}");
        }
    }
}
