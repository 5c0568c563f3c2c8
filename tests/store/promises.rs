//! What was refused is not there afterwards, and a sync that failed is never taken back by another one.

use std::time::Duration;

use http::Response;
use letterhead::store::{Notice, Store, Strategy, When, Writing};
use letterhead::{Decision, Operation, Recovery};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::apart::{in_child, runtime};
use crate::refused::refuse;
use crate::scratch::Scratch;
use crate::tools::{get, text};

/// A head that is short, so that half a block holds all of it.
fn head(value: &str) -> Response<()> {
    Response::builder().header("x-head", value).body(()).unwrap()
}

async fn value(store: &Store) -> String {
    let stored = store.head("a", None).await.unwrap();
    let head = stored.head();
    head.headers().get("x-head").map_or("none", |value| value.to_str().unwrap()).to_owned()
}

/// Whoever reads anew: nothing is in the memory of this store.
async fn afresh(scratch: &Scratch) -> (String, String) {
    let store = scratch.store().cache(0);
    (value(&store).await, get(&store, "a").await.1)
}

#[test]
fn an_update_that_a_limit_refused_is_never_visible() {
    in_child("promises::an_update_that_a_limit_refused_is_never_visible", || {
        let before = getrlimit(Resource::Fsize);
        let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, ..before }).unwrap();
        for writing in [Writing::Positional, Writing::Ring] {
            let mut refused = 0;
            // Within the first slot, at its end, within the second one, and behind it.
            for most in (0..=8192 + 512).step_by(512) {
                let scratch = Scratch::new();
                runtime().block_on(async {
                    let store = scratch.store();
                    store.put("a", When::New, text("old")).await.unwrap();
                    store.update("a", None, &head("old")).await.unwrap();
                    let store = scratch.store().writing(writing);
                    limit(Some(most));
                    let done = store.update("a", None, &head("new")).await;
                    limit(before.current);
                    let wanted = match done {
                        Ok(_) => "new",
                        Err(error) => {
                            assert_eq!(error.status(), 507, "{most}: {error}");
                            refused += 1;
                            "old"
                        }
                    };
                    let seen = (value(&store).await, get(&store, "a").await.1);
                    assert_eq!(seen, (wanted.into(), "old".into()), "{writing:?} {most}");
                    assert_eq!(afresh(&scratch).await, seen, "{writing:?} {most}");
                    // And the next one is as good as ever.
                    store.update("a", None, &head("next")).await.unwrap();
                    assert_eq!(afresh(&scratch).await.0, "next", "{writing:?} {most}");
                });
            }
            assert!(refused > 8, "{writing:?}: {refused}");
        }
    });
}

#[test]
fn an_update_whose_sync_and_whose_copy_were_refused_is_never_visible() {
    for (what, calls) in [
        ("renaming", &[libc::SYS_renameat, libc::SYS_renameat2][..]),
        ("room", &[libc::SYS_fallocate]),
    ] {
        let scratch = Scratch::new();
        runtime().block_on(scratch.store().put("a", When::New, text("old"))).unwrap();
        runtime().block_on(scratch.store().update("a", None, &head("old"))).unwrap();
        let work = || {
            let store = scratch.store();
            refuse("fdatasync", &[libc::SYS_fdatasync], libc::EIO);
            refuse(what, calls, libc::ENOSPC);
            runtime().block_on(async {
                let error = store.update("a", None, &head("new")).await.unwrap_err();
                assert_eq!(error.status(), 507, "{what}: {error}");
                assert_eq!(value(&store).await, "old", "{what}");
            });
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        assert_eq!(runtime().block_on(afresh(&scratch)), ("old".into(), "old".into()), "{what}");
    }
}

#[test]
fn a_table_that_would_sync_again_gets_a_new_file() {
    let retry = Decision::Retry { after: Duration::ZERO };
    for errno in [libc::EIO, libc::ENOSPC, libc::EDQUOT] {
        let scratch = Scratch::new();
        runtime().block_on(scratch.store().put("a", When::New, text("old"))).unwrap();
        let work = || {
            let recovery = Recovery::standard().on(Operation::Sync, errno, retry);
            let (told, heard) = std::sync::mpsc::channel();
            let store = scratch.store().recovery(recovery).on_notice(move |notice| {
                if let Notice::Refused { operation: Operation::Sync, .. } | Notice::Retired { .. } =
                    notice
                {
                    told.send(notice.to_string()).unwrap();
                }
            });
            refuse("fdatasync", &[libc::SYS_fdatasync], errno);
            runtime().block_on(async {
                let published = store.update("a", None, &head("new")).await.unwrap();
                assert_eq!(published.strategy, Strategy::Replace);
                assert!(published.durable);
            });
            // One sync of that file, and no other.
            let heard: Vec<_> = heard.try_iter().collect();
            assert_eq!(heard.len(), 2, "{heard:?}");
            assert!(heard[0].contains("a sync that failed is not made again"), "{heard:?}");
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        assert_eq!(runtime().block_on(afresh(&scratch)).0, "new");
    }
}

#[test]
fn what_a_failed_sync_of_the_directory_left_open_no_later_one_closes() {
    let retry = Decision::Retry { after: Duration::ZERO };
    let scratch = Scratch::new();
    let store = scratch.store().recovery(Recovery::standard().on(
        Operation::SyncDirectory,
        libc::EIO,
        retry,
    ));
    let work = || {
        // By their number: the file's own is above.
        refuse("fsync", &[libc::SYS_fsync], libc::EIO);
        runtime().block_on(async { store.remove("b", None).await })
    };
    runtime().block_on(store.put("a", When::New, text("old"))).unwrap();
    runtime().block_on(store.put("b", When::New, text("old"))).unwrap();
    let durable = std::thread::scope(|scope| scope.spawn(work).join().unwrap()).unwrap();
    assert!(!durable, "its sync was refused");
    // What was known before is known; of what was not, a sync that comes later says nothing.
    runtime().block_on(async {
        assert!(store.update("a", None, &head("new")).await.unwrap().durable);
        let other = store.put("c", When::New, text("new")).await.unwrap();
        assert!(other.durable, "a name that is given now is kept by the sync behind it");
    });
}

#[test]
fn a_denied_prlimit_is_neither_a_panic_nor_a_full_disk() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        for writing in [Writing::Positional, Writing::Ring, Writing::Mapped] {
            let scratch = Scratch::new();
            let work = || {
                refuse("limits", &[libc::SYS_prlimit64], errno);
                let store = scratch.store().writing(writing);
                runtime().block_on(async {
                    store.put("a", When::New, text("content")).await.unwrap();
                    store.update("a", None, &head("new")).await.unwrap();
                });
            };
            std::thread::scope(|scope| scope.spawn(work).join().unwrap());
            let seen = runtime().block_on(afresh(&scratch));
            assert_eq!(seen, ("new".into(), "content".into()), "{writing:?}");
        }
    }
}
