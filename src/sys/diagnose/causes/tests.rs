//! Each cause by what was seen, and nothing that was not.

use super::super::bit::Bit;
use super::super::modes::Class;
use super::super::process::Namespace;
use super::*;

fn thing(name: &str, mode: u32, uid: u32) -> Thing {
    Thing { name: name.to_owned(), mode, uid, ..Thing::default() }
}

/// In a directory of root's, as user 7.
fn facts(mode: u32, owner: u32) -> Facts {
    let process = Process { uid: 7, capabilities: Some(0), ..Process::default() };
    let (directory, target) = (Some(thing("d", mode, 0)), Some(thing("d/f", 0o666, owner)));
    Facts { directory, target, process, ..Facts::default() }
}

#[track_caller]
fn check(operation: Operation, errno: i32, facts: &Facts, said: &str) {
    let causes: Vec<_> = causes(operation, errno, facts).iter().map(Cause::to_string).collect();
    assert_eq!(causes.join("; "), said);
}

#[test]
fn a_file_of_others_in_a_sticky_directory_is_protected_as_the_machine_has_it() {
    let said = "`d/f` belongs to user 8, in a sticky directory of all (fs.protected_regular)";
    for (mode, level, owner, said) in [
        (0o1777, 1, 8, said),
        (0o1770, 2, 8, said),
        (0o1770, 1, 8, ""),
        (0o1777, 0, 8, ""),
        (0o777, 2, 8, ""),
        (0o1777, 2, 7, ""),
        (0o1777, 2, 0, ""),
    ] {
        let facts = Facts { protected_regular: level, ..facts(mode, owner) };
        check(Operation::Lock, libc::EACCES, &facts, said);
        check(Operation::Modify, libc::EACCES, &facts, "");
    }
}

#[test]
fn the_sticky_bit_is_about_names_of_others() {
    let said = "`d` is sticky: only user 8, who owns `d/f`, and user 0, who owns the directory, may \
                take that name";
    check(Operation::Remove, libc::EPERM, &facts(0o1777, 8), said);
    check(Operation::Rename, libc::EPERM, &facts(0o1777, 8), said);
    check(Operation::Create, libc::EPERM, &facts(0o1777, 8), "");
    check(Operation::Remove, libc::EPERM, &facts(0o777, 8), "");
    check(Operation::Remove, libc::EPERM, &facts(0o1777, 7), "");
    let mut able = facts(0o1777, 8);
    able.process.capabilities = Some(Capability::Owner.bit());
    check(Operation::Remove, libc::EPERM, &able, "");
}

#[test]
fn who_decides_elsewhere_is_no_module_of_this_kernel() {
    let mount = Mount { at: "/m".into(), kind: "fuse".into(), ..Mount::default() };
    let (mount, modules) = (Some(mount), vec!["Landlock".to_owned()]);
    let near = Facts { mount, modules, ..facts(0o777, 7) };
    let far = Facts { is_elsewhere: true, ..near.clone() };
    let said =
        "the filesystem on /m (fuse) decides by itself, and mode bits here are not the reason";
    for errno in [libc::EACCES, libc::EPERM] {
        check(Operation::Resolve, errno, &far, said);
    }
    let said =
        "mode bits, owners, attributes and mounts give it; a security module refuses (Landlock)";
    check(Operation::Resolve, libc::EACCES, &near, said);
    check(Operation::Resolve, libc::EPERM, &near, "");
}

#[test]
fn an_idmapped_mount_is_named_with_the_owner_that_it_shows() {
    let mount = Mount { at: "/m".into(), kind: "ext4".into(), idmapped: true, ..Mount::default() };
    let facts = Facts { mount: Some(mount), ..facts(0o777, 8) };
    let said = "`d/f` belongs to user 8, and this process has no CAP_LEASE for it; the mount on /m \
                (ext4) is idmapped: it shows other owners than the disk has";
    check(Operation::Lease, libc::EACCES, &facts, said);
}

fn mounted(kind: &str) -> Mount {
    Mount { at: "/m".into(), kind: kind.into(), ..Mount::default() }
}

/// As [`facts`], in a directory of all, on a mount of this kind.
fn on(kind: &str) -> Facts {
    Facts { mount: Some(mounted(kind)), ..facts(0o777, 7) }
}

#[test]
fn a_filter_is_the_only_cause() {
    let said = "a filter of system calls (seccomp) answers openat with EPERM (1)";
    let filtered = Facts { filtered: Some("openat"), ..facts(0o1777, 8) };
    check(Operation::Remove, libc::EPERM, &filtered, said);
}

