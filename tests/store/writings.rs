//! By whichever calls a store writes: the same bytes, and how many calls it takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use bytes::Bytes;
use http::Response;
use letterhead::store::{Notice, Published, Store, When, Writing};

use crate::apart::{CHILD, figures, runtime};
use crate::scratch::Scratch;
use crate::skip;
use crate::tools::{run, text};

pub(crate) const ALL: [Writing; 3] = [Writing::Positional, Writing::Ring, Writing::Mapped];

/// A store that writes like this, on a directory of its own.
pub(crate) fn store(scratch: &Scratch, writing: Writing) -> Store {
    scratch.store().writing(writing)
}

/// A store, and what its notices say, a line each.
pub(crate) fn listening(store: Store) -> (Store, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hears = std::sync::Arc::clone(&heard);
    let hear = move |notice: &Notice| hears.lock().unwrap().push(notice.to_string());
    (store.on_notice(hear), heard)
}

/// Whether this kernel has rings and lets us have one; a test that wants one says that it skips.
pub(crate) fn has_ring() -> bool {
    let scratch = Scratch::new();
    let store = store(&scratch, Writing::Ring);
    let published = runtime().block_on(store.put("a", When::New, text("a"))).unwrap();
    if published.writing != Writing::Ring {
        skip::right("io_uring, and to be allowed to use it");
    }
    published.writing == Writing::Ring
}

/// Stores a payload of so many bytes in pieces, and changes its head twice.
async fn steps(store: &Store, length: usize, known: bool) -> Vec<Published> {
    let name = format!("{length}-{known}");
    let bytes: Bytes = (0..=250).cycle().take(length).collect();
    let known = known.then_some(length as u64);
    let mut upload = store.upload(&name, When::New, known).await.unwrap();
    let mut at = 0;
    for piece in [1, 70_000, 262_144, 262_143, 600_000].into_iter().cycle() {
        let end = (at + piece).min(length);
        upload.write(bytes.slice(at..end)).await.unwrap();
        at = end;
        if at == length {
            break;
        }
    }
    let head = |value: usize, filler: usize| {
        let head = Response::builder().header("x-value", value);
        head.header("x-filler", "x".repeat(filler)).body(()).unwrap()
    };
    let mut published = vec![upload.publish(&head(1, 100)).await.unwrap()];
    for (value, filler) in [(2, 3000), (3, 6000)] {
        published.push(store.update(&name, None, &head(value, filler)).await.unwrap());
    }
    store.check(&name, None).await.unwrap();
    published
}

/// A file without what is random: the payload's id, and the checksum over it, in each slot.
fn told_apart(scratch: &Scratch, name: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(scratch.path(name)).unwrap();
    for slot in [0, 4096] {
        bytes[slot + 8..slot + 40].fill(0);
        bytes[slot + 72..slot + 88].fill(0);
    }
    bytes
}

const LENGTHS: [usize; 7] = [0, 1, 4096, 262_144, 262_145, 600_000, 1_500_001];

#[test]
fn the_bytes_are_the_same_by_whichever_calls() {
    if !has_ring() {
        return;
    }
    let scratches = ALL.map(|writing| {
        let scratch = Scratch::new();
        let (store, heard) = listening(store(&scratch, writing));
        runtime().block_on(async {
            for length in LENGTHS {
                for known in [false, true] {
                    for published in steps(&store, length, known).await {
                        assert_eq!(published.writing, writing, "{length} {known}");
                        assert!(published.durable);
                    }
                }
            }
        });
        assert!(heard.lock().unwrap().is_empty(), "{writing:?}");
        scratch
    });
    let [usual, others @ ..] = &scratches;
    for name in usual.names() {
        let wanted = told_apart(usual, &name);
        for other in others {
            assert!(told_apart(other, &name) == wanted, "{name}");
            let blocks = |scratch: &Scratch| {
                use std::os::unix::fs::MetadataExt as _;
                std::fs::metadata(scratch.path(&name)).unwrap().blocks()
            };
            // Nothing is left of what was reserved.
            assert!(blocks(other) <= blocks(usual) + 16, "{name}");
        }
    }
}

const COUNTED: &str = "writings::how_many_calls_it_takes";

/// The calls that are told.
const CALLS: [&str; 13] = [
    "fallocate",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "io_uring_setup",
    "io_uring_enter",
    "pipe2",
    "mmap",
    "write",
    "read",
    "msync",
    "linkat",
];

