//! A process is killed at each of its system calls: what it leaves is old or new, and can be worked with.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use letterhead::store::{Store, StoreError, When, Writing};

use crate::apart::{CHILD, figures, runtime};
use crate::refused::refuse;
use crate::scratch::Scratch;
use crate::tools::{get, text};
use crate::writings::{ALL, has_ring, has_strace};

/// A way in which a store writes: as it was told to, and by what it is refused.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) writing: usize,
    pub(crate) refused: &'static [(&'static str, &'static [i64], i32)],
    /// The calls by which it changes anything. It is killed at the entry of each.
    pub(crate) calls: &'static [&'static str],
}

/// As it was told to write.
pub(crate) const TOLD: [Way; 3] = [
    Way {
        name: "as usual",
        writing: 0,
        refused: &[],
        calls: &[
            "fallocate",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "linkat",
            "renameat",
            "unlinkat",
        ],
    },
    Way {
        name: "ring",
        writing: 1,
        refused: &[],
        calls: &["io_uring_enter", "fallocate", "pwrite64", "fsync", "linkat", "renameat"],
    },
    Way {
        name: "mapped",
        writing: 2,
        refused: &[],
        calls: &[
            "pipe2",
            "fallocate",
            "ftruncate",
            "msync",
            "munmap",
            "fsync",
            "linkat",
            "renameat",
        ],
    },
];

/// Each file has a name from the beginning, and then a lock.
pub(crate) const NAMED: Way = Way {
    name: "without O_TMPFILE",
    writing: 0,
    refused: &[("a file without a name", &[libc::SYS_openat], libc::EOPNOTSUPP)],
    calls: &[
        "fcntl",
        "fallocate",
        "pwrite64",
        "ftruncate",
        "fsync",
        "fdatasync",
        "renameat",
        "renameat2",
        "unlinkat",
    ],
};

/// Files without a name cannot be given one, and are copied to one that has.
pub(crate) const UNLINKED: Way = Way {
    name: "without linkat",
    refused: &[("linkat", &[libc::SYS_linkat], libc::EPERM)],
    ..NAMED
};

/// As little as a filesystem can do.
const LEAST: Way = Way {
    name: "without O_TMPFILE, fallocate, renameat2",
    writing: 0,
    refused: &[
        ("a file without a name", &[libc::SYS_openat], libc::EOPNOTSUPP),
        ("room", &[libc::SYS_fallocate], libc::EOPNOTSUPP),
        ("renaming onto nothing", &[libc::SYS_renameat2], libc::EINVAL),
    ],
    calls: &["fcntl", "pwrite64", "fsync", "fdatasync", "renameat", "unlinkat"],
};

/// What a client would get after so many steps: the value in the head, and the payload.
pub(crate) const STATES: [Option<(&str, &str)>; 6] = [
    None,
    Some(("1", "first")),
    Some(("2", "first")),
    Some(("3", "first")),
    Some(("4", "second")),
    None,
];

pub(crate) async fn step(store: &Store, nth: usize) -> Result<(), StoreError> {
    let head = |value: &str, filler: usize| {
        let response = Response::builder().header("x-value", value);
        response.header("x-filler", "x".repeat(filler)).body(()).unwrap()
    };
    match nth {
        1 => {
            let mut upload = store.upload("a", When::New, None).await?;
            upload.write(Bytes::from_static(b"first")).await?;
            upload.publish(&head("1", 100)).await.map(drop)
        }
        2 => store.update("a", None, &head("2", 1000)).await.map(drop),
        // Longer than there is room for.
        3 => store.update("a", None, &head("3", 20_000)).await.map(drop),
        4 => {
            let mut response = text("second");
            response.headers_mut().insert("x-value", "4".parse().unwrap());
            store.put("a", When::Always, response).await.map(drop)
        }
        _ => store.remove("a", None).await.map(drop),
    }
}

/// What is there, believed to the last byte.
pub(crate) async fn state(store: &Store) -> Option<(String, String)> {
    let stored = match store.check("a", None).await {
        Ok(stored) => stored,
        Err(error) => {
            assert!(error.is_not_found(), "{error}");
            return None;
        }
    };
    let value = stored.head().headers()["x-value"].to_str().unwrap().to_owned();
    Some((value, get(store, "a").await.1))
}