#[test]
fn who_refuses_writes_is_the_mount_the_filesystem_or_a_server() {
    let with = |read_only, whole_read_only, is_elsewhere| {
        let mount = Some(Mount { read_only, whole_read_only, ..mounted("nfs") });
        Facts { mount, is_elsewhere, ..facts(0o777, 7) }
    };
    let (whole, mount) = (
        "the filesystem on /m (nfs) is read-only",
        "the mount on /m (nfs) is read-only, its filesystem is not",
    );
    let elsewhere =
        "the filesystem on /m (nfs) decides by itself, and mode bits here are not the reason";
    for (read_only, whole_read_only, is_elsewhere, said) in [
        (true, true, false, whole),
        (false, true, false, whole),
        (false, true, true, whole),
        (true, false, false, mount),
        (true, false, true, mount),
        (false, false, false, "the filesystem on /m (nfs) refuses writes"),
        (false, false, true, elsewhere),
    ] {
        let facts = with(read_only, whole_read_only, is_elsewhere);
        check(Operation::Write, libc::EROFS, &facts, said);
    }
    check(Operation::Write, libc::EROFS, &facts(0o777, 7), "");
}

#[test]
fn what_has_run_out_is_named_with_its_place() {
    let left = |bytes, inodes| Facts { left: Left { bytes, inodes }, ..on("ext4") };
    let reserve = |facts, said: &str| check(Operation::Reserve, libc::ENOSPC, &facts, said);
    reserve(left(Some(0), Some(3)), "no room is left on /m (ext4)");
    reserve(left(Some(5), None), "5 bytes of room are left on /m (ext4)");
    reserve(left(Some(5), Some(0)), "no inode is left on /m (ext4)");
    reserve(left(None, Some(3)), "");
    let nowhere = Facts { mount: None, ..left(Some(5), Some(3)) };
    reserve(nowhere, "5 bytes of room are left");
    check(Operation::Write, libc::EDQUOT, &on("ext4"), "a quota is used up on /m (ext4)");
    let said = "the quota of a qgroup is used up on /m (btrfs)";
    check(Operation::Write, libc::EDQUOT, &on("btrfs"), said);
    // Watches are no room.
    let bound = Some(Bound { name: "fs.inotify.max_user_watches".into(), value: "3".into() });
    let watches = Facts { bound, ..left(Some(0), Some(0)) };
    check(Operation::Watch, libc::ENOSPC, &watches, "fs.inotify.max_user_watches is 3");
    check(Operation::Resolve, libc::EMFILE, &watches, "fs.inotify.max_user_watches is 3");
    check(Operation::Resolve, libc::EMFILE, &on("ext4"), "");
}

#[test]
fn who_is_not_told_of_writers_says_so() {
    let said = "files on /m (nfs) may be written to where this kernel does not hear of it";
    check(Operation::Watch, libc::EOPNOTSUPP, &on("nfs"), said);
    check(Operation::Watch, libc::EOPNOTSUPP, &facts(0o777, 7), "");
}

#[test]
fn a_new_file_on_an_idmapped_mount_may_have_no_owner() {
    let mount = Some(Mount { idmapped: true, ..mounted("ext4") });
    let said = "the mount on /m (ext4) is idmapped: it shows other owners than the disk has";
    check(Operation::Create, libc::EOVERFLOW, &Facts { mount, ..facts(0o777, 7) }, said);
    check(Operation::Create, libc::EOVERFLOW, &on("ext4"), "");
}

#[test]
fn an_owner_or_a_capability_is_wanted() {
    let said = "`d/f` belongs to user 8, and this process has no CAP_LEASE for it";
    let able = |owner, capabilities| {
        let mut facts = facts(0o777, owner);
        facts.process.capabilities = Some(capabilities);
        facts
    };
    check(Operation::Lease, libc::EACCES, &able(8, 0), said);
    check(Operation::Lease, libc::EACCES, &able(8, 1 << 3), said);
    check(Operation::Lease, libc::EACCES, &able(8, 1 << 28), "");
    check(Operation::Lease, libc::EACCES, &able(7, 0), "");
    let said = "`d/f` belongs to user 8, and this process has no CAP_FOWNER for it";
    for errno in [libc::EPERM, libc::EINVAL] {
        check(Operation::Attributes, errno, &able(8, 0), said);
        check(Operation::Attributes, errno, &able(8, 1 << 3), "");
        check(Operation::Attributes, errno, &able(7, 0), "");
    }
}

