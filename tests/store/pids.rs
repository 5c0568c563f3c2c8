//! A real limit of threads, of a cgroup and of a user's: what needs one is refused at once while it holds, and no
//! name is lost by it.

use std::os::unix::fs::chown;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use letterhead::store::{Store, Verify, When};
use rustix::process::geteuid;

use crate::apart::{in_child, runtime};
use crate::limit::{Limit, USER};
use crate::scratch::Scratch;
use crate::tools::text;

/// How many ask at once.
const CLIENTS: usize = 50;

/// Waits, but not for ever.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("wanted an answer, none came")
}

fn part() -> Request<()> {
    Request::get("/").header("range", "bytes=1-2").body(()).unwrap()
}

/// Status, when to ask again, and content of as many requests for a part, for which all has to be read.
async fn ask(store: &Store) -> Vec<(StatusCode, Option<String>, Option<Bytes>)> {
    let asked = (0..CLIENTS).map(|_| async {
        let (head, body) = store.send(&part(), "a").await.into_parts();
        let content = body.collect().await.unwrap().to_bytes();
        let after = head.headers.get("retry-after").map(|after| after.to_str().unwrap().to_owned());
        (head.status, after, (head.status == StatusCode::PARTIAL_CONTENT).then_some(content))
    });
    soon(join_all(asked)).await
}

/// Updates of one name, all at once: how many succeed, and what each of the others says.
async fn put(store: &Store) -> (usize, Vec<(StatusCode, String)>) {
    let put = (0..CLIENTS).map(|_| store.put("b", When::Always, text("b")));
    let done = soon(join_all(put)).await;
    let errors: Vec<_> = done.into_iter().filter_map(Result::err).collect();
    let errors: Vec<_> = errors.iter().map(|error| (error.status(), error.to_string())).collect();
    (CLIENTS - errors.len(), errors)
}

/// The store has no thread yet, and none is to be had; or one, which is busy for good.
async fn check(limit: &Limit, store: Store, is_busy: bool) {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    if is_busy {
        let (begin, begun) = tokio::sync::oneshot::channel();
        drop(tokio::task::spawn_blocking(move || {
            begin.send(()).unwrap();
            held.recv()
        }));
        begun.await.unwrap();
    }
    limit.shut();
    // The later ones come when the first have been answered.
    for _ in 0..2 {
        let refused = (StatusCode::SERVICE_UNAVAILABLE, Some("1".to_owned()), None);
        assert_eq!(ask(&store).await, vec![refused; CLIENTS], "busy: {is_busy}");
        let (put, errors) = put(&store).await;
        assert_eq!((put, errors.len()), (0, CLIENTS), "busy: {is_busy}");
        for (status, text) in errors {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
            assert!(text.contains("wanted a thread for work that may block"), "{text}");
        }
    }
    limit.lift();
    // What the kernel said is believed for a moment.
    while store.send(&part(), "a").await.status() == 503 {}
    let part = (StatusCode::PARTIAL_CONTENT, None, Some(Bytes::from_static(b"to")));
    assert_eq!(ask(&store).await, vec![part; CLIENTS], "it goes on");
    assert_eq!(put(&store).await, (CLIENTS, Vec::new()), "no turn is lost");
    drop(hold);
}

fn checks(limit: &Limit, scratch: &Scratch) {
    for is_busy in [false, true] {
        let store = scratch.store().verify(Verify::Always);
        // The threads of this runtime are gone before the next one has none.
        runtime().block_on(async {
            store.put("a", When::Always, text("stored")).await.unwrap();
        });
        runtime().block_on(check(limit, store, is_busy));
    }
}

#[test]
fn a_cgroup_that_is_full_is_503_at_once_and_nobody_waits_behind_it() {
    in_child("pids::a_cgroup_that_is_full_is_503_at_once_and_nobody_waits_behind_it", || {
        if let Some(limit) = Limit::of_a_cgroup() {
            checks(&limit, &Scratch::new());
        }
    });
}

#[test]
fn a_user_that_runs_as_many_as_it_may_is_503_at_once_and_nobody_waits_behind_it() {
    let name = "pids::a_user_that_runs_as_many_as_it_may_is_503_at_once_and_nobody_waits_behind_it";
    in_child(name, || {
        let scratch = Scratch::new();
        if geteuid().is_root() {
            chown(scratch.path(""), Some(USER), Some(USER)).unwrap();
        }
        let own = || {
            if let Some(limit) = Limit::of_a_user() {
                checks(&limit, &scratch);
            }
        };
        // The harness goes on as it was.
        std::thread::scope(|scope| scope.spawn(own).join().unwrap());
    });
}
