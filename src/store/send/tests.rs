//! What is kept in memory is sent only while the file is the same, and was checked before.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

use super::*;
use crate::store::{Verify, When};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> (Self, Store) {
        let path = std::env::temp_dir().join(format!("letterhead-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let store = Store::open(&path).unwrap();
        (Self(path), store)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn asked(range: Option<&str>) -> Asked {
    let mut request = Request::get("/");
    if let Some(range) = range {
        request = request.header("range", range);
    }
    Asked::of(&request.body(()).unwrap())
}

/// A time at which whatever was just written is settled.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(10)
}

/// Sends it by a thread that may block, some time later, so that it may be kept.
fn fill(store: &Store) -> u16 {
    match respond(store, &asked(None), "a", None, later()) {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.status().as_u16(),
    }
}

async fn kept(store: &Store, range: Option<&str>) -> Option<(u16, Bytes)> {
    let response = store.at_once(&asked(range), "a", None, later())?;
    let (parts, body) = response.into_parts();
    assert_eq!(
        body.size_hint().exact().unwrap().to_string(),
        parts.headers["content-length"].to_str().unwrap()
    );
    Some((parts.status.as_u16(), body.collect().await.unwrap().to_bytes()))
}

#[tokio::test]
async fn what_is_kept_is_sent_while_the_file_is_the_same() {
    let (scratch, store) = Scratch::new("kept");
    if store.cache.is_none() {
        return;
    }
    let put = async |content: &'static str| {
        let response = Response::new(Full::<Bytes>::from(content));
        store.put("a", When::Always, response).await.unwrap();
    };
    put("0123456789").await;
    // It is too young to be kept.
    assert!(respond(&store, &asked(None), "a", None, SystemTime::now()).is_ok());
    assert_eq!(kept(&store, None).await, None);
    assert_eq!(fill(&store), 200);
    assert_eq!(kept(&store, None).await, Some((200, Bytes::from("0123456789"))));
    assert_eq!(kept(&store, Some("bytes=8-")).await, Some((206, Bytes::from("89"))));
    assert!(store.at_once(&asked(None), "a", Some(2), later()).is_none(), "an older generation");

    // Another head, another file, none: each is seen at once.
    let head = Response::builder().header("x-new", "1").body(()).unwrap();
    store.update("a", None, &head).await.unwrap();
    assert_eq!(kept(&store, None).await, None);
    assert_eq!(fill(&store), 200);
    let response = store.at_once(&asked(None), "a", Some(2), later()).unwrap();
    assert_eq!(response.headers()["x-new"], "1");
    put("another").await;
    assert_eq!(kept(&store, None).await, None);
    assert_eq!(fill(&store), 200);
    assert_eq!(kept(&store, None).await, Some((200, Bytes::from("another"))));
    store.remove("a", None).await.unwrap();
    assert_eq!(kept(&store, None).await, None);
    drop(scratch);
}

#[tokio::test]
async fn what_was_not_checked_is_not_kept() {
    let (scratch, store) = Scratch::new("unkept");
    let response = Response::new(Full::<Bytes>::from("0123456789"));
    store.put("a", When::New, response).await.unwrap();
    let path = scratch.0.join("a");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(fill(&store), 500);
    assert_eq!(kept(&store, None).await, None);
    // A range is sent without being checked, and is not all of it.
    let range = respond(&store, &asked(Some("bytes=0-1")), "a", None, later()).unwrap();
    assert_eq!(range.status(), 206);
    assert_eq!(kept(&store, None).await, None);

    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    for store in [store.clone().verify(Verify::Once), store.clone()] {
        assert_eq!((fill(&store), fill(&store)), (200, 200));
        assert_eq!(kept(&store, None).await.is_some(), store.cache.is_some());
    }
    let without = store.cache(0);
    assert_eq!(fill(&without), 200);
    assert_eq!(kept(&without, None).await, None);
}

#[tokio::test]
async fn only_small_responses_and_stored_200s_are_kept() {
    let (_scratch, store) = Scratch::new("small");
    let store = store.cache(64 << 10);
    for (status, length) in [(200, 10_000), (404, 10)] {
        let response = Response::builder().status(status);
        let response = response.body(Full::<Bytes>::from(vec![b'x'; length])).unwrap();
        store.put("a", When::Always, response).await.unwrap();
        assert_eq!(fill(&store), status);
        assert_eq!(kept(&store, None).await, None);
    }
    // A head takes room as well.
    for (length, is_kept) in [(10, true), (10_000, false)] {
        let response = Response::builder().header("x-long", "x".repeat(length));
        let response = response.body(Full::<Bytes>::from("x")).unwrap();
        store.put("a", When::Always, response).await.unwrap();
        assert_eq!(fill(&store), 200);
        assert_eq!(kept(&store, None).await.is_some(), is_kept && store.cache.is_some());
    }
}
