//! The directory against a real kernel.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::*;
use crate::sys::tests::Scratch;

fn here(scratch: &Scratch) -> Directory {
    Directory::open(&scratch.path("")).unwrap()
}

#[track_caller]
fn check<T: std::fmt::Debug>(done: Result<T, Refusal>, errno: i32, operation: &str) {
    let refusal = done.unwrap_err();
    assert_eq!((refusal.raw_os_error(), refusal.operation().as_str()), (errno, operation));
}

#[test]
fn a_file_gets_its_bytes_first_and_then_its_name() {
    let scratch = Scratch::new();
    let disk = here(&scratch);
    let file = disk.create_unnamed().unwrap();
    disk.reserve(&file, 0, 1 << 20).unwrap();
    assert_eq!(disk.stat(&file).unwrap().identity.size, 0, "room is no length");
    assert_eq!(disk.write(&file, b"payload", 4).unwrap(), 7);
    assert_eq!(disk.write(&file, b"head", 0).unwrap(), 4);
    disk.resize(&file, 11).unwrap();
    disk.sync_data(&file).unwrap();
    disk.sync_all(&file).unwrap();
    assert!(disk.list().unwrap().is_empty());
    disk.link(&file, "a").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(std::fs::read(scratch.path("a")).unwrap(), b"headpayload");
    // What was reserved and not used is given back, to the last block.
    assert!(std::fs::metadata(scratch.path("a")).unwrap().blocks() <= 64);

    let other = disk.create_unnamed().unwrap();
    check(disk.link(&other, "a"), libc::EEXIST, "link");
    let named = disk.create("b").unwrap();
    check(disk.create("b"), libc::EEXIST, "create");
    check(disk.rename("b", "a", Onto::Nothing), libc::EEXIST, "rename");
    disk.write(&named, b"b", 0).unwrap();
    disk.rename("b", "a", Onto::Anything).unwrap();
    assert_eq!(std::fs::read(scratch.path("a")).unwrap(), b"b");
    disk.rename("a", "c", Onto::Nothing).unwrap();
    assert_eq!(disk.list().unwrap(), ["c"]);
    assert_eq!(disk.look("c").unwrap(), disk.stat(&named).unwrap());
    let mut buffer = [0; 9];
    assert_eq!(disk.read(&named, &mut buffer, 0).unwrap(), 1);
    disk.remove("c").unwrap();
    check(disk.remove("c"), libc::ENOENT, "remove");
    check(disk.look("c"), libc::ENOENT, "stat");
    assert_ne!(disk.random().unwrap(), disk.random().unwrap());
}

#[test]
fn only_regular_files_of_the_directory_itself_are_opened() {
    let scratch = Scratch::new();
    scratch.write("a", "x").link("link", "a");
    std::fs::create_dir(scratch.path("directory")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scratch.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let disk = here(&scratch);
    assert_eq!(disk.list().unwrap(), ["a"]);
    for access in [Access::Read, Access::Write] {
        disk.open("a", access).unwrap();
        let what = if access == Access::Read { "resolve" } else { "modify" };
        check(disk.open("missing", access), libc::ENOENT, what);
        for other in ["link", "fifo", "directory"] {
            check(disk.open(other, access), libc::ENXIO, "resolve");
        }
    }
    check(disk.open("a\0b", Access::Read), libc::EINVAL, "resolve");
}

#[test]
fn a_lock_is_of_one_open_file_and_goes_with_it() {
    let scratch = Scratch::new();
    let disk = here(&scratch);
    let first = disk.open_lock(".lock").unwrap();
    let second = disk.open_lock(".lock").unwrap();
    assert!(disk.try_lock(&first).unwrap());
    assert!(disk.try_lock(&first).unwrap(), "its own is no obstacle");
    assert!(!disk.try_lock(&second).unwrap());
    // Closing another descriptor of the file gives nothing back, as it would with process locks.
    drop(disk.open_lock(".lock").unwrap());
    assert!(!disk.try_lock(&second).unwrap());
    disk.unlock(&first);
    assert!(disk.try_lock(&second).unwrap());
    assert!(!disk.try_lock(&first).unwrap());
    drop(second);
    assert!(disk.try_lock(&first).unwrap());
    let read_only = disk.open(".lock", Access::Read).unwrap();
    check(disk.try_lock(&read_only), libc::EBADF, "lock");
}

#[test]
fn a_file_may_resemble_another() {
    let scratch = Scratch::new();
    scratch.write("old", "x");
    std::fs::set_permissions(scratch.path("old"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let disk = here(&scratch);
    let old = disk.open("old", Access::Write).unwrap();
    let attribute =
        rustix::fs::fsetxattr(&old, "user.colour", b"red", rustix::fs::XattrFlags::empty());
    let as_root = rustix::process::geteuid().is_root();
    if as_root {
        rustix::fs::fchown(&old, Some(rustix::fs::Uid::from_raw(7)), None).unwrap();
    }
    let new = disk.create("new").unwrap();
    disk.resemble(&new, &old).unwrap();
    let found = std::fs::metadata(scratch.path("new")).unwrap();
    assert_eq!(found.mode() & 0o7777, 0o640);
    assert!(!as_root || found.uid() == 7);
    if attribute.is_ok() {
        let mut value = [0; 8];
        let length = rustix::fs::fgetxattr(&new, "user.colour", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"red");
    }
}

#[test]
fn the_mount_is_known() {
    let mounted = here(&Scratch::new()).mounted().unwrap();
    assert!(!mounted.read_only && mounted.free != Some(0), "{mounted:?}");
    check(Directory::open(Path::new("/no/such/directory")), libc::ENOENT, "open");
}
