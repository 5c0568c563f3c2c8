//! The diagnosis of what was really refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use super::{BENEATH, Scratch, as_nobody, is_root, tool};
use crate::skip;
use crate::sys::diagnose::Diagnosis;
use crate::sys::diagnose::modes::{Bit, Class};
use crate::sys::diagnose::process::Seccomp;
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

    let closed = refused(&root, "closed");
    let lacking = closed.lacking.clone().unwrap();
    assert_eq!((lacking.bit, lacking.class, lacking.mode), (Bit::Read, Class::Other, 0));
    let said = closed.to_string();
    let start = "`closed` lacks r for others (mode 0000, owner 0:0); as uid 65534 gid 65534, \
                 no capabilities";
    assert!(said.starts_with(start) && !said.contains('\n'), "{said}");
    for path in ["d/e/f", "l", "d/../l"] {
        let said = refused(&root, path).to_string();
        assert!(said.starts_with("`d/e` lacks x for others (mode 0710, owner 0:0)"), "{said}");
    }
    // The owner's own bits count for the owner, even if others may more.
    chown(scratch.path("root/closed"), Some(65534), Some(0)).unwrap();
    mode(&scratch, "root/closed", 0o077);
    assert_eq!(refused(&root, "closed").lacking.unwrap().class, Class::Owner);
    chown(scratch.path("root/closed"), Some(0), Some(65534)).unwrap();
    mode(&scratch, "root/closed", 0o707);
    assert_eq!(refused(&root, "closed").lacking.unwrap().class, Class::Group);
    // A directory that may be searched but not read.
    mode(&scratch, "root/d", 0o711);
    let directory = refused(&root, "d/.");
    assert!(directory.to_string().starts_with("`d` lacks r for others"), "{directory}");
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
fn filters_attributes_and_mounts_are_told() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    let root = scratch.root("root");
    let refusal = Refusal::errno(Operation::Resolve, rustix::io::Errno::PERM);
    let plain = Diagnosis::of(&refusal, &root, b"a").unwrap();
    assert!(!plain.attributes.immutable && plain.mount.is_some());
    if is_root() {
        assert_eq!(plain.lacking, None);
        for (flag, word) in [("i", "; immutable"), ("a", "; append-only")] {
            let path = scratch.path("root/a").display().to_string();
            if !tool("chattr", &[&format!("+{flag}"), &path]) {
                skip::place("chattr, on a filesystem with attributes");
                break;
            }
            let said = Diagnosis::of(&refusal, &root, b"a").unwrap().to_string();
            assert!(tool("chattr", &[&format!("-{flag}"), &path]));
            assert!(said.contains(word), "{said}");
        }
    } else {
        skip::right("root, to set attributes");
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if !super::denied::deny(&[libc::SYS_acct], libc::EPERM) {
                return skip::right("seccomp filters");
            }
            let filtered = Diagnosis::of(&refusal, &root, b"a").unwrap();
            assert_eq!(filtered.process.seccomp, Some(Seccomp::Filter));
            assert!(filtered.to_string().contains("no new privileges, seccomp filter"));
        });
        thread.join().unwrap();
    });
}

#[test]
fn the_flags_of_the_mount_are_told() {
    let scratch = Scratch::new();
    scratch.write("mounted/a", "a");
    let path = scratch.path("mounted").display().to_string();
    if !is_root() || !tool("mount", &["-t", "tmpfs", "-o", "ro,nosuid,noatime", "tmpfs", &path]) {
        return skip::right("root, to mount a filesystem");
    }
    let refusal = Refusal::errno(Operation::Resolve, rustix::io::Errno::ACCESS);
    let said = Diagnosis::of(&refusal, &scratch.root("mounted"), b"").unwrap().to_string();
    assert!(tool("umount", &[&path]));
    assert!(said.contains("; mounted read-only; mounted nosuid; mounted noatime"), "{said}");
}

#[test]
fn an_access_control_list_is_told() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    let path = scratch.path("root/a").display().to_string();
    // Version 2; owner, user 1 with r, group, mask, others.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 4, 1), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        acl.extend(tag.to_le_bytes().iter().chain(&bits.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "system.posix_acl_access", &acl, flags).is_err() {
        return skip::place("a filesystem with access control lists");
    }
    let refusal = Refusal::errno(Operation::Resolve, rustix::io::Errno::ACCESS);
    let root = scratch.root("root");
    assert!(Diagnosis::of(&refusal, &root, b"a").unwrap().has_acl);
    assert!(!Diagnosis::of(&refusal, &root, b"").unwrap().has_acl);
}

#[test]
fn other_refusals_are_not_looked_into_and_odd_paths_do_no_harm() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a").link("root/loop", "loop").link("root/out", "/etc/passwd");
    let root = scratch.root("root");
    let absent = root.resolve(b"none", BENEATH).unwrap_err();
    assert_eq!(Diagnosis::of(&absent, &root, b"none"), None);
    assert_eq!(Diagnosis::of_root(&absent, b"/none"), None);
    let refusal = Refusal::errno(Operation::Resolve, rustix::io::Errno::ACCESS);
    let long = [b'x'; 9000];
    for path in [&b"none/x"[..], b"loop", b"out", b"../..", b"a/b", b"/", b"a\0b", &long] {
        assert!(Diagnosis::of(&refusal, &root, path).is_some());
        assert!(Diagnosis::of_root(&refusal, path).is_some());
    }
}
