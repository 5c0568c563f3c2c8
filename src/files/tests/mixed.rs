//! Options together, each of which is easy alone.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;

use super::{Scratch, at, later};
use crate::answer::Coding;
use crate::files::{Disposition, FileSender, Freshness, OnChange, Stability};
use crate::sys::{Decision, Operation, Recovery};

#[tokio::test]
async fn no_patience_is_too_long() {
    let scratch = Scratch::new();
    scratch.write("long", vec![7; 3 * FileSender::CHUNK]);
    for rate in [1, u64::MAX] {
        let sender = scratch.sender().least_rate(rate, Duration::MAX).throttle(u64::MAX);
        let received = later(&sender, "GET", "/long", &[]).await;
        assert_eq!(received.body.len(), 3 * FileSender::CHUNK);
    }
}

#[tokio::test]
async fn a_sibling_that_cannot_be_had_now_is_not_taken_for_none_where_nothing_else_will_do() {
    let scratch = Scratch::new();
    scratch.write("a", "plain");
    std::os::unix::fs::symlink("a.gz", scratch.0.join("a.gz")).unwrap();
    // As of a process without descriptors.
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let busy = Decision::Answer { status, retry_after: Some(Duration::from_secs(1)) };
    let sender = |recovery| scratch.sender().precompressed([Coding::Gzip]).recovery(recovery);
    let is_busy = sender(Recovery::standard().on(Operation::Resolve, libc::ELOOP, busy));
    let only = [("accept-encoding", "gzip, *;q=0")];
    let received = later(&is_busy, "GET", "/a", &only).await;
    assert_eq!((received.status, received.fields["retry-after"].as_bytes()), (status, &b"1"[..]));
    let received = later(&is_busy, "GET", "/a", &[("accept-encoding", "gzip")]).await;
    assert_eq!((received.status, received.body.as_ref()), (StatusCode::OK, &b"plain"[..]));
    // What is not there, or not to be had, is none.
    let received = later(&sender(Recovery::standard()), "GET", "/a", &only).await;
    assert_eq!(received.status, StatusCode::NOT_ACCEPTABLE);
}

#[test]
fn the_end_of_a_runtime_is_answered_like_everything_else() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let sender = scratch.sender().listing(9).precompressed([Coding::Gzip]);
    let ending = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ended = ending.handle().clone();
    ending.shutdown_background();
    let request = Request::get("/d/").body(()).unwrap();
    let future = {
        let _inside = ended.enter();
        sender.answer(&request)
    };
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let Ok(response) = other.block_on(future);
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let body = other.block_on(response.into_body().collect()).unwrap().to_bytes();
    assert!(!body.is_empty());
}

#[test]
fn nobody_is_told_on_a_thread_where_nothing_may_wait() {
    let scratch = Scratch::new();
    scratch.write("a", "a");
    let received: Arc<Mutex<Vec<std::thread::ThreadId>>> = Arc::default();
    let kept = Arc::clone(&received);
    let sender = scratch
        .sender()
        .freshness(Freshness::Watched { max_age: Duration::from_secs(1) })
        .on_refusal(move |_| kept.lock().unwrap().push(std::thread::current().id()));
    let asked = sender.clone();
    let asks = move || {
        super::watched::without_watches();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { assert_eq!(later(&asked, "GET", "/a", &[]).await.body, "a") });
        if asked.counts().inline == 0 {
            crate::skip::place(format_args!(
                "a filesystem that is read inline: {}",
                asked.counts()
            ));
        }
        std::thread::current().id()
    };
    let asking = std::thread::spawn(asks).join().unwrap();
    let received = received.lock().unwrap();
    assert!(received.len() == 1 && received[0] != asking, "{received:?} {asking:?}");
}

#[test]
fn a_digest_that_many_want_is_made_on_one_thread_while_the_others_wait_on_none() {
    let scratch = Scratch::new();
    scratch.write("a", vec![7; 4 * FileSender::CHUNK]);
    let wanted = [("want-repr-digest", "sha-512=1")];
    let plain: &[(&str, &str)] = &[];
    let mut one = tokio::runtime::Builder::new_current_thread();
    let runtime = one.max_blocking_threads(1).build().unwrap();
    for lines in [plain, &wanted] {
        let sender = scratch.sender().content_tags(u64::MAX).digests(u64::MAX);
        runtime.block_on(async {
            let (hold, held) = std::sync::mpsc::channel::<()>();
            drop(tokio::task::spawn_blocking(move || held.recv()));
            let burst: Vec<_> = (0..16).map(|_| later(&sender, "GET", "/a", lines)).collect();
            let mut burst = futures_util::future::join_all(burst);
            assert!(futures_util::poll!(&mut burst).is_pending());
            drop(hold);
            assert!(
                burst.await.iter().all(|received| received.body.len() == 4 * FileSender::CHUNK)
            );
        });
        assert_eq!(sender.counts().waited, 15, "{}", sender.counts());
    }
}

