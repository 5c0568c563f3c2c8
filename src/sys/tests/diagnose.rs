//! The diagnosis of what was really refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use super::{BENEATH, Scratch, as_nobody, fresh_memory, is_root};
use crate::skip;
use crate::sys::diagnose::Diagnosis;
use crate::sys::diagnose::process::Process;
use crate::sys::operation::Operation;
use crate::sys::refusal::Refusal;
use crate::sys::root::Root;

fn mode(scratch: &Scratch, name: &str, mode: u32) {
    fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// Asks for `path` as nobody, and why it was refused.
fn refused(root: &Root, path: &str) -> Diagnosis {
    let mut found = None;
    as_nobody(|| {
        let refusal = root.resolve(path.as_bytes(), BENEATH).unwrap_err();
        found = Diagnosis::of(&refusal, root, path.as_bytes());
    });
    found.unwrap()
}

#[test]
fn the_component_and_its_bit_are_named() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/d/e/f", "f").write("root/closed", "c").link("root/l", "d/e/f");
    let root = scratch.root("root");
    mode(&scratch, "root/closed", 0o000);
    mode(&scratch, "root/d", 0o755);
    mode(&scratch, "root/d/e", 0o710);
    chown(scratch.path("root/d/e"), Some(0), Some(0)).unwrap();

    let said = refused(&root, "closed").to_string();
    let start = "`closed` lacks r for others (mode 0000, owner 0:0); as uid 65534 gid 65534, \
                 no capabilities";
    assert!(said.starts_with(start) && !said.contains('\n'), "{said}");
    for path in ["d/e/f", "l", "d/../l"] {
        let said = refused(&root, path).to_string();
        assert!(said.starts_with("`d/e` lacks x for others (mode 0710, owner 0:0)"), "{said}");
    }
    // The owner's own bits count for the owner, even if others may more.
    let starts = |path: &str, start: &str| {
        let said = refused(&root, path).to_string();
        assert!(said.starts_with(start), "{said}");
    };
    chown(scratch.path("root/closed"), Some(65534), Some(0)).unwrap();
    mode(&scratch, "root/closed", 0o077);
    starts("closed", "`closed` lacks r for its owner (mode 0077, owner 65534:0)");
    chown(scratch.path("root/closed"), Some(0), Some(65534)).unwrap();
    mode(&scratch, "root/closed", 0o707);
    starts("closed", "`closed` lacks r for its group");
    // A directory that may be searched but not read.
    mode(&scratch, "root/d", 0o711);
    starts("d/.", "`d` lacks r for others");
}

#[test]
fn a_root_that_may_not_be_reached_is_diagnosed_from_the_top() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("closed/root/a", "a").link("link", scratch.path("closed").to_str().unwrap());
    mode(&scratch, "closed", 0o700);
    for name in ["closed/root", "link/root"] {
        let mut said = String::new();
        as_nobody(|| {
            let path = scratch.path(name);
            let refusal = Root::open(&path).unwrap_err();
            let path = path.as_os_str().as_encoded_bytes();
            said = Diagnosis::of_root(&refusal, path).unwrap().to_string();
        });
        let closed = scratch.path("closed");
        let start = format!(
            "`{}` lacks x for others",
            closed.display().to_string().trim_start_matches('/')
        );
        assert!(said.starts_with(&start), "{said}");
    }
}

#[test]
fn a_filter_is_named_with_its_call_and_nothing_else_is() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    // What the other tests know of this kernel stays as it is.
    let root = Root::with(&scratch.path("root"), fresh_memory()).unwrap();
    for errno in [libc::EPERM, libc::EACCES] {
        std::thread::scope(|scope| {
            let denied = || {
                if !super::denied::deny(&[libc::SYS_openat, libc::SYS_openat2], errno) {
                    return skip::right("seccomp filters");
                }
                let refusal = root.resolve(b"a", BENEATH).unwrap_err();
                let said = Diagnosis::of(&refusal, &root, b"a").unwrap().to_string();
                let name = if errno == libc::EPERM { "EPERM (1)" } else { "EACCES (13)" };
                let start = format!(
                    "a filter of system calls (seccomp) answers openat with {name}; as uid "
                );
                assert!(said.starts_with(&start), "{said}");
            };
            scope.spawn(denied).join().unwrap();
        });
    }
}

#[test]
fn a_filter_for_other_calls_is_no_cause() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    mode(&scratch, "root/a", 0);
    let root = scratch.root("root");
    as_nobody(|| {
        if !super::denied::deny(&[libc::SYS_acct], libc::EPERM) {
            return skip::right("seccomp filters");
        }
        let refusal = root.resolve(b"a", BENEATH).unwrap_err();
        let said = Diagnosis::of(&refusal, &root, b"a").unwrap().to_string();
        assert!(said.starts_with("`a` lacks r for others"), "{said}");
        assert!(said.contains("no new privileges, seccomp filter"), "{said}");
    });
}

#[test]
fn an_access_control_list_is_told() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    let path = scratch.path("root/a").display().to_string();
    // Version 2; owner, nobody without r, group, mask, others with it.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 0, 65534), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 4, u32::MAX)];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        acl.extend(tag.to_le_bytes().iter().chain(&bits.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "system.posix_acl_access", &acl, flags).is_err() {
        return skip::place("a filesystem with access control lists");
    }
    let said = refused(&scratch.root("root"), "a").to_string();
    assert!(said.starts_with("`a` has an access control list that does not give r; "), "{said}");
}

