//! A process is killed at each of its system calls: what it leaves is old or new, and can be worked with.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use letterhead::store::{Store, When, Writing};

use crate::apart::{CHILD, figures, runtime};
use crate::scratch::Scratch;
use crate::tools::{get, text};
use crate::writings::{ALL, has_ring, has_strace};

const NAME: &str = "killed::whatever_a_killed_process_leaves_is_old_or_new";

/// The calls by which a store changes anything, as it was told to write. It is killed at the entry of each.
const CALLS: [&[&str]; 3] = [
    &["fallocate", "pwrite64", "ftruncate", "fsync", "fdatasync", "linkat", "renameat", "unlinkat"],
    &["io_uring_enter", "fallocate", "pwrite64", "fsync", "linkat", "renameat"],
    &["pipe2", "fallocate", "ftruncate", "msync", "munmap", "fsync", "linkat", "renameat"],
];

/// What a client would get after so many steps: the value in the head, and the payload.
const STATES: [Option<(&str, &str)>; 6] = [
    None,
    Some(("1", "first")),
    Some(("2", "first")),
    Some(("3", "first")),
    Some(("4", "second")),
    None,
];

async fn step(store: &Store, nth: usize) {
    let head = |value: &str, filler: usize| {
        let response = Response::builder().header("x-value", value);
        response.header("x-filler", "x".repeat(filler)).body(()).unwrap()
    };
    match nth {
        1 => {
            let mut draft = store.draft("a", When::New, None).await.unwrap();
            draft.write(Bytes::from_static(b"first")).await.unwrap();
            draft.publish(&head("1", 100)).await.unwrap();
        }
        2 => drop(store.update("a", None, &head("2", 1000)).await.unwrap()),
        // Longer than there is room for.
        3 => drop(store.update("a", None, &head("3", 20_000)).await.unwrap()),
        4 => {
            let mut response = text("second");
            response.headers_mut().insert("x-value", "4".parse().unwrap());
            store.put("a", When::Always, response).await.unwrap();
        }
        _ => drop(store.remove("a", None).await.unwrap()),
    }
}

/// What is there, believed to the last byte.
async fn state(store: &Store) -> Option<(String, String)> {
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
    if std::env::var(CHILD).is_ok_and(|child| child == NAME) {
        let store = Store::open(std::env::var("LETTERHEAD_TEST_DIRECTORY").unwrap()).unwrap();
        let writing: usize = std::env::var("LETTERHEAD_TEST_WRITING").unwrap().parse().unwrap();
        let store = store.writing(ALL[writing]);
        // One thread makes all of the calls, so that they are counted as one.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.max_blocking_threads(1).build().unwrap().block_on(async {
            for nth in 1..STATES.len() {
                step(&store, nth).await;
                println!("done {nth}");
            }
        });
        return;
    }
    if !has_strace() {
        return;
    }
    let mut lines = String::new();
    for (writing, calls) in CALLS.into_iter().enumerate() {
        if ALL[writing] == Writing::Ring && !has_ring() {
            continue;
        }
        for call in calls {
            let mut nth = 1;
            while killed_at(writing, call, nth) {
                nth += 1;
            }
            let by = ALL[writing];
            assert!(nth > 1, "{by:?}, {call}: never called");
            let _ = writeln!(lines, "{by:?}: killed at each of {} calls of {call}", nth - 1);
        }
    }
    figures("store-killed.txt", &lines);
}

/// Lets a process come as far as the call of this number, and looks at what it left. Whether it came
/// that far.
fn killed_at(writing: usize, call: &str, nth: u32) -> bool {
    let scratch = Scratch::new();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args([&format!("--inject={call}:signal=KILL:when={nth}"), "--"])
        .arg(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(CHILD, NAME)
        .env("LETTERHEAD_TEST_DIRECTORY", scratch.path(""))
        .env("LETTERHEAD_TEST_WRITING", writing.to_string())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let done = out.matches("done ").count();
    let what = format!("{call} {nth}");
    runtime().block_on(async {
        let store = scratch.store();
        let found = state(&store).await;
        let found = found.as_ref().map(|(value, content)| (value.as_str(), content.as_str()));
        let after = (done + 1).min(STATES.len() - 1);
        let allowed = [STATES[done], STATES[after]];
        assert!(allowed.contains(&found), "{what}: {found:?} after {done} steps");
        store.sweep(Duration::ZERO).await.unwrap();
        let left = scratch.names();
        assert!(left.iter().all(|name| name == "a"), "{what}: {left:?} is left over");
        // Whoever comes next gets through.
        store.put("a", When::Always, text("next")).await.unwrap();
        store.update("a", None, &Response::new(())).await.unwrap();
        assert_eq!(get(&store, "a").await.1, "next");
    });
    if output.status.success() {
        assert_eq!(done, STATES.len() - 1);
        return false;
    }
    let signal = output.status.signal().or(output.status.code().map(|code| code - 128));
    assert_eq!(signal, Some(9), "{}\n{out}", String::from_utf8_lossy(&output.stderr));
    true
}