#[test]
fn a_capability_does_not_help_with_an_owner_that_is_not_mapped() {
    let mut facts = facts(0o1777, 65534);
    facts.process.namespace = Namespace::of("0 1000 1\n", "0 1000 1\n", "65534\n");
    facts.process.capabilities = Some(u64::MAX);
    let unmapped =
        "`d/f`: its owner is not mapped in this user namespace, so its capabilities do not help";
    let said = format!(
        "`d/f` belongs to user 65534, and this process has no CAP_LEASE for it; {unmapped}"
    );
    check(Operation::Lease, libc::EACCES, &facts, &said);
    let said = "`d` is sticky: only user 65534, who owns `d/f`, and user 0, who owns the directory, may \
                take that name";
    check(Operation::Remove, libc::EPERM, &facts, said);
}

fn lacking(component: &str, bit: Bit) -> Lacking {
    let component = component.to_owned();
    Lacking { component, bit, class: Class::Other, mode: 0o700, uid: 8, gid: 9, by_acl: false }
}

#[test]
fn what_lacks_a_bit_is_named_and_what_is_behind_it_is_not() {
    let said = "`d` lacks x for others (mode 0700, owner 8:9)";
    let mut found = facts(0o777, 7);
    found.way = Some(lacking("d", Bit::Search));
    found.target = Some(Thing {
        lacking: Some(lacking("d/f", Bit::Read)),
        attributes: Attributes { immutable: true, append_only: true },
        ..thing("d/f", 0o700, 8)
    });
    check(Operation::Modify, libc::EPERM, &found, said);
    found.way = None;
    let said = "`d/f` lacks r for others (mode 0700, owner 8:9)";
    check(Operation::Modify, libc::EACCES, &found, said);
    let directory = Thing { lacking: Some(lacking("d", Bit::Write)), ..thing("d", 0o700, 8) };
    found.directory = Some(directory);
    let said = format!("`d` lacks w for others (mode 0700, owner 8:9); {said}");
    check(Operation::Create, libc::EACCES, &found, &said);
    let acl = Lacking { by_acl: true, ..lacking("d/f", Bit::Write) };
    found = facts(0o777, 7);
    found.way = Some(acl);
    let said = "`d/f` has an access control list that does not give w";
    check(Operation::Modify, libc::EACCES, &found, said);
}

#[test]
fn attributes_forbid_what_they_are_about() {
    let with = |directory: (bool, bool), target: (bool, bool)| {
        let mut facts = facts(0o777, 7);
        let of = |(immutable, append_only)| Attributes { immutable, append_only };
        facts.directory = facts.directory.map(|d| Thing { attributes: of(directory), ..d });
        facts.target = facts.target.map(|t| Thing { attributes: of(target), ..t });
        facts
    };
    let (none, immutable, append) = ((false, false), (true, false), (false, true));
    let target = |facts: &Facts, operation, said: &str| check(operation, libc::EPERM, facts, said);
    let (fixed, grows) = ("`d/f` is immutable (chattr +i)", "`d/f` is append-only (chattr +a)");
    for operation in [Operation::Modify, Operation::Write, Operation::Attributes] {
        target(&with(none, immutable), operation, fixed);
        target(&with(none, append), operation, grows);
        target(&with(immutable, none), operation, "");
        // Mode bits are asked for with another number.
        check(operation, libc::EACCES, &with(none, immutable), "");
    }
    for operation in [Operation::Remove, Operation::Rename] {
        target(&with(none, immutable), operation, fixed);
        target(&with(none, append), operation, grows);
        target(&with(immutable, none), operation, "`d` is immutable (chattr +i)");
        target(&with(append, none), operation, "`d` is append-only (chattr +a)");
    }
    for operation in [Operation::Create, Operation::Link] {
        target(&with(immutable, none), operation, "`d` is immutable (chattr +i)");
        target(&with(append, immutable), operation, "");
    }
    target(&with(immutable, immutable), Operation::Resolve, "");
}

#[test]
fn who_owns_a_sticky_directory_takes_any_name_in_it() {
    let mut own = facts(0o1777, 8);
    own.directory = own.directory.map(|directory| Thing { uid: 7, ..directory });
    check(Operation::Remove, libc::EPERM, &own, "");
}

#[test]
fn the_protection_of_others_files_is_no_matter_of_another_number() {
    let facts = Facts { protected_regular: 2, ..facts(0o1777, 8) };
    check(Operation::Lock, libc::EPERM, &facts, "");
}

#[test]
fn no_module_is_blamed_where_there_is_none() {
    let mut found = on("ext4");
    check(Operation::Resolve, libc::EACCES, &found, "");
    found.modules = vec!["SELinux".to_owned(), "Landlock".to_owned()];
    let said = "mode bits, owners, attributes and mounts give it; a security module refuses (SELinux or \
                Landlock)";
    check(Operation::Resolve, libc::EACCES, &found, said);
}