#[test]
fn other_refusals_are_not_looked_into_and_odd_paths_do_no_harm() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a").link("root/loop", "loop").link("root/out", "/etc/passwd");
    let root = scratch.root("root");
    let absent = root.resolve(b"none", BENEATH).unwrap_err();
    assert_eq!(Diagnosis::of(&absent, &root, b"none"), None);
    assert_eq!(Diagnosis::of_root(&absent, b"/none"), None);
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    // What was refused is asked about by other names than it was refused by.
    mode(&scratch, "root/a", 0);
    let mut refusal = None;
    as_nobody(|| refusal = root.resolve(b"a", BENEATH).err());
    let refusal = refusal.unwrap();
    let long = [b'x'; 9000];
    for path in [&b"none/x"[..], b"loop", b"out", b"../..", b"a/b", b"/", b"a\0b", &long] {
        assert!(Diagnosis::of(&refusal, &root, path).is_some());
        assert!(Diagnosis::of_root(&refusal, path).is_some());
    }
}

/// Why nobody, who owns `d`, does not get at `d/closed`, where a filter answers the question for rights with `errno`.
fn unasked(errno: i32, path: &str) -> Option<String> {
    let scratch = Scratch::new();
    scratch.write("root/d/closed", "c").write("root/d/own", "o");
    let root = scratch.root("root");
    chown(scratch.path("root/d"), Some(65534), Some(65534)).unwrap();
    mode(&scratch, "root/d", 0o500);
    mode(&scratch, "root/d/closed", 0o440);
    let mut said = None;
    as_nobody(|| {
        if !super::denied::deny(&[libc::SYS_faccessat2], errno) {
            return skip::right("seccomp filters");
        }
        let refusal = root.resolve(path.as_bytes(), BENEATH).unwrap_err();
        said = Some(Diagnosis::of(&refusal, &root, path.as_bytes()).unwrap().to_string());
    });
    said
}

#[test]
fn where_the_kernel_cannot_be_asked_for_rights_the_bits_have_to_do() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    for errno in [libc::ENOSYS, libc::EINVAL] {
        let Some(said) = unasked(errno, "d/closed") else { return };
        let start = "`d/closed` lacks r for others (mode 0440, owner 0:0); as uid 65534";
        assert!(said.starts_with(start), "{said}");
    }
    // A filter says no to what the bits give, which is no word of theirs, nor of a list.
    let Some(said) = unasked(libc::EACCES, "d/closed") else { return };
    assert!(said.starts_with("`d/closed` lacks r for others"), "{said}");
    assert!(!said.contains("access control list"), "{said}");
}

#[test]
fn a_relative_root_is_looked_for_from_a_directory_that_may_not_be_read() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let name = "diagnose::a_relative_root_is_looked_for_from_a_directory_that_may_not_be_read";
    super::in_child(name, || {
        let scratch = Scratch::new();
        scratch.write("here/closed/root/a", "a");
        mode(&scratch, "here/closed", 0o700);
        mode(&scratch, "here", 0o711);
        std::env::set_current_dir(scratch.path("here")).unwrap();
        as_nobody(|| {
            let refusal = Root::open("closed/root".as_ref()).unwrap_err();
            let said = Diagnosis::of_root(&refusal, b"closed/root").unwrap().to_string();
            assert!(said.starts_with("`closed` lacks x for others (mode 0700"), "{said}");
        });
    });
}

#[test]
fn a_name_in_a_sticky_directory_is_its_owners() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/s/a", "a");
    mode(&scratch, "root/s", 0o1777);
    let root = scratch.root("root");
    as_nobody(|| {
        let refused = rustix::fs::unlink(scratch.path("root/s/a")).unwrap_err();
        let refusal = Refusal::errno(Operation::Remove, refused);
        let said = Diagnosis::of(&refusal, &root, b"s/a").unwrap().to_string();
        assert!(said.starts_with("`s` is sticky: only user 0, who owns `s/a`"), "{said}");
    });
}

#[test]
fn a_thread_is_known_by_calls_as_by_its_status() {
    if !is_root() {
        return skip::right("root, to be in other groups");
    }
    let work = || {
        let groups = [4711, 4712].map(rustix::process::Gid::from_raw);
        rustix::thread::set_thread_groups(&groups).unwrap();
        let (from_proc, asked) = (Process::of_this_thread(), Process::from_calls());
        assert_eq!(from_proc.groups, [4711, 4712]);
        assert_eq!(
            (asked.uid, asked.gid, asked.groups),
            (from_proc.uid, from_proc.gid, from_proc.groups)
        );
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

#[test]
fn a_user_namespace_is_told() {
    let name = "diagnose::a_user_namespace_is_told";
    let unshare = ["unshare", "--user", "--map-root-user"];
    if !super::tool(unshare[0], &[unshare[1], unshare[2], "true"]) {
        return skip::right("a user namespace");
    }
    super::in_child_of(&unshare, name, || {
        let said = Process::of_this_thread().to_string();
        assert!(said.starts_with("as uid 0 gid 0, capabilities 0x"), "{said}");
        assert!(said.contains(", in a user namespace"), "{said}");
    });
}
