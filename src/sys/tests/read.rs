//! Reads by position: short files, files that shrink, many readers, and reads that do not wait.

use std::fs::OpenOptions;
use std::path::Path;

use super::{Scratch, file, fresh_memory, tool};
use crate::cold::leaves_memory;
use crate::skip;
use crate::sys::filesystem::{Filesystem, Place};
use crate::sys::open::{Handle, Opened};
use crate::sys::read::{Tried, append_at, read_at};

fn numbered(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at / 4096 + at) % 251).to_le_bytes()[0]).collect()
}

#[test]
fn a_read_fills_its_buffer_or_has_reached_the_end() {
    let scratch = Scratch::new();
    let content = numbered(100_000);
    let handle = file(&scratch.write("root/a", &content).root("root"), "a");
    for (offset, wanted) in [
        (0, 0),
        (0, 1),
        (0, 100_000),
        (99_999, 1),
        (99_999, 2),
        (100_000, 5),
        (1 << 40, 5),
        (3, 200_000),
    ] {
        let end = content.len().min(offset + wanted).max(offset.min(content.len()));
        let part = &content[offset.min(content.len())..end];
        let mut buffer = vec![0; wanted];
        let read = read_at(&handle, &mut buffer, offset as u64).unwrap();
        assert_eq!(&buffer[..read], part, "{wanted} at {offset}");
        let mut bytes = b"before".to_vec();
        let read = append_at(&handle, &mut bytes, wanted, offset as u64).unwrap();
        assert_eq!((read, &bytes[6..]), (part.len(), part), "{wanted} at {offset}");
    }
    // More room than was asked for is not filled.
    let mut bytes = Vec::with_capacity(1000);
    assert_eq!(append_at(&handle, &mut bytes, 10, 0).unwrap(), 10);
    assert_eq!(bytes, content[..10]);
    let refusal = read_at(&handle, &mut [0; 1], u64::MAX).unwrap_err();
    assert_eq!(refusal.raw_os_error(), libc::EINVAL);
    assert!(handle.try_read_at(&mut [0; 1], u64::MAX).is_err());
}

#[test]
fn a_file_that_shrank_reads_short() {
    let scratch = Scratch::new();
    let handle = file(&scratch.write("root/a", numbered(10_000)).root("root"), "a");
    OpenOptions::new().write(true).open(scratch.path("root/a")).unwrap().set_len(100).unwrap();
    let mut buffer = [0; 200];
    assert_eq!(read_at(&handle, &mut buffer, 0).unwrap(), 100);
    assert_eq!(read_at(&handle, &mut buffer, 5000).unwrap(), 0);
    // Before the size that was seen first, an end is not believed without a plain read.
    let tried = handle.try_read_with(&mut buffer, 5000, fresh_memory()).unwrap();
    assert!(matches!(tried, Tried::WouldBlock | Tried::Unsupported), "{tried:?}");
}

#[test]
fn a_directory_is_not_read() {
    let scratch = Scratch::new();
    scratch.write("root/d/a", "a");
    let Ok(Opened::Directory(handle)) = scratch.root("root").resolve(b"d", super::BENEATH) else {
        panic!("no directory")
    };
    let refusal = read_at(&handle, &mut [0; 1], 0).unwrap_err();
    assert_eq!(refusal.to_string(), "wanted the file's bytes, found EISDIR (21)");
    assert_eq!(refusal.meaning().status(), 404);
    assert!(append_at(&handle, &mut Vec::new(), 1, 0).is_err());
}

#[test]
fn readers_of_one_descriptor_share_no_offset() {
    let scratch = Scratch::new();
    let content = numbered(1 << 20);
    let handle = file(&scratch.write("root/a", &content).root("root"), "a");
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (handle, content) = (&handle, &content);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                let mut buffer = vec![0; 70_000];
                for _ in 0..500 {
                    let offset = random.usize(..content.len());
                    let wanted = random.usize(..=buffer.len()).min(content.len() - offset);
                    let part = &mut buffer[..wanted];
                    assert_eq!(read_at(handle, part, offset as u64).unwrap(), wanted);
                    assert!(part == &content[offset..offset + wanted]);
                    let tried = handle.try_read_at(part, offset as u64).unwrap();
                    if let Tried::Hit(read) = tried {
                        assert!(part[..read] == content[offset..offset + read]);
                    }
                }
            });
        }
    });
}

