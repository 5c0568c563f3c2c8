//! Limits that are reached, and room that is used up: the diagnosis names the one that was.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{BENEATH, Scratch, as_nobody, in_child, is_root};
use crate::limit;
use crate::skip;
use crate::sys::diagnose::Diagnosis;
use crate::sys::operation::Operation;
use crate::sys::refusal::Refusal;
use crate::sys::root::Root;

/// As many of this may the process have from now on.
fn allow(resource: Resource, most: Option<u64>) {
    setrlimit(resource, Rlimit { current: most, ..getrlimit(resource) }).unwrap();
}

/// What is said of a refusal that no path is about.
fn said(operation: Operation, errno: Errno) -> Option<String> {
    Diagnosis::of_process(&Refusal::errno(operation, errno)).map(|said| said.to_string())
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap()
}

#[test]
fn no_descriptor_left_is_the_limit_of_open_files_and_no_filter() {
    in_child("limits::no_descriptor_left_is_the_limit_of_open_files_and_no_filter", || {
        let scratch = Scratch::new();
        scratch.write("root/a", "a");
        let root = scratch.root("root");
        allow(Resource::Nofile, Some(64));
        let taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let refusal = root.resolve(b"a", BENEATH).unwrap_err();
        // Nothing more can be opened to look, `/proc` neither: not even whether there is a filter.
        let limit = "the limit of open files (RLIMIT_NOFILE) is 64; as uid ";
        let said_of = |refusal| Diagnosis::of(refusal, &root, b"a").map(|said| said.to_string());
        let now = said_of(&refusal).unwrap();
        assert!(now.starts_with(limit), "{now}");
        let instance = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap_err();
        let now = said(Operation::Watch, instance).unwrap();
        assert!(now.starts_with(limit), "{now}");
        // It has passed, and nobody knows what it was.
        drop(taken);
        assert_eq!(said_of(&refusal), None);
    });
}

#[test]
fn a_filter_that_speaks_of_descriptors_is_a_filter_while_there_are_some() {
    let denied = || {
        if !super::denied::deny(&[libc::SYS_inotify_init1], libc::EMFILE) {
            return skip::right("seccomp filters");
        }
        let refused = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap_err();
        let said = said(Operation::Watch, refused).unwrap();
        let start = "a filter of system calls (seccomp) answers inotify_init1 with EMFILE (24); as";
        assert!(said.starts_with(start), "{said}");
    };
    std::thread::scope(|scope| scope.spawn(denied).join().unwrap());
}

#[test]
fn instances_of_a_user_that_watches_are_the_settings() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    in_child("limits::instances_of_a_user_that_watches_are_the_settings", || {
        let setting = |name| {
            let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap();
            text.trim().parse::<u64>().unwrap()
        };
        let most = setting("max_user_instances");
        if most > 500 {
            return skip::place("a limit of inotify instances that can be reached");
        }
        allow(Resource::Nofile, getrlimit(Resource::Nofile).maximum);
        as_nobody(|| {
            let new = || inotify::init(inotify::CreateFlags::CLOEXEC);
            let mut taken = Vec::new();
            let refused = loop {
                match new() {
                    Ok(instance) => taken.push(instance),
                    Err(errno) => break errno,
                }
            };
            assert_eq!(refused, Errno::MFILE);
            let said = said(Operation::Watch, refused).unwrap();
            let start = format!("fs.inotify.max_user_instances is {most}; as uid 65534");
            assert!(said.starts_with(&start), "{said}");
        });
        // As many watches take long to make; the number of the refusal is the kernel's all the same.
        let said = said(Operation::Watch, Errno::NOSPC).unwrap();
        let start = format!("fs.inotify.max_user_watches is {}; ", setting("max_user_watches"));
        assert!(said.starts_with(&start), "{said}");
    });
}

