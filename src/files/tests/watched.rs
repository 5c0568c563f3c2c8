//! What is watched: seen to change soon, looked at again after a while, and nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::{Received, Scratch, at};
use crate::answer::Coding;
use crate::files::{FileSender, Freshness};

const MAX_AGE: Duration = Duration::from_secs(3600);

impl Scratch {
    fn watched(&self) -> FileSender {
        self.sender().freshness(Freshness::Watched { max_age: MAX_AGE })
    }
}

/// A minute from now, when whatever is on the disk has settled; it stands still, so only events can tell.
fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

/// Asks over and over until the answer is another one; how long that took.
async fn until(
    sender: &FileSender,
    path: &str,
    now: SystemTime,
    is_new: impl Fn(&Received) -> bool,
) -> Duration {
    let start = Instant::now();
    loop {
        if is_new(&at(sender, "GET", path, &[], now).await) {
            return start.elapsed();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{path}: no event came");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn what_is_watched_is_not_looked_at_until_it_is_too_old() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let (sender, now) = (scratch.watched(), soon());
    for kept in 0..5 {
        assert_eq!(at(&sender, "GET", "/d/a", &[], now).await.body, "a");
        assert_eq!((sender.counts().kept, sender.counts().watched), (kept, kept));
    }
    let later = now + MAX_AGE;
    at(&sender, "GET", "/d/a", &[], later).await;
    assert_eq!(sender.counts().watched, 5);
    // That one looks, and the next one need not.
    at(&sender, "GET", "/d/a", &[], later + Duration::from_millis(1)).await;
    assert_eq!((sender.counts().kept, sender.counts().watched), (6, 5));
    at(&sender, "GET", "/d/a", &[], later + Duration::from_millis(1)).await;
    assert_eq!(sender.counts().watched, 6);
    // A clock that was set back is no reason to believe anything.
    at(&sender, "GET", "/d/a", &[], now).await;
    assert_eq!((sender.counts().kept, sender.counts().watched), (8, 6));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_makes_no_look_younger() {
    let scratch = Scratch::new();
    scratch.write("a", "a");
    let (sender, now) = (scratch.watched(), soon());
    at(&sender, "GET", "/a", &[], now).await;
    // An hour has passed, and the clock was set back by an hour.
    tokio::time::advance(MAX_AGE + Duration::from_millis(1)).await;
    at(&sender, "GET", "/a", &[], now).await;
    assert_eq!((sender.counts().kept, sender.counts().watched), (1, 0));
    at(&sender, "GET", "/a", &[], now).await;
    assert_eq!((sender.counts().kept, sender.counts().watched), (2, 1));
}

#[tokio::test]
async fn each_change_is_told() {
    let scratch = Scratch::new();
    scratch.write("a", "one").write("d/e/b", "b").write("hard", "x");
    let (sender, now) = (scratch.watched().precompressed([Coding::Gzip]), soon());
    for path in ["/a", "/d/e/b", "/new", "/d/e/new"] {
        for _ in 0..3 {
            at(&sender, "GET", path, &[], now).await;
        }
    }
    assert!(sender.counts().watched >= 4, "{}", sender.counts());
    let is = |body: &'static str| move |received: &Received| received.body == body;
    scratch.replace("a", b"two");
    until(&sender, "/a", now, is("two")).await;
    fs::write(scratch.0.join("a"), "in place").unwrap();
    until(&sender, "/a", now, is("in place")).await;
    // Through another name of the same file.
    fs::hard_link(scratch.0.join("a"), scratch.0.join("other")).unwrap();
    until(&sender, "/a", now, is("in place")).await;
    fs::write(scratch.0.join("other"), "by the other name").unwrap();
    until(&sender, "/a", now, is("by the other name")).await;
    // Names that named nothing.
    scratch.write("new", "new").write("d/e/new", "newer");
    until(&sender, "/new", now, is("new")).await;
    until(&sender, "/d/e/new", now, is("newer")).await;
    // A directory on the way that is moved off, and another one that takes its place.
    fs::rename(scratch.0.join("d"), scratch.0.join("gone")).unwrap();
    until(&sender, "/d/e/b", now, |received| received.status == 404).await;
    scratch.write("d/e/b", "another");
    until(&sender, "/d/e/b", now, is("another")).await;
    fs::remove_file(scratch.0.join("d/e/b")).unwrap();
    until(&sender, "/d/e/b", now, |received| received.status == 404).await;
    // What was kept once is opened anew after a change of its mode.
    fs::set_permissions(scratch.0.join("new"), fs::Permissions::from_mode(0o600)).unwrap();
    until(&sender, "/new", now, is("new")).await;
    // A sibling.
    let gzip = [("accept-encoding", "gzip")];
    at(&sender, "GET", "/a", &gzip, now).await;
    at(&sender, "GET", "/a", &gzip, now).await;
    scratch.write("a.gz", "sibling");
    let start = Instant::now();
    while at(&sender, "GET", "/a", &gzip, now).await.body != "sibling" {
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test]
async fn a_name_below_a_file_does_not_end_the_watch_of_the_file() {
    let scratch = Scratch::new();
    scratch.write("a", "one");
    let (sender, now) = (scratch.watched(), soon());
    for path in ["/a", "/a", "/a/below", "/a/"] {
        at(&sender, "GET", path, &[], now).await;
    }
    assert_eq!((sender.counts().kept, sender.counts().watched), (1, 1));
    fs::write(scratch.0.join("a"), "in place").unwrap();
    until(&sender, "/a", now, |received| received.body == "in place").await;
}

#[tokio::test]
async fn a_thousand_versions_are_told_soon() {
    const ROUNDS: u64 = 1000;
    let scratch = Scratch::new();
    scratch.write("a", 0_u64.to_be_bytes());
    let (sender, now) = (scratch.watched(), soon());
    let mut times = Vec::new();
    for version in 1..=ROUNDS {
        let received = at(&sender, "GET", "/a", &[], now).await;
        assert_eq!(received.body.as_ref(), (version - 1).to_be_bytes());
        scratch.replace("a", &version.to_be_bytes());
        let bytes = version.to_be_bytes();
        times.push(until(&sender, "/a", now, |received| received.body.as_ref() == bytes).await);
    }
    times.sort();
    let of = |share: usize| times[times.len() * share / 1000 - 1];
    println!(
        "{ROUNDS} versions, seen after {:?} (median), {:?} (99 %), {:?} (all); {}",
        of(500),
        of(990),
        of(1000),
        sender.counts()
    );
}

/// As if no watch were left, on this thread and those that it begins.
pub(super) fn without_watches() {
    use seccompiler::{SeccompAction, SeccompFilter};
    let calls = [(libc::SYS_inotify_add_watch, vec![])].into_iter().collect();
    let errno = SeccompAction::Errno(libc::ENOSPC.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, errno, arch).unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

#[test]
fn without_a_watch_each_request_looks_and_that_is_told_once() {
    let scratch = Scratch::new();
    scratch.write("a", "a").write("b", "b");
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let sender =
        scratch.watched().on_refusal(move |refused| kept.lock().unwrap().push(refused.to_string()));
    let asked = sender.clone();
    let refused = move || {
        without_watches();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for path in ["/a", "/b", "/a", "/b"] {
                assert_eq!(at(&asked, "GET", path, &[], soon()).await.body, path[1..]);
            }
        });
    };
    std::thread::spawn(refused).join().unwrap();
    let counts = sender.counts();
    assert_eq!((counts.kept, counts.watched, counts.files), (2, 0, 2), "{counts}");
    let expected = "a: wanted to watch it for changes, found ENOSPC (28): next strategy: without events \
                    each request looks at the name itself";
    let lines = lines.lock().unwrap();
    assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
    let why =
        "(a filter of system calls (seccomp) answers inotify_add_watch with ENOSPC (28); as uid ";
    assert!(lines[0][expected.len()..].starts_with(&format!(" {why}")), "{lines:?}");
}

#[tokio::test]
async fn what_is_reached_over_a_link_is_looked_at() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    std::os::unix::fs::symlink("d", scratch.0.join("link")).unwrap();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&lines);
    let sender = scratch
        .watched()
        .on_refusal(move |refused| heard.lock().unwrap().push(refused.to_string()));
    let now = soon();
    for _ in 0..3 {
        assert_eq!(at(&sender, "GET", "/link/a", &[], now).await.body, "a");
    }
    assert_eq!((sender.counts().kept, sender.counts().watched), (2, 0));
    assert_eq!(sender.counts().unwatched.links, 1);
    let path_request = sender.counts().to_string();
    assert!(
        path_request
            .ends_with("not watched: 1 over links, 0 by filesystem, 0 refused, 0 not cached"),
        "{path_request}"
    );
    // It is reported behind the request.
    while lines.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let expected = "link/a: wanted to watch it for changes, found a symbolic link on the way: next \
                    strategy: without events each request looks at the name itself";
    assert_eq!(*lines.lock().unwrap(), [expected]);
    fs::remove_file(scratch.0.join("link")).unwrap();
    assert_eq!(at(&sender, "GET", "/link/a", &[], now).await.status, 404);
}
