//! Heads written through a mapping of a real file: never a signal, never an old time, never on a read-only mount.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use http::Response;
use letterhead::store::{Store, Strategy, When, Writing};
use letterhead::{Decision, Operation, Recovery};

use crate::apart::{in_namespace, runtime, tool};
use crate::refused::refuse;
use crate::scratch::Scratch;
use crate::tools::{get, text};
use crate::writings::{listening, store};

fn head(value: u64) -> Response<()> {
    Response::builder().header("x-value", value).body(()).unwrap()
}

fn mounted(scratch: &Scratch, name: &str, args: &[&str]) -> PathBuf {
    let at = scratch.path(name);
    fs::create_dir_all(&at).unwrap();
    tool("mount", &[args, &[&at.display().to_string()]].concat()).unwrap();
    at
}

/// Each change of a head shows in the file's times, by which readers know what they have kept.
fn shows(store: &Store, file: &Path) {
    let runtime = runtime();
    runtime.block_on(store.put("a", When::New, text("a"))).unwrap();
    for value in 0..5 {
        let past = SystemTime::now() - Duration::from_secs(100);
        File::options().write(true).open(file).unwrap().set_modified(past).unwrap();
        let update = runtime.block_on(store.update("a", None, &head(value))).unwrap();
        assert_eq!((update.writing, update.strategy), (Writing::Mapped, Strategy::InPlace));
        let now = fs::metadata(file).unwrap().modified().unwrap();
        assert!(now > past + Duration::from_secs(50), "{value}");
        let stored = runtime.block_on(store.check("a", None)).unwrap();
        assert_eq!(stored.head().headers()["x-value"], value.to_string());
    }
    assert_eq!(runtime.block_on(get(store, "a")), (200, "a".to_owned()));
}

#[test]
fn a_change_through_a_mapping_shows_in_the_times() {
    let scratch = Scratch::new();
    shows(&store(&scratch, Writing::Mapped), &scratch.path("a"));
    in_namespace("mapped::a_change_through_a_mapping_shows_in_the_times", || {
        let scratch = Scratch::new();
        let at = mounted(&scratch, "tmpfs", &["-t", "tmpfs", "none"]);
        shows(&Store::open(&at).unwrap().writing(Writing::Mapped), &at.join("a"));
    });
}

#[test]
fn a_mount_that_is_read_only_is_refused_in_clear() {
    in_namespace("mapped::a_mount_that_is_read_only_is_refused_in_clear", || {
        let scratch = Scratch::new();
        let store = store(&scratch, Writing::Mapped);
        let runtime = runtime();
        runtime.block_on(store.put("a", When::New, text("a"))).unwrap();
        let from = scratch.path(".").display().to_string();
        let other = Scratch::new();
        let at = mounted(&other, "bound", &["--bind", "-o", "ro", &from]);
        let store = Store::open(&at).unwrap().writing(Writing::Mapped);
        for error in [
            runtime.block_on(store.update("a", None, &head(1))).unwrap_err(),
            runtime.block_on(store.put("b", When::New, text("b"))).unwrap_err(),
        ] {
            assert_eq!((error.status().as_u16(), error.refused().unwrap().1), (403, libc::EROFS));
        }
        assert_eq!(runtime.block_on(get(&store, "a")), (200, "a".to_owned()));
    });
}

/// A full disk, and on it a file whose second slot has no blocks.
fn sparse(scratch: &Scratch, name: &str) -> PathBuf {
    let at = mounted(scratch, name, &["-t", "tmpfs", "-o", "size=1m", "none"]);
    let store = Store::open(&at).unwrap();
    runtime().block_on(store.put("a", When::New, text("a"))).unwrap();
    let file = File::options().write(true).open(at.join("a")).unwrap();
    let hole = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, hole, 4096, 4096).unwrap();
    let mut rest = File::create(at.join("rest")).unwrap();
    while rest.write_all(&[0; 4096]).is_ok() {}
    at
}

#[test]
fn a_full_disk_under_a_mapping_is_an_answer_and_no_signal() {
    in_namespace("mapped::a_full_disk_under_a_mapping_is_an_answer_and_no_signal", || {
        let scratch = Scratch::new();
        let update = |store: &Store| {
            // Its threads are begun behind the filter.
            let runtime = runtime();
            let error = runtime.block_on(store.update("a", None, &head(1))).unwrap_err();
            assert_eq!(error.status(), 507);
            assert_eq!(runtime.block_on(get(store, "a")), (200, "a".to_owned()));
            error.refused().unwrap()
        };
        // Blocks are asked for before anything is mapped.
        let at = sparse(&scratch, "reserved");
        let (store, heard) = listening(Store::open(&at).unwrap().writing(Writing::Mapped));
        assert_eq!(update(&store), (Operation::Reserve, libc::ENOSPC));
        assert!(heard.lock().unwrap().iter().all(|line| !line.contains("map refused")));
        // A filesystem that says that they are there, and is wrong.
        refuse("room", &[libc::SYS_fallocate], 0);
        let at = sparse_after(&scratch);
        let (store, heard) = listening(Store::open(&at).unwrap().writing(Writing::Mapped));
        assert_eq!(update(&store), (Operation::Write, libc::ENOSPC));
        let heard = heard.lock().unwrap();
        let told = |line: &&String| line.contains("map refused with EFAULT (14): next");
        assert!(heard.iter().any(|line| told(&line)), "{heard:?}");
        let full =
            Decision::Answer { status: http::StatusCode::INSUFFICIENT_STORAGE, retry_after: None };
        let table = Recovery::standard().on(Operation::Map, libc::EFAULT, full);
        let store = Store::open(&at).unwrap().writing(Writing::Mapped).recovery(table);
        assert_eq!(update(&store), (Operation::Map, libc::EFAULT));
    });
}

/// As [`sparse`], without the call that makes a hole: the file is cut before its second slot and made long again.
fn sparse_after(scratch: &Scratch) -> PathBuf {
    let at = mounted(scratch, "promised", &["-t", "tmpfs", "-o", "size=1m", "none"]);
    let store = Store::open(&at).unwrap();
    runtime().block_on(store.put("a", When::New, text("a"))).unwrap();
    let bytes = fs::read(at.join("a")).unwrap();
    let file = File::options().write(true).open(at.join("a")).unwrap();
    file.set_len(4096).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes[8192..], 8192).unwrap();
    let mut rest = File::create(at.join("rest")).unwrap();
    while rest.write_all(&[0; 4096]).is_ok() {}
    at
}