#[test]
fn a_file_that_is_too_long_is_the_limit_of_its_size_if_there_is_one() {
    in_child("limits::a_file_that_is_too_long_is_the_limit_of_its_size_if_there_is_one", || {
        let scratch = Scratch::new();
        scratch.write("a", "");
        let file = File::options().write(true).open(scratch.path("a")).unwrap();
        // No file is that long, so this is refused without a signal.
        let refused = file.write_at(b"x", i64::MAX.unsigned_abs() - 1).unwrap_err();
        if refused.raw_os_error() != Some(libc::EFBIG) {
            return skip::place("a filesystem that bounds the length of a file");
        }
        allow(Resource::Fsize, None);
        assert_eq!(said(Operation::Write, errno(&refused)), None);
        allow(Resource::Fsize, Some(1 << 20));
        let said = said(Operation::Write, errno(&refused)).unwrap();
        let start = "the limit of a file's size (RLIMIT_FSIZE) is 1048576 bytes; as uid ";
        assert!(said.starts_with(start), "{said}");
    });
}

#[test]
fn no_thread_left_is_the_limit_of_the_cgroup() {
    in_child("limits::no_thread_left_is_the_limit_of_the_cgroup", || {
        let Some(limit) = limit::Limit::of_a_cgroup() else { return };
        limit.shut();
        let refused = std::thread::Builder::new().spawn(|| ()).unwrap_err();
        let said = said(Operation::Thread, errno(&refused));
        limit.lift();
        let said = said.unwrap();
        let start = "the limit of processes (pids.max of the cgroup) is 0; as uid ";
        assert!(said.starts_with(start), "{said}");
    });
}

#[test]
fn no_thread_left_is_the_limit_of_the_user() {
    in_child("limits::no_thread_left_is_the_limit_of_the_user", || {
        let Some(limit) = limit::Limit::of_a_user() else { return };
        limit.shut();
        let refused = std::thread::Builder::new().spawn(|| ()).unwrap_err();
        let said = said(Operation::Thread, errno(&refused));
        limit.lift();
        let said = said.unwrap();
        let start = "the limit of the user's threads (RLIMIT_NPROC) is 0; as uid ";
        assert!(said.starts_with(start), "{said}");
        // Of a limit that is far away there is nothing to say.
        assert_eq!(self::said(Operation::Thread, errno(&refused)), None);
    });
}

#[test]
fn watches_of_a_user_namespace_have_a_limit_of_its_own() {
    let unshare = ["unshare", "--user", "--map-root-user"];
    if !super::tool(unshare[0], &[unshare[1], unshare[2], "true"]) {
        return skip::right("a user namespace of its own");
    }
    let name = "limits::watches_of_a_user_namespace_have_a_limit_of_its_own";
    super::in_child_of(&unshare, name, || {
        fs::write("/proc/sys/user/max_inotify_watches", "1").unwrap();
        let scratch = Scratch::new();
        let events = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
        let watch = |name: &str| {
            scratch.write(name, "");
            inotify::add_watch(&events, scratch.path(name), inotify::WatchFlags::ATTRIB)
        };
        watch("a").unwrap();
        let said = said(Operation::Watch, watch("b").unwrap_err()).unwrap();
        assert!(said.starts_with("user.max_inotify_watches is 1; as uid "), "{said}");
    });
}

#[test]
fn a_device_that_is_full_is_told_with_its_mount() {
    let root = Root::open("/dev".as_ref()).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let refused = full.write_at(b"x", 0).unwrap_err();
    let refusal = Refusal::errno(Operation::Write, errno(&refused));
    let said = Diagnosis::of(&refusal, &root, b"full").unwrap().to_string();
    assert!(said.contains(" left on /dev ("), "{said}");
}

#[test]
fn a_call_that_a_file_does_not_have_is_not_looked_into() {
    let root = Root::open("/proc/self".as_ref()).unwrap();
    let file = File::options().write(true).open("/proc/self/oom_score_adj").unwrap();
    let flags = rustix::fs::FallocateFlags::empty();
    let refused = rustix::fs::fallocate(file.as_fd(), flags, 0, 1).unwrap_err();
    assert_eq!(refused, Errno::OPNOTSUPP);
    let refusal = Refusal::errno(Operation::Reserve, refused);
    assert_eq!(Diagnosis::of(&refusal, &root, b"oom_score_adj"), None);
}