/// What is counted, so many times each.
const TIMES: usize = 50;

async fn work(store: &Store, what: &str) {
    let head = |value: usize| Response::builder().header("x-value", value).body(()).unwrap();
    let one = |name: String| async move {
        let mut upload = store.upload(&name, When::New, Some(1000)).await.unwrap();
        upload.write(Bytes::from(vec![b'x'; 1000])).await.unwrap();
        upload.publish(&head(0)).await.unwrap();
    };
    one("first".to_owned()).await;
    for nth in 0..TIMES {
        match what {
            "publish" => one(nth.to_string()).await,
            "update" => drop(store.update("first", None, &head(nth)).await.unwrap()),
            _ => {}
        }
    }
}

/// Has a child do so under strace, which is told this beside where to write; what strace wrote.
pub(crate) fn traced(scratch: &Scratch, writing: usize, what: &str, strace: &[&str]) -> String {
    let output = scratch.path(".calls");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o", output.to_str().unwrap()])
        .args(strace)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args([COUNTED, "--exact", "--nocapture"])
        .env(CHILD, COUNTED)
        .env("LETTERHEAD_TEST_DIRECTORY", scratch.path(""))
        .env("LETTERHEAD_TEST_WRITING", format!("{writing} {what}"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let table = std::fs::read_to_string(&output).unwrap();
    std::fs::remove_file(output).unwrap();
    table
}

/// Whether strace is there and works; a test that wants it says that it skips.
pub(crate) fn has_strace() -> bool {
    let Some(ran) = run("strace", &["-qq", "-e", "trace=none", "true"]) else { return false };
    if !ran.status.success() {
        skip::right("to be allowed to use strace");
    }
    ran.status.success()
}

/// Calls of each kind that a child makes.
fn counted(writing: usize, what: &str) -> BTreeMap<String, usize> {
    let trace = format!("trace={}", CALLS.join(","));
    let strace = ["-c", "-U", "name,calls", "-e", &trace];
    let table = traced(&Scratch::new(), writing, what, &strace);
    let row = |line: &str| {
        let (name, calls) = line.trim().split_once(' ')?;
        Some((name.to_owned(), calls.trim().parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn how_many_calls_it_takes() {
    if std::env::var(CHILD).is_ok_and(|child| child == COUNTED) {
        let directory = std::env::var("LETTERHEAD_TEST_DIRECTORY").unwrap();
        let given = std::env::var("LETTERHEAD_TEST_WRITING").unwrap();
        let (writing, what) = given.split_once(' ').unwrap();
        let store = Store::open(directory).unwrap();
        let store = store.writing(ALL[writing.parse::<usize>().unwrap()]);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        return runtime.max_blocking_threads(1).build().unwrap().block_on(work(&store, what));
    }
    if !has_strace() || !has_ring() {
        return;
    }
    let mut lines = String::new();
    for (nth, writing) in ALL.into_iter().enumerate() {
        let none = counted(nth, "none");
        for what in ["publish", "update"] {
            let mut calls = counted(nth, what);
            for (name, calls) in &mut calls {
                *calls = calls.saturating_sub(none.get(name).copied().unwrap_or(0));
            }
            let each = |name: &str| calls.get(name).copied().unwrap_or(0).div_ceil(TIMES);
            let told = CALLS.iter().filter(|name| calls.get(**name).is_some_and(|n| *n >= TIMES));
            let told: Vec<_> = told.map(|name| format!("{} {name}", each(name))).collect();
            let _ = writeln!(lines, "{what}, {writing:?}: {}", told.join(", "));
            let wanted = match (writing, what) {
                (Writing::Ring, "publish") => (0, 1, 1),
                // Its twin, which is not waited for.
                (Writing::Ring, _) => (1, 1, 0),
                (Writing::Mapped, "publish") => (1, 0, 2),
                (Writing::Mapped, _) => (0, 0, 0),
                (_, "publish") => (3, 0, 2),
                _ => (2, 0, 0),
            };
            let found = (each("pwrite64"), each("io_uring_enter"), each("fsync"));
            assert_eq!(found, wanted, "{what} {writing:?}: writes, rings, syncs");
        }
    }
    figures("store-calls.txt", &lines);
}