#[test]
fn whatever_a_killed_process_leaves_is_old_or_new() {
    killed("whatever_a_killed_process_leaves_is_old_or_new", &TOLD);
}

#[test]
fn without_files_that_have_no_name() {
    killed("without_files_that_have_no_name", &[NAMED]);
}

#[test]
fn where_nothing_can_be_linked() {
    killed("where_nothing_can_be_linked", &[UNLINKED]);
}

#[test]
fn with_as_little_as_can_be() {
    killed("with_as_little_as_can_be", &[LEAST]);
}

fn killed(test: &str, ways: &[Way]) {
    let name = format!("killed::{test}");
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        let nth: usize = std::env::var("LETTERHEAD_TEST_WAY").unwrap().parse().unwrap();
        return work(&ways[nth]);
    }
    if !has_strace() {
        return;
    }
    let mut lines = String::new();
    for (number, way) in ways.iter().enumerate() {
        if ALL[way.writing] == Writing::Ring && !has_ring() {
            continue;
        }
        let mut swept = 0;
        let _ = write!(lines, "{}: killed at each", way.name);
        for call in way.calls {
            let mut nth = 1;
            while let Some(left) = killed_at(&name, number, call, nth) {
                swept += usize::from(left > 0);
                nth += 1;
            }
            assert!(nth > 1, "{}, {call}: never called", way.name);
            let _ = write!(lines, " of {} {call},", nth - 1);
        }
        let _ = writeln!(lines, " {swept} times there was something to sweep");
        assert!(swept > 0, "a file with a name of its own was never left over");
    }
    figures(&format!("store-killed-{test}.txt"), &lines);
}

fn work(way: &Way) {
    for (what, calls, errno) in way.refused {
        refuse(what, calls, *errno);
    }
    let store = Store::open(std::env::var("LETTERHEAD_TEST_DIRECTORY").unwrap()).unwrap();
    let store = store.writing(ALL[way.writing]);
    // One thread makes all of the calls, so that they are counted as one.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().max_blocking_threads(1).build().unwrap().block_on(async {
        for nth in 1..STATES.len() {
            step(&store, nth).await.unwrap();
            println!("done {nth}");
        }
    });
}

/// A directory in memory, where there is one: a kill loses nothing that the kernel has, so a disk would
/// show no more, and hundreds of processes wait for none.
fn in_memory() -> Scratch {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { Scratch::on(memory) } else { Scratch::new() }
}

/// Lets a process come as far as the call of this number, and looks at what it left: how many files to be
/// swept. `None`: it did not come that far.
fn killed_at(test: &str, way: usize, call: &str, nth: u32) -> Option<usize> {
    let scratch = in_memory();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args([&format!("--inject={call}:signal=KILL:when={nth}"), "--"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, test)
        .env("LETTERHEAD_TEST_DIRECTORY", scratch.path(""))
        .env("LETTERHEAD_TEST_WAY", way.to_string())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let done = out.matches("done ").count();
    let what = format!("{test}, {way}, {call} {nth}");
    let swept = runtime().block_on(async {
        let store = scratch.store();
        let found = state(&store).await;
        let found = found.as_ref().map(|(value, content)| (value.as_str(), content.as_str()));
        let after = (done + 1).min(STATES.len() - 1);
        let allowed = [STATES[done], STATES[after]];
        assert!(allowed.contains(&found), "{what}: {found:?} after {done} steps");
        let swept = store.sweep(Duration::ZERO).await.unwrap();
        let left = scratch.names();
        assert!(left.iter().all(|name| name == "a"), "{what}: {left:?} is left over");
        // Whoever comes next gets through.
        store.put("a", When::Always, text("next")).await.unwrap();
        store.update("a", None, &Response::new(())).await.unwrap();
        assert_eq!(get(&store, "a").await.1, "next");
        swept
    });
    if output.status.success() {
        assert_eq!(done, STATES.len() - 1);
        return None;
    }
    let signal = output.status.signal().or(output.status.code().map(|code| code - 128));
    assert_eq!(signal, Some(9), "{}\n{out}", String::from_utf8_lossy(&output.stderr));
    Some(swept)
}
