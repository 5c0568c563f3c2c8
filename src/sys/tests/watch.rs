//! Events against a real kernel: what is counted, what is over, and what is left when nobody watches.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::denied::deny;
use super::{BENEATH, Scratch, file};
use crate::sys::Marked;
use crate::sys::open::Opened;
use crate::sys::watch::{Mark, Watcher};

/// What somebody does.
type Change<'a> = &'a dyn Fn();

/// Waits until the marks say something else; what they say then.
fn until(watcher: &Watcher, marks: &[Arc<Mark>], before: Option<u64>) -> Option<u64> {
    let start = Instant::now();
    while watcher.sum(marks) == before {
        assert!(start.elapsed() < Duration::from_secs(20), "no event came");
        std::thread::yield_now();
    }
    watcher.sum(marks)
}

#[test]
fn a_mark_counts_as_long_as_its_file_is_there() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "a").write("root/b", "b").root("root");
    let watcher = Watcher::new().unwrap();
    let a = [watcher.mark(file(&root, "a"), Marked::File).unwrap()];
    let b = [watcher.mark(file(&root, "b"), Marked::File).unwrap()];
    let begin = watcher.sum(&a);
    assert_eq!(begin, Some(0));
    scratch.write("root/a", "more");
    let written = until(&watcher, &a, begin);
    assert!(written > begin);
    assert_eq!(watcher.sum(&b), Some(0));
    // The same file has the same mark, which goes with the last one who has it.
    let again = watcher.mark(file(&root, "a"), Marked::File).unwrap();
    assert!(Arc::ptr_eq(&again, &a[0]));
    fs::remove_file(scratch.path("root/a")).unwrap();
    let start = Instant::now();
    while watcher.sum(&a).is_some() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "a file that is gone has its mark still"
        );
        std::thread::yield_now();
    }
    assert_eq!(watcher.sum(&b), Some(0));
}

#[test]
fn a_directory_tells_of_names_and_not_of_what_is_written() {
    let scratch = Scratch::new();
    let root = scratch.write("root/d/log", "").root("root");
    let Ok(Opened::Directory(directory)) = root.resolve(b"d", BENEATH) else { panic!("no d") };
    let watcher = Watcher::new().unwrap();
    let marks = [watcher.mark(&directory, Marked::Directory).unwrap()];
    let both = [marks[0].clone(), watcher.mark(file(&root, "d/log"), Marked::File).unwrap()];
    fs::write(scratch.path("root/d/log"), "line").unwrap();
    until(&watcher, &both, Some(0));
    assert_eq!(watcher.sum(&marks), Some(0));
    fs::rename(scratch.path("root/d/log"), scratch.path("root/d/log.1")).unwrap();
    until(&watcher, &marks, Some(0));
}

#[test]
fn what_changes_neither_bytes_nor_watched_names_is_told_all_the_same() {
    let scratch = Scratch::new();
    let root = scratch.write("root/d/a", "a").write("other/x", "x").root("root");
    fs::hard_link(scratch.path("root/d/a"), scratch.path("other/link")).unwrap();
    let Ok(Opened::Directory(directory)) = root.resolve(b"d", BENEATH) else { panic!("no d") };
    let watcher = Watcher::new().unwrap();
    let of_file = [watcher.mark(file(&root, "d/a"), Marked::File).unwrap()];
    let of_directory = [watcher.mark(&directory, Marked::Directory).unwrap()];
    let mode = |name: &str, mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(scratch.path(name), mode).unwrap();
    };
    let changes: [(&[Arc<Mark>], Change<'_>); 5] = [
        // Who may read it is asked anew.
        (&of_file, &|| mode("root/d/a", 0o600)),
        (&of_directory, &|| mode("root/d", 0o711)),
        // Another of its names moves, where nobody watches: its change time does.
        (&of_file, &|| fs::rename(scratch.path("other/link"), scratch.path("other/next")).unwrap()),
        // And goes.
        (&of_file, &|| fs::remove_file(scratch.path("other/next")).unwrap()),
        // The directory itself gets another name.
        (&of_directory, &|| fs::rename(scratch.path("root/d"), scratch.path("root/e")).unwrap()),
    ];
    for (marks, change) in changes {
        let before = watcher.sum(marks);
        change();
        until(&watcher, marks, before);
    }
}

#[test]
fn nothing_is_left_when_nobody_watches() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "a").root("root");
    let watcher = Watcher::new().unwrap();
    let mark = watcher.mark(file(&root, "a"), Marked::File).unwrap();
    let (queue, watch) = watcher.leftovers();
    assert_eq!(watch, 1);
    drop(mark);
    assert_eq!(watcher.leftovers().1, 0);
    drop(watcher);
    // The thread has it until it has read that it is over.
    let start = Instant::now();
    while queue() {
        assert!(start.elapsed() < Duration::from_secs(20), "the thread goes on");
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_left_of_the_watch_of_a_whole_filesystem_either() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "a").root("root");
    let watcher = Watcher::new().unwrap();
    drop(watcher.mark(fs::File::open("/").unwrap(), Marked::Directory).unwrap());
    // What comes later is over, so the end of that watch has been read, and nothing is left to read.
    let a = [watcher.mark(file(&root, "a"), Marked::File).unwrap()];
    fs::remove_file(scratch.path("root/a")).unwrap();
    let start = Instant::now();
    while watcher.sum(&a).is_some() {
        assert!(start.elapsed() < Duration::from_secs(20), "no event came");
        std::thread::yield_now();
    }
    let (queue, _) = watcher.leftovers();
    drop(a);
    drop(watcher);
    let start = Instant::now();
    while queue() {
        assert!(start.elapsed() < Duration::from_secs(20), "the thread goes on");
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_believed_that_is_marked_after_events_could_not_be_read() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "a").write("root/b", "b").root("root");
    let refused = move || {
        // The filter goes with the thread, and with the one that reads events.
        assert!(deny(&[libc::SYS_read], libc::EIO));
        let watcher = Watcher::new().unwrap();
        let a = [watcher.mark(file(&root, "a"), Marked::File).unwrap()];
        until(&watcher, &a, Some(0));
        let b = [watcher.mark(file(&root, "b"), Marked::File).unwrap()];
        assert_eq!((watcher.sum(&a), watcher.sum(&b)), (None, None));
    };
    std::thread::spawn(refused).join().unwrap();
}

#[test]
fn lost_events_make_everything_suspect() {
    let scratch = Scratch::new();
    let root = scratch.write("root/a", "a").root("root");
    let watcher = Watcher::new().unwrap();
    let marks = [watcher.mark(file(&root, "a"), Marked::File).unwrap()];
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: u32 = most.trim().parse().unwrap();
    // Nobody reads while the lock is held, and so the queue runs over.
    watcher.hold_still(|| {
        let mut modes = [0o600, 0o644].into_iter().cycle();
        for _ in 0..most + 2000 {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(modes.next().unwrap());
            // Two that are equal and follow each other would be one.
            fs::set_permissions(scratch.path("root/a"), mode).unwrap();
            fs::OpenOptions::new().write(true).open(scratch.path("root/a")).unwrap();
        }
    });
    let start = Instant::now();
    while watcher.floods() == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", watcher.sum(&marks));
        std::thread::yield_now();
    }
    assert!(watcher.sum(&marks) > Some(1));
}
