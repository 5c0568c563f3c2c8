//! The doors against a real kernel: scratch directories, threads without rights, children.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

pub(super) mod denied;
mod diagnose;
mod lease;
mod limits;
mod look;
mod race;
mod read;
#[cfg(feature = "serve")]
mod resident;
mod resolve;
#[cfg(feature = "serve")]
mod span;
mod watch;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::open::{Handle, How, Opened, Symlinks};
use super::probe::Memory;
use super::root::Root;
use crate::skip;

/// A directory that is gone with its value.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    pub(super) fn on(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("letterhead-{}-{next}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(super) fn link(&self, name: &str, target: &str) -> &Self {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
        self
    }

    pub(super) fn root(&self, name: &str) -> Root {
        Root::open(&self.path(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) const BENEATH: How = How { symlinks: Symlinks::Beneath, no_atime: false };
pub(super) const NO_LINKS: How = How { symlinks: Symlinks::None, no_atime: false };
pub(super) const FOLLOW: How = How { symlinks: Symlinks::Follow, no_atime: false };

/// A root that asks `openat2`, and one that walks; each with a memory of its own.
pub(super) fn both_ways(path: &Path) -> [Root; 2] {
    let walking = fresh_memory();
    walking.openat2().fails_with(rustix::io::Errno::NOSYS);
    [Root::with(path, fresh_memory()).unwrap(), Root::with(path, walking).unwrap()]
}

pub(super) fn fresh_memory() -> &'static Memory {
    Box::leak(Box::default())
}

/// The regular file of that name, opened beneath the root.
pub(super) fn file(root: &Root, name: &str) -> Handle {
    match root.resolve(name.as_bytes(), BENEATH).unwrap() {
        Opened::File(handle) => handle,
        Opened::Directory(_) => panic!("{name} is a directory"),
    }
}

/// What came of a resolution, in one word or message.
pub(super) fn outcome(root: &Root, path: &[u8], how: How) -> String {
    match root.resolve(path, how) {
        Ok(Opened::File(handle)) => {
            let mut content = [0; 64];
            let read = super::read::read_at(&handle, &mut content, 0).unwrap();
            String::from_utf8_lossy(&content[..read]).into_owned()
        }
        Ok(Opened::Directory(_)) => "directory".to_owned(),
        Err(refusal) => {
            let errno = super::errno::Named(refusal.raw_os_error());
            format!("{} {:?} {errno}", refusal.meaning().status().as_str(), refusal.found())
        }
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a tool; whether it ended well. With `LETTERHEAD_ALL_TOOLS` set it has to be there.
pub(super) fn tool(name: &str, args: &[&str]) -> bool {
    match Command::new(name).args(args).output() {
        Ok(output) => output.status.success(),
        Err(error) => {
            skip::tool(format_args!("{name} ({error})"));
            false
        }
    }
}

/// Runs `body` in a process of its own, since what it changes is the process's: the test named
/// `name` is run once more, alone.
pub(super) fn in_child(name: &str, body: impl FnOnce()) {
    in_child_of(&[], name, body);
}

/// As [`in_child`], started by these words.
pub(super) fn in_child_of(prefix: &[&str], name: &str, body: impl FnOnce()) {
    const CHILD: &str = "LETTERHEAD_TEST_CHILD";
    if std::env::var_os(CHILD).is_some_and(|child| child == name) {
        return body();
    }
    let test = format!("sys::tests::{name}");
    let own = std::env::current_exe().unwrap();
    let words = prefix.iter().map(OsStr::new).chain([own.as_os_str()]);
    let words: Vec<_> = words.chain([OsStr::new(&test)]).collect();
    let output = Command::new(words[0])
        .args(&words[1..])
        .args(["--exact", "--nocapture"])
        .env(CHILD, name)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
    skip::repeat(&err);
}

/// Runs `body` on a thread that has given up its user, its groups and so its capabilities.
pub(super) fn as_nobody(body: impl FnOnce() + Send) {
    use rustix::process::{Gid, Uid};
    let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            body();
        });
        thread.join().unwrap();
    });
}

/// Mounts an overlay at `merged`, with a file named `below` in its lower layer. An overlay does not
/// lie on another, so a tmpfs carries it.
pub(super) fn overlay() -> Option<Scratch> {
    let tmpfs = Path::new("/dev/shm");
    if !is_root() || !tmpfs.is_dir() {
        return None;
    }
    let scratch = Scratch::on(tmpfs);
    scratch.write("lower/below", "below");
    for directory in ["upper", "work", "merged"] {
        fs::create_dir(scratch.path(directory)).unwrap();
    }
    let path = |name| scratch.path(name).display().to_string();
    let options =
        format!("lowerdir={},upperdir={},workdir={}", path("lower"), path("upper"), path("work"));
    let mounted = tool("mount", &["-t", "overlay", "overlay", "-o", &options, &path("merged")]);
    mounted.then_some(scratch)
}

impl Handle {
    /// A file that is beneath no root of the test's.
    pub(super) fn opened(path: &str) -> Self {
        match Opened::of(fs::File::open(path).unwrap().into()).unwrap() {
            Opened::File(handle) => handle,
            Opened::Directory(_) => panic!("{path} is a directory"),
        }
    }
}