#[tokio::test]
async fn with_every_option_what_is_kept_is_told_as_if_it_were_read() {
    let scratch = Scratch::new();
    let long: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    scratch.write("app.3f9a2c1b.js", "js").write("app.3f9a2c1b.js.gz", "older");
    scratch.write("d/index.html", "<p>").write("long.bin", &long).write("empty", "");
    scratch.write("list/a", "a").write(".404.html", "nothing").write(".405", "no");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let sibling = scratch.0.join("app.3f9a2c1b.js.gz");
    fs::File::options().write(true).open(sibling).unwrap().set_modified(old).unwrap();
    let max_age = Duration::from_secs(3600);
    for freshness in [Freshness::Stat, Freshness::Watched { max_age }] {
        for older in [false, true] {
            let every = |sender: FileSender| {
                sender
                    .precompressed([Coding::Gzip])
                    .older_siblings(older)
                    .content_tags(100_000)
                    .digests(150_000)
                    .settled(Stability::Proved)
                    .immutable_names(true)
                    .disposition("*.bin", Disposition::Attachment)
                    .on_change("*", OnChange::AllowGrowth)
                    .error_page(StatusCode::NOT_FOUND, ".404.html")
                    .error_page(StatusCode::METHOD_NOT_ALLOWED, ".405")
                    .error_page(StatusCode::NOT_ACCEPTABLE, ".404.html")
                    .listing(9)
                    .conceal(true)
                    .open_files(9)
                    .throttle(u64::MAX)
                    .least_rate(1, Duration::from_secs(60))
                    .freshness(freshness)
            };
            let kept = every(FileSender::following(&scratch.0).unwrap());
            let read = every(scratch.sender()).cache(0);
            check_alike(&kept, &read).await;
            assert!(kept.counts().kept > 50, "{}", kept.counts());
        }
    }
}

async fn check_alike(kept: &FileSender, read: &FileSender) {
    let js = "/app.3f9a2c1b.js";
    let paths = [js, "/d/", "/d", "/long.bin", "/empty", "/none", "/list/", "/.405", "/long.bin/"];
    let now = SystemTime::now() + Duration::from_secs(60);
    let tag = later(read, "GET", js, &[]).await.fields["etag"].to_str().unwrap().to_owned();
    let lines: &[&[(&str, &str)]] = &[
        &[],
        &[("accept-encoding", "gzip")],
        &[("accept-encoding", "identity;q=0")],
        &[("range", "bytes=1-1")],
        &[("range", "bytes=0-0,-1")],
        &[("range", "bytes=99999999-")],
        &[("range", "bytes=1-"), ("if-range", &tag)],
        &[("if-none-match", &tag), ("want-repr-digest", "sha-256=1")],
        &[("if-none-match", "*")],
        &[("if-match", "\"other\""), ("accept-encoding", "gzip")],
        &[("want-repr-digest", "sha-256=1"), ("range", "bytes=0-0,-1")],
        &[("want-content-digest", "sha-512=1"), ("range", "bytes=0-0,-1")],
        &[("want-content-digest", "sha-512=1"), ("accept-encoding", "gzip")],
    ];
    for round in 0..2 {
        for path in paths {
            for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
                for lines in lines {
                    let one = at(kept, method, path, lines, now).await;
                    let other = at(read, method, path, lines, now).await;
                    assert_eq!(one, other, "{round} {method} {path} {lines:?}");
                    let fields = &one.fields;
                    assert_eq!(fields["x-content-type-options"], "nosniff", "{method} {path}");
                    // A script and a page may get siblings; a 406 may be none with another word. Where a
                    // directory could be listed, it depends on the form.
                    let is_file = !matches!(method, "OPTIONS" | "PUT");
                    let expected = match path {
                        _ if one.status == StatusCode::NOT_ACCEPTABLE => Some("accept-encoding"),
                        "/d/" | "/app.3f9a2c1b.js" if is_file => Some("accept-encoding"),
                        "/list/" | "/long.bin/" if is_file => Some("accept"),
                        _ => None,
                    };
                    let vary = fields.get("vary").map(|vary| vary.to_str().unwrap());
                    assert_eq!(vary, expected, "{method} {path} {lines:?}");
                    let length = fields.get("content-length").map(|l| l.to_str().unwrap());
                    if method != "HEAD" && !matches!(one.status.as_u16(), 204 | 304) {
                        assert_eq!(length, Some(one.body.len().to_string().as_str()), "{path}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn whoever_is_told_of_a_refusal_may_ask_for_the_same_path() {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink("loop", scratch.0.join("loop")).unwrap();
    let received: Arc<Mutex<Vec<Option<StatusCode>>>> = Arc::default();
    let kept = Arc::clone(&received);
    // The callback is made before its sender, so it finds it here.
    let place: Arc<Mutex<Option<FileSender>>> = Arc::default();
    let found = Arc::clone(&place);
    let sender = scratch.sender().on_refusal(move |_| {
        let Some(sender) = found.lock().unwrap().take() else { return };
        let asks = async {
            let asked = later(&sender, "GET", "/loop", &[]);
            tokio::time::timeout(Duration::from_secs(10), asked).await.ok()
        };
        let received = tokio::runtime::Handle::current().block_on(asks);
        kept.lock().unwrap().push(received.map(|received| received.status));
    });
    *place.lock().unwrap() = Some(sender.clone());
    assert_eq!(later(&sender, "GET", "/loop", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(*received.lock().unwrap(), [Some(StatusCode::NOT_FOUND)]);
}
