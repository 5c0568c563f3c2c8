//! Kernels and users that deny: filters, missing rights, no descriptor left.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{SeccompAction, SeccompFilter, apply_filter};

use super::{
    BENEATH, How, Scratch, as_nobody, file, fresh_memory, in_child, is_root, outcome, tool,
};
use crate::skip;
use crate::sys::limit::Limit;
use crate::sys::probe::{self, Probed};
use crate::sys::read::Tried;
use crate::sys::root::Root;

/// From now on this thread gets `errno` for these system calls.
pub(in crate::sys) fn deny(calls: &[i64], errno: i32) -> bool {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let Ok(arch) = std::env::consts::ARCH.try_into() else { return false };
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).is_ok()
}

#[test]
fn a_denied_openat2_is_told_from_a_denied_file_and_walked_around() {
    let scratch = Scratch::new();
    scratch.write("secret", "secret").write("root/d/a", "a").link("root/l", "d/a");
    scratch.link("root/out", "../secret");
    for errno in [libc::EPERM, libc::ENOSYS] {
        let root = Root::with(&scratch.path("root"), fresh_memory()).unwrap();
        let check = |first: &str| {
            assert_eq!(outcome(&root, b"d/a", BENEATH), first);
            assert_eq!(outcome(&root, b"l", BENEATH), "a");
            assert_eq!(outcome(&root, b"out", BENEATH), "404 Outside EXDEV (18)");
        };
        check("a");
        assert_eq!(root.probes().openat2, Probed::There);
        // The filter comes later than the first success, and for one thread; it is noticed.
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if !deny(&[libc::SYS_openat2], errno) {
                    return skip::right("seccomp filters");
                }
                check("a");
                assert_eq!(root.probes().openat2, Probed::Missing(errno));
                assert!(root.resolve_cached(b"d/a", BENEATH).is_none());
            });
            thread.join().unwrap();
        });
        // Remembered: the walk is used from now on, here as well.
        check("a");
    }
}

#[test]
fn a_denied_openat2_is_remembered_for_the_process() {
    in_child("denied::a_denied_openat2_is_remembered_for_the_process", || {
        let scratch = Scratch::new();
        scratch.write("root/a", "a");
        let root = scratch.root("root");
        assert_eq!(probe::memory().probes().openat2, Probed::Unknown);
        if !deny(&[libc::SYS_openat2], libc::EPERM) {
            return skip::right("seccomp filters");
        }
        assert_eq!(outcome(&root, b"a", BENEATH), "a");
        let said = probe::memory().probes().to_string();
        assert!(said.starts_with("openat2: missing, EPERM (1); "), "{said}");
    });
}

#[test]
fn a_denied_preadv2_is_remembered_for_the_device() {
    let scratch = Scratch::new();
    scratch.write("root/a", "abc");
    let handle = file(&scratch.root("root"), "a");
    for errno in [libc::EPERM, libc::ENOSYS] {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if !deny(&[libc::SYS_preadv2], errno) {
                    return skip::right("seccomp filters");
                }
                let memory = fresh_memory();
                let tried = handle.try_read_with(&mut [0; 3], 0, memory).unwrap();
                assert_eq!(tried, Tried::Unsupported);
                assert_eq!(memory.probes().without_nowait, [handle.stat().identity.dev]);
            });
            thread.join().unwrap();
        });
    }
}

#[test]
fn access_times_are_left_alone_only_where_that_is_allowed() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    for root in super::both_ways(&scratch.path("root")) {
        as_nobody(|| {
            for symlinks in [super::Symlinks::Beneath, super::Symlinks::Follow] {
                let how = How { no_atime: true, symlinks };
                assert_eq!(outcome(&root, b"a", how), "a");
            }
        });
        // `EPERM` for the flag is no sign of a missing call.
        assert_ne!(root.probes().openat2, Probed::Missing(libc::EPERM));
    }
}

#[test]
fn mode_bits_are_forbidden_and_attributes_do_not_stop_a_reader() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/closed", "c").write("root/d/a", "a").write("root/kept", "kept");
    let mode = |name: &str, mode| {
        fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("root/closed", 0o000);
    mode("root/d", 0o600);
    for root in super::both_ways(&scratch.path("root")) {
        as_nobody(|| {
            assert_eq!(outcome(&root, b"closed", BENEATH), "403 Errno EACCES (13)");
            assert_eq!(outcome(&root, b"d/a", BENEATH), "403 Errno EACCES (13)");
        });
        for flag in ["i", "a"] {
            let path = scratch.path("root/kept").display().to_string();
            if !tool("chattr", &[&format!("+{flag}"), &path]) {
                skip::place("chattr, on a filesystem with attributes");
                break;
            }
            assert_eq!(outcome(&root, b"kept", BENEATH), "kept");
            as_nobody(|| assert_eq!(outcome(&root, b"kept", BENEATH), "kept"));
            assert!(tool("chattr", &[&format!("-{flag}"), &path]));
        }
    }
}

#[test]
fn no_descriptor_left_is_busy_and_says_nothing_of_the_kernel() {
    in_child("denied::no_descriptor_left_is_busy_and_says_nothing_of_the_kernel", || {
        let scratch = Scratch::new();
        scratch.write("root/d/a", "a");
        let roots = super::both_ways(&scratch.path("root"));
        let limit = Rlimit { current: Some(64), maximum: Some(64) };
        setrlimit(Resource::Nofile, limit).unwrap();
        let mut taken = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            taken.push(file);
        }
        for root in &roots {
            assert_eq!(outcome(root, b"d/a", BENEATH), "503 Errno EMFILE (24)");
        }
        assert!(!probe::memory().openat2_is_missing());
        let refusal = Root::open(&scratch.path("root")).unwrap_err();
        assert_eq!(refusal.to_string(), "wanted the root directory, found EMFILE (24)");
        // One free descriptor is enough for openat2, and one for each directory for the walk.
        taken.truncate(taken.len() - 2);
        for root in &roots {
            assert_eq!(outcome(root, b"d/a", BENEATH), "a");
        }
    });
}

#[test]
fn a_refused_resolution_leaks_no_descriptor() {
    in_child("denied::a_refused_resolution_leaks_no_descriptor", || {
        let scratch = Scratch::new();
        scratch.write("root/d/a", "a").link("root/l", "d/../../x").link("root/loop", "loop");
        let roots = super::both_ways(&scratch.path("root"));
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        for root in &roots {
            for path in ["d/a", "d/b", "l", "loop", "d/a/b", "d/..", "../x"] {
                let _ = outcome(root, path.as_bytes(), BENEATH);
            }
        }
        assert_eq!(open(), before);
    });
}

#[test]
fn a_limit_is_known_though_the_call_is_denied() {
    let both = || [Limit::Descriptors, Limit::FileSize].map(Limit::now);
    let before = both();
    assert!(before[0] > 0 && before[1] > 0, "{before:?}");
    for errno in [libc::EPERM, libc::ENOSYS] {
        std::thread::scope(|scope| {
            let denied = || {
                if !deny(&[libc::SYS_prlimit64, libc::SYS_getrlimit], errno) {
                    return skip::right("seccomp filters");
                }
                assert_eq!(Limit::FileSize.by_call(), None);
                assert_eq!(both(), before);
            };
            scope.spawn(denied).join().expect("no panic");
        });
    }
}
