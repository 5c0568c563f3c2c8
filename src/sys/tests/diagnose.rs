//! The diagnosis of what was really refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use super::{BENEATH, Scratch, as_nobody, fresh_memory, is_root};
use crate::skip;
use crate::sys::diagnose::Diagnosis;
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
