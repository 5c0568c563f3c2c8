//! The momentary lease with writers there, coming and mapped.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Scratch, as_nobody, file, is_root, tool};
use crate::skip;
use crate::sys::lease::{Obstacle, Proof};
use crate::sys::open::Handle;
use crate::sys::read::append_at;
use crate::sys::stat::{Change, Stat};

#[test]
fn a_writer_that_is_there_is_found() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "abc").root("root");
    let handle = file(&root, "a");
    let stat = *handle.stat();
    assert_eq!(handle.prove(), Proof::Proved(stat));
    let mut writer = OpenOptions::new().append(true).open(scratch.path("root/a")).unwrap();
    assert_eq!(handle.prove(), Proof::WriterThere);
    writer.write_all(b"d").unwrap();
    assert_eq!(handle.prove(), Proof::WriterThere);
    drop(writer);
    let Proof::Proved(now) = handle.prove() else { panic!("still a writer") };
    assert_eq!(now.identity.size, 4);
    // Readers do not matter, and nothing is held: a writer gets in at once.
    let _reader = fs::File::open(scratch.path("root/a")).unwrap();
    assert!(matches!(handle.prove(), Proof::Proved(_)));
    let flags = libc::O_NONBLOCK;
    let open = OpenOptions::new().write(true).custom_flags(flags).open(scratch.path("root/a"));
    assert!(open.is_ok(), "{open:?}");
}

/// Long enough that a copy of it is often caught half done.
const LENGTH: usize = 64 * 1024;

#[test]
fn a_proved_look_and_an_equal_one_hold_one_version_between_them() {
    // In a process of its own, as a signal that is not ignored would end it.
    super::in_child("lease::a_proved_look_and_an_equal_one_hold_one_version_between_them", || {
        let scratch = Scratch::new();
        if !super::look::has_a_fine_clock(&scratch) {
            return skip::place("a filesystem whose times tell two writes apart (Linux 6.13)");
        }
        let version = |byte: u8| vec![byte; LENGTH];
        let root = scratch.write("root/a", version(0)).root("root");
        let handle = file(&root, "a");
        let stop = AtomicBool::new(false);
        let (mut whole, mut there, mut changed) = (0_u32, 0_u32, 0_u32);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for byte in (0..=255).cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let mut options = OpenOptions::new();
                    let writer = options.write(true).open(scratch.path("root/a")).unwrap();
                    writer.write_all_at(&version(byte), 0).unwrap();
                }
            });
            while whole < 500 || there < 100 {
                let before = match handle.prove() {
                    Proof::Proved(stat) => stat,
                    Proof::WriterThere => {
                        there += 1;
                        continue;
                    }
                    other @ Proof::NotPossible(_) => panic!("{other:?}"),
                };
                let mut bytes = Vec::new();
                append_at(&handle, &mut bytes, LENGTH, 0).unwrap();
                if Stat::of(&handle).unwrap().since(&before) == Change::Same {
                    whole += 1;
                    let mixed = bytes.iter().any(|byte| *byte != bytes[0]);
                    if mixed {
                        stop.store(true, Ordering::Relaxed);
                    }
                    assert!(!mixed, "two versions after {whole} that were whole");
                } else {
                    changed += 1;
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        eprintln!("{whole} whole, {changed} changed while read, {there} with a writer there");
    });
}

#[test]
fn where_there_is_no_proof_the_reason_is_told() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "abc").root("root");
    let proc = Handle::opened("/proc/self/status");
    assert_eq!(proc.prove(), Proof::NotPossible(Obstacle::Filesystem));
    let directory = match root.resolve(b"", super::BENEATH).unwrap() {
        crate::sys::open::Opened::Directory(handle) => handle,
        crate::sys::open::Opened::File(_) => panic!("a file"),
    };
    assert_eq!(directory.prove(), Proof::NotPossible(Obstacle::Kind));
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    as_nobody(|| {
        assert_eq!(file(&root, "a").prove(), Proof::NotPossible(Obstacle::Owner));
    });
}

#[test]
fn an_overlay_gives_no_proof_since_it_misses_writers_below_and_finds_those_above() {
    let Some(scratch) = super::overlay() else { return skip::right("root, to mount an overlay") };
    let handle = file(&scratch.root("merged"), "below");
    let below = OpenOptions::new().write(true).open(scratch.path("lower/below")).unwrap();
    let proof = handle.prove();
    let above = fs::File::create(scratch.path("merged/above")).unwrap();
    let writer = file(&scratch.root("merged"), "above").prove();
    // The reason for the rule: the kernel itself would have given the lease.
    let given = crate::sys::door::lease_in_silence(&handle)
        .and_then(|()| crate::sys::door::lease(&handle, true));
    drop((handle, below, above));
    assert!(tool("umount", &[scratch.path("merged").to_str().unwrap()]));
    assert_eq!(proof, Proof::NotPossible(Obstacle::Filesystem));
    assert_eq!(writer, Proof::WriterThere);
    eprintln!("overlay with a writer below: the kernel said {given:?}");
}

#[test]
fn a_denied_call_is_an_obstacle() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "abc").root("root");
    let handle = file(&root, "a");
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if !super::denied::deny(&[libc::SYS_fcntl], libc::EPERM) {
                return skip::right("seccomp filters");
            }
            assert_eq!(handle.prove(), Proof::NotPossible(Obstacle::Errno(libc::EPERM)));
        });
        thread.join().unwrap();
    });
}
