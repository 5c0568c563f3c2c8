//! A root that is a link, turned from one tree to the next.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use letterhead::answer::Coding;
use letterhead::files::Freshness;
use letterhead::{FileSender, Operation};
use tower::ServiceExt as _;

use crate::client::{H2, h1_get};
use crate::scratch::Scratch;
use crate::serve::serve;

/// Lets this much time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn turn(scratch: &Scratch, target: &str) {
    scratch.link("next", target);
    fs::rename(scratch.path("next"), scratch.path("current")).unwrap();
}

fn trees() -> Scratch {
    let scratch = Scratch::new();
    for tree in ["one", "two"] {
        scratch
            .write(&format!("{tree}/f"), tree)
            .write(&format!("{tree}/f.gz"), format!("{tree} gz"));
        scratch.write(&format!("{tree}/{tree}"), "only here");
        scratch.write(&format!("{tree}/long"), vec![tree.as_bytes()[0]; 3 * FileSender::CHUNK]);
    }
    scratch.link("current", "one");
    scratch
}

#[tokio::test]
async fn a_turned_link_is_followed_within_a_second() {
    let hour = Duration::from_secs(3600);
    // Nothing in the old tree tells that it is not served any more.
    for freshness in [Freshness::Stat, Freshness::Watched { max_age: hour }] {
        check(freshness).await;
    }
}

async fn check(freshness: Freshness) {
    let scratch = trees();
    let no_cache = HeaderValue::from_static("no-cache");
    // What is told later goes with the followed root, too.
    let sender = FileSender::following(scratch.path("current"))
        .unwrap()
        .settle(Duration::ZERO)
        .precompressed([Coding::Gzip])
        .freshness(freshness)
        .cache_control("*", no_cache);
    let counted = sender.clone();
    let fixed = FileSender::new(scratch.path("current")).unwrap();
    let (server, other) = (serve(sender).await, serve(fixed).await);
    let h2 = H2::connect(&server).await;
    // Kept in memory, and still what it was.
    while counted.counts().kept == 0 {
        assert_eq!(h1_get(&server, "/f", "").await.body, "one");
    }
    assert_eq!(h1_get(&server, "/two", "").await.status(), 404);
    turn(&scratch, "two");
    pass(Duration::from_secs(1)).await;
    let answer = h1_get(&server, "/f", "").await;
    assert_eq!((answer.body.as_str(), answer.field("cache-control")), ("two", Some("no-cache")));
    assert_eq!(h1_get(&server, "/f", "accept-encoding: gzip\r\n").await.body, "two gz");
    assert_eq!(h1_get(&server, "/two", "").await.status(), 200);
    assert_eq!(h1_get(&server, "/one", "").await.status(), 404);
    assert_eq!(h2.get("/f").await.unwrap().body, "two");
    // It is counted on.
    assert!(counted.counts().kept > 0 && counted.counts().pooled > 0, "{}", counted.counts());
    // A root that is not followed is the directory that was opened.
    assert_eq!(h1_get(&other, "/f", "").await.body, "one");
    turn(&scratch, "one");
    pass(Duration::from_secs(1)).await;
    assert_eq!(h2.get("/f").await.unwrap().body, "one");
}

async fn get(sender: &FileSender, path: &str) -> (u16, bytes::Bytes) {
    let request = Request::get(path).body(()).unwrap();
    let response = sender.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_up_no_more_than_once_a_second_and_a_download_keeps_its_tree() {
    let scratch = trees();
    let sender = FileSender::following(scratch.path("current")).unwrap();
    let request = Request::get("/long").body(()).unwrap();
    let mut begun = sender.clone().oneshot(request).await.unwrap().into_body();
    let first = begun.frame().await.unwrap().unwrap().into_data().unwrap();
    turn(&scratch, "two");
    // Within the second nobody looks.
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(get(&sender, "/f").await.1, "one");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(get(&sender, "/f").await.1, "two");
    turn(&scratch, "one");
    assert_eq!(get(&sender, "/f").await.1, "two");
    let rest = begun.collect().await.unwrap().to_bytes();
    assert_eq!(first.len() + rest.len(), 3 * FileSender::CHUNK);
    assert!(first.iter().chain(&rest).all(|byte| *byte == b'o'));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_leads_nowhere_leaves_the_last_tree() {
    let scratch = trees();
    let told: Arc<Mutex<Vec<(Operation, i32)>>> = Arc::default();
    let kept = Arc::clone(&told);
    let sender =
        FileSender::following(scratch.path("current")).unwrap().on_refusal(move |refused| {
            kept.lock().unwrap().push((refused.operation(), refused.errno()));
        });
    fs::remove_file(scratch.path("current")).unwrap();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..3 {
            assert_eq!(get(&sender, "/f").await, (200, "one".into()));
        }
    }
    assert_eq!(*told.lock().unwrap(), [(Operation::Open, libc::ENOENT); 3]);
    scratch.link("current", "two");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(get(&sender, "/f").await, (200, "two".into()));
    assert!(FileSender::following(scratch.path("nowhere")).is_err());
}
