//! Each system call of writing is refused once, by strace, and so is each thread: what is there is old or new, and
//! the next attempt succeeds.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use letterhead::store::{Store, When, Writing};

use crate::apart::{CHILD, figures, runtime};
use crate::killed::{NAMED, STATES, TOLD, UNLINKED, Way, state, step};
use crate::refused::refuse;
use crate::scratch::Scratch;
use crate::tools::{get, text};
use crate::writings::{ALL, has_ring, has_strace};

#[test]
fn one_call_that_is_refused_as_usual() {
    let errnos = ["EIO", "ENOSPC", "EINTR"];
    injected("one_call_that_is_refused_as_usual", &TOLD[0], TOLD[0].calls, &errnos);
}

#[test]
fn one_call_that_is_refused_through_a_mapping() {
    let calls = TOLD[2].calls;
    injected("one_call_that_is_refused_through_a_mapping", &TOLD[2], calls, &["EIO"]);
}

#[test]
fn one_call_that_is_refused_by_a_ring() {
    injected("one_call_that_is_refused_by_a_ring", &TOLD[1], TOLD[1].calls, &["EAGAIN"]);
}

#[test]
fn one_call_that_is_refused_without_files_that_have_no_name() {
    let name = "one_call_that_is_refused_without_files_that_have_no_name";
    injected(name, &NAMED, NAMED.calls, &["EIO"]);
}

#[test]
fn one_call_that_is_refused_where_nothing_can_be_linked() {
    let name = "one_call_that_is_refused_where_nothing_can_be_linked";
    injected(name, &UNLINKED, UNLINKED.calls, &["ENOSPC"]);
}

/// The harness does without a thread of its own then, and the next one is the store's.
#[test]
fn one_thread_that_is_refused() {
    const NAME: &str = "injected::one_thread_that_is_refused";
    if std::env::var(CHILD).is_ok_and(|child| child == NAME) {
        return work(&TOLD[0]);
    }
    if !has_strace() {
        return;
    }
    let outcome = refused_at(NAME, "clone,clone3", "EAGAIN", "1..2").unwrap();
    assert_eq!(outcome, "503, 404, 404, ok, ok");
}

fn injected(test: &str, way: &Way, calls: &[&str], errnos: &[&str]) {
    let name = format!("injected::{test}");
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        return work(way);
    }
    if !has_strace() || (ALL[way.writing] == Writing::Ring && !has_ring()) {
        return;
    }
    let mut lines = format!("{}: what became of each step\n", way.name);
    for call in calls {
        for errno in errnos {
            let mut nth = 1;
            while let Some(outcome) = refused_at(&name, call, errno, &nth.to_string()) {
                // What a signal came before is done again.
                assert!(
                    *errno != "EINTR" || outcome == "ok, ok, ok, ok, ok",
                    "{call} {nth}: {outcome}"
                );
                let _ = writeln!(lines, "{call:<10} {nth:>2} {errno:<7} {outcome}");
                nth += 1;
            }
            assert!(nth > 1, "{}, {call}: never called", way.name);
        }
    }
    figures(&format!("store-injected-{test}.txt"), &lines);
}

/// Five steps, each of which may be refused; what it finds behind each is old or new.
fn work(way: &Way) {
    for (what, calls, errno) in way.refused {
        refuse(what, calls, *errno);
    }
    let at = std::env::var("LETTERHEAD_TEST_DIRECTORY").unwrap();
    // It may be the opening that is refused.
    let store = Store::open(&at).or_else(|_| Store::open(&at)).unwrap();
    let store = store.writing(ALL[way.writing]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.max_blocking_threads(1).build().unwrap().block_on(async {
        let mut before = None;
        for (nth, wanted) in STATES.iter().enumerate().skip(1) {
            let done = step(&store, nth).await;
            // What is asked next is not what was refused, unless that was a thread.
            let found = match state(&store).await {
                found @ Some(_) => found,
                None => state(&store).await,
            };
            let wanted = wanted.map(|(value, _)| value);
            let value = found.as_ref().map(|(value, _)| value.as_str());
            let is_new = value == wanted;
            assert!(
                if done.is_ok() { is_new } else { is_new || found == before },
                "{nth} {done:?} {found:?}"
            );
            match done {
                Ok(()) => println!("step {nth} ok"),
                Err(error) => println!("step {nth} {}", error.status().as_u16()),
            }
            before = found;
        }
    });
}

/// Has a process make its five steps while this one call is refused, and looks at what it left. `None`: it did not
/// come that far.
fn refused_at(test: &str, call: &str, errno: &str, nth: &str) -> Option<String> {
    let scratch = Scratch::new();
    let trace = scratch.path(".trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &format!("trace={call}")])
        .args([&format!("--inject={call}:error={errno}:when={nth}"), "--"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, test)
        .env("LETTERHEAD_TEST_DIRECTORY", scratch.path(""))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    let what = format!("{test}, {call} {nth} {errno}");
    assert!(output.status.success(), "{what}: {out}\n{err}");
    let was_refused = std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)");
    std::fs::remove_file(trace).unwrap();
    runtime().block_on(async {
        let store = scratch.store();
        store.sweep(Duration::ZERO).await.unwrap();
        let left = scratch.names();
        assert!(left.iter().all(|name| name == "a"), "{what}: {left:?} is left over");
        // Whoever comes next gets through.
        store.put("a", When::Always, text("next")).await.unwrap();
        assert_eq!(get(&store, "a").await.1, "next", "{what}");
    });
    // The harness writes on the same line.
    let steps = out.split("step ").skip(1).filter_map(|step| step.lines().next());
    let outcomes: Vec<&str> = steps.map(|step| &step[2..]).collect();
    assert_eq!(outcomes.len(), STATES.len() - 1, "{what}: {out}");
    was_refused.then(|| outcomes.join(", "))
}
