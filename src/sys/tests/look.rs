//! Two looks at one name, with all that can happen in between.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use super::{Scratch, file};
use crate::sys::kind::Kind;
use crate::sys::stat::{Change, Moment};

/// What the path and the descriptor say after `between`.
fn check(between: impl FnOnce(&Scratch), by_path: Change, by_descriptor: Change) {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "one").write("root/b", "two").root("root");
    // A time that no clock of this test reaches again, so that coarse clocks do no harm.
    let past = SystemTime::now() - Duration::from_secs(100);
    let times = fs::FileTimes::new().set_modified(past);
    fs::File::open(scratch.path("root/a")).unwrap().set_times(times).unwrap();
    let handle = file(&root, "a");
    let first = *handle.stat();
    next_tick(&scratch, first.identity.ctime);
    assert_eq!(root.glance(b"a").unwrap().since(&first), Change::Same);
    between(&scratch);
    let now = crate::sys::stat::Stat::of(&handle).unwrap();
    assert_eq!(now.since(&first), by_descriptor, "{first:?}\n{now:?}");
    let now = root.glance(b"a").unwrap();
    assert_eq!(now.since(&first), by_path, "{first:?}\n{now:?}");
}

/// Waits until the filesystem's clock is past `time`; some move every few milliseconds only.
fn next_tick(scratch: &Scratch, time: Moment) {
    let root = scratch.root("");
    loop {
        scratch.write("clock", "tick");
        if root.glance(b"clock").unwrap().identity.mtime > time {
            return;
        }
    }
}

/// Whether two writes with a look in between have two times, always.
pub(super) fn has_a_fine_clock(scratch: &Scratch) -> bool {
    let root = scratch.root("");
    let look = || {
        scratch.write("clock", "tick");
        root.glance(b"clock").unwrap().identity.mtime
    };
    (0..100).all(|_| look() != look())
}

#[test]
fn writes_renames_and_attributes_are_told_apart() {
    use Change::{Another, Explained, Grew, Same, Unexplained, Written};
    let write = |scratch: &Scratch, content: &[u8]| fs::write(scratch.path("root/a"), content);
    check(|_| {}, Same, Same);
    check(|s| drop(fs::read(s.path("root/a")).unwrap()), Same, Same);
    check(|s| write(s, b"two").unwrap(), Written, Written);
    check(|s| write(s, b"longer").unwrap(), Grew, Grew);
    check(|s| write(s, b"").unwrap(), Written, Written);
    let chmod = |s: &Scratch| {
        fs::set_permissions(s.path("root/a"), fs::Permissions::from_mode(0o600)).unwrap();
    };
    check(chmod, Explained, Explained);
    check(|s| fs::hard_link(s.path("root/a"), s.path("c")).unwrap(), Explained, Explained);
    // An atomic deploy: the descriptor goes on with the old version.
    check(|s| fs::rename(s.path("root/b"), s.path("root/a")).unwrap(), Another, Explained);
    // Moved away and back again.
    let to_and_fro = |s: &Scratch| {
        fs::rename(s.path("root/a"), s.path("c")).unwrap();
        fs::rename(s.path("c"), s.path("root/a")).unwrap();
    };
    check(to_and_fro, Unexplained, Unexplained);
    // A write that hides behind the old time.
    let hidden = |s: &Scratch| {
        let path = s.path("root/a");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        let times = fs::FileTimes::new().set_modified(time);
        OpenOptions::new().write(true).open(&path).unwrap().set_times(times).unwrap();
    };
    check(hidden, Unexplained, Unexplained);
}

#[test]
fn an_inode_number_that_is_used_again_is_not_the_same_version() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "one").root("root");
    let mut reused = 0;
    for _ in 0..50 {
        let first = root.glance(b"a").unwrap();
        next_tick(&scratch, first.identity.ctime);
        fs::remove_file(scratch.path("root/a")).unwrap();
        scratch.write("root/a", "two");
        let now = root.glance(b"a").unwrap();
        reused += u32::from(now.identity.ino == first.identity.ino);
        assert_ne!(now.since(&first), Change::Same);
        assert_ne!(now.identity, first.identity);
    }
    eprintln!("{reused} of 50 inode numbers were used again");
}

#[test]
fn a_glance_follows_links_and_is_only_good_to_compare() {
    let scratch = Scratch::new();
    scratch.write("secret", "secret").write("root/a", "a").link("root/out", "../secret");
    let root = scratch.root("root");
    assert_eq!(root.glance(b"out").unwrap().identity.size, 6);
    assert_eq!(root.glance(b"").unwrap().kind, Kind::Directory);
    assert_eq!(root.glance(b"none").unwrap_err().raw_os_error(), libc::ENOENT);
    assert_eq!(root.glance(b"a\0").unwrap_err().raw_os_error(), libc::EINVAL);
    let said = root.glance(b"a/b").unwrap_err().to_string();
    assert_eq!(said, "wanted the file's size and times, found ENOTDIR (20)");
}