/// What a read that does not wait says of a file that was just written.
fn nowait_on(parent: &Path) -> (Option<&'static str>, Tried, usize) {
    let scratch = Scratch::on(parent);
    let handle = file(&scratch.write("root/a", "abc").root("root"), "a");
    let memory = fresh_memory();
    let mut buffer = [0; 8];
    let tried = handle.try_read_with(&mut buffer, 0, memory).unwrap();
    assert_eq!(handle.try_read_with(&mut buffer, 0, memory).unwrap(), tried);
    assert_eq!(handle.try_read_with(&mut [], 0, memory).is_ok(), tried != Tried::WouldBlock);
    if tried == Tried::Hit(3) {
        assert_eq!(&buffer[..3], b"abc");
        // At the known end, none is the end.
        assert_eq!(handle.try_read_with(&mut buffer, 3, memory).unwrap(), Tried::Hit(0));
    }
    let without = memory.probes().without_nowait.len();
    (Filesystem::of(&handle).unwrap().local(), tried, without)
}

#[test]
fn each_filesystem_says_whether_it_can_read_at_once() {
    let mut seen = vec![nowait_on(&std::env::temp_dir())];
    if Path::new("/dev/shm").is_dir() {
        seen.push(nowait_on(Path::new("/dev/shm")));
    }
    for (name, tried, without) in seen {
        eprintln!("{}: {tried:?}", name.unwrap_or("unknown"));
        match name {
            Some("ext4" | "xfs" | "btrfs" | "f2fs") => assert_eq!(tried, Tried::Hit(3)),
            // It is in memory: a plain read does.
            Some("tmpfs" | "ramfs") => assert_eq!((tried, without), (Tried::Hit(3), 0)),
            Some("overlay") => assert_eq!(tried, Tried::Unsupported),
            // Newer kernels may learn it.
            _ => assert!(matches!(tried, Tried::Hit(3) | Tried::Unsupported)),
        }
        assert_eq!(without, usize::from(tried == Tried::Unsupported));
    }
    let proc = Handle::opened("/proc/self/status");
    assert_eq!(Filesystem::of(&proc).unwrap().local(), None);
}

#[test]
fn what_is_not_cached_would_block_and_then_is() {
    let scratch = Scratch::new();
    let content = numbered(1 << 20);
    let handle = file(&scratch.write("root/a", &content).root("root"), "a");
    let memory = fresh_memory();
    let mut buffer = vec![0; 1 << 20];
    let supported = handle.try_read_with(&mut buffer, 0, memory).unwrap() != Tried::Unsupported;
    if !supported || handle.place() != Place::Disk {
        return skip::place("a filesystem with RWF_NOWAIT and a disk");
    }
    // The read that does not wait has the kernel fetch, and now and then finds that it has already:
    // a disk may be that quick. It is always one or the other, and never bytes that are not the file's.
    let blocked = (0..100).any(|_| {
        assert!(leaves_memory(&handle), "wanted no page left");
        match handle.try_read_with(&mut buffer, 0, memory).unwrap() {
            Tried::WouldBlock => true,
            Tried::Hit(read) => {
                assert_eq!(buffer[..read], content[..read]);
                false
            }
            Tried::Unsupported => panic!("it was supported a moment ago"),
        }
    });
    assert!(blocked);
    assert_eq!(read_at(&handle, &mut buffer[..4096], 0).unwrap(), 4096);
    let warm = handle.try_read_with(&mut buffer, 0, memory).unwrap();
    // What is partly cached reads short, and that is not the end.
    assert!(matches!(warm, Tried::Hit(read) if read >= 4096), "{warm:?}");
}

#[test]
fn an_overlay_cannot_read_at_once() {
    let Some(scratch) = super::overlay() else { return skip::right("root, to mount an overlay") };
    let found = nowait_on(&scratch.path("merged"));
    assert!(tool("umount", &[scratch.path("merged").to_str().unwrap()]));
    assert_eq!(found, (Some("overlay"), Tried::Unsupported, 1));
}
