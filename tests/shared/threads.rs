//! How a test has the kernel refuse threads to its process, and give them again: a cgroup, or a limit of a user's.
//!
//! Both are the whole process's, so a test has one of its own (`apart::in_child`).

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Gid, Resource, Rlimit, Uid, geteuid, getrlimit, setrlimit};

use crate::skip;

/// Whose processes are counted: nobody else's are.
pub(crate) const USER: u32 = 61_013;

/// What refuses threads while it is [shut](Self::shut).
pub(crate) enum Limit {
    /// `pids.max` of a cgroup that this process alone is in.
    Cgroup(Cgroup),
    /// `RLIMIT_NPROC`, of which root is free: this thread, and those that it starts, are another user's.
    Processes(Rlimit),
}

/// A cgroup that is gone with its value; the process is back where it was then.
pub(crate) struct Cgroup {
    own: PathBuf,
    before: PathBuf,
}

impl Limit {
    /// The process is put into a cgroup. `None`, said aloud, where none can be made.
    pub(crate) fn of_a_cgroup() -> Option<Self> {
        let made = mounted().into_iter().find_map(|place| Cgroup::beside(&place));
        if made.is_none() {
            skip::right("a cgroup of its own, to limit its threads");
        }
        made.map(Self::Cgroup)
    }

    /// This thread becomes [`USER`]'s. `None`, said aloud, where it may not.
    pub(crate) fn of_a_user() -> Option<Self> {
        if !geteuid().is_root() {
            skip::right("root, to be a user that runs nothing else");
            return None;
        }
        let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        Some(Self::Processes(getrlimit(Resource::Nproc)))
    }

    /// From now on there are no more threads; those that are there stay.
    pub(crate) fn shut(&self) {
        match self {
            Self::Cgroup(cgroup) => cgroup.allow("0"),
            Self::Processes(usual) => {
                setrlimit(Resource::Nproc, Rlimit { current: Some(0), ..*usual }).unwrap();
            }
        }
        // Nothing is tested by a limit that does not hold.
        let error = std::thread::Builder::new().spawn(|| ()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
    }

    /// There are threads again.
    pub(crate) fn lift(&self) {
        match self {
            Self::Cgroup(cgroup) => cgroup.allow("max"),
            Self::Processes(usual) => setrlimit(Resource::Nproc, *usual).unwrap(),
        }
    }

    /// How often the kernel has refused a thread, where it counts that.
    #[allow(dead_code, reason = "each crate of tests lacks something else")]
    pub(crate) fn refused(&self) -> Option<u64> {
        let Self::Cgroup(cgroup) = self else { return None };
        let events = fs::read_to_string(cgroup.own.join("pids.events")).unwrap();
        events.lines().find_map(|line| line.strip_prefix("max "))?.parse().ok()
    }
}

impl Cgroup {
    /// One below that in which this process is.
    fn beside(before: &Path) -> Option<Self> {
        let own = before.join(format!("letterhead-{}", std::process::id()));
        fs::create_dir(&own).ok()?;
        let made = Self { own, before: before.to_owned() };
        if !made.own.join("pids.max").exists() {
            // Version 2 has to be told which of its limits there are below. Refused, there are none.
            let _ = fs::write(before.join("cgroup.subtree_control"), "+pids");
        }
        let is_limited = made.own.join("pids.max").exists();
        (is_limited && enter(&made.own).is_ok()).then_some(made)
    }

    fn allow(&self, most: &str) {
        fs::write(self.own.join("pids.max"), most).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = enter(&self.before);
        let _ = fs::remove_dir(&self.own);
    }
}

/// Puts all of this process into a cgroup.
fn enter(cgroup: &Path) -> std::io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string())
}

/// The directories of the cgroups in which this process is and that may limit threads: of version 2, and of 1.
fn mounted() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let place = |mount: &str| {
        // Number, parent, device, root, where it is, ..., a dash, kind, source, options of the superblock.
        let (left, right) = mount.split_once(" - ")?;
        let [root, at] = left.split(' ').skip(3).take(2).collect::<Vec<_>>().try_into().ok()?;
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let controllers = match kind {
            "cgroup2" => "",
            "cgroup" if options.split(',').any(|option| option == "pids") => "pids",
            _ => return None,
        };
        // Number, controllers, path.
        let path = own.lines().find_map(|line| {
            let (found, path) = line.split_once(':')?.1.split_once(':')?;
            found.split(',').any(|found| found == controllers).then_some(path)
        })?;
        let below = Path::new(path).strip_prefix(root).ok()?;
        Some(Path::new(at).join(below))
    };
    mounts.lines().filter_map(place).collect()
}
