//! What is sent at once is what would be sent otherwise, only while the file is the same, and checked before.
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
        return crate::skip::place("a filesystem that is known to be of this machine");
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

/// Status, fields and content; or that the content failed.
async fn received(
    response: Response<StoreBody>,
) -> (http::StatusCode, http::HeaderMap, Option<Bytes>) {
    let (parts, body) = response.into_parts();
    let content = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
    (parts.status, parts.headers, content)
}

fn inline(store: &Store, asked: &Asked, least: Option<u64>) -> Option<Response<StoreBody>> {
    inline::respond(store, asked, "a", least, later())
}

/// Whether this filesystem lets one ask for what is in memory alone.
fn is_at_hand(store: &Store) -> bool {
    let file = store.ops.disk.open_now("a");
    file.is_some_and(|file| file.try_fill_at(&mut [0], 0))
}

#[tokio::test]
async fn what_is_at_hand_is_sent_as_it_is_by_a_thread_that_may_block() {
    let (_scratch, store) = Scratch::new("at-hand");
    let requests = [
        ("GET", None),
        ("HEAD", None),
        ("GET", Some(("range", "bytes=1-8"))),
        ("GET", Some(("range", "bytes=0-0,4-5"))),
        ("GET", Some(("if-none-match", "*"))),
    ];
    let (now, mut answered, mut left) = (later(), 0, 0);
    for (status, length, long) in [
        (200, 0, 1),
        (200, 10, 1),
        (200, 4096, 9000),
        (200, 40_000, 1),
        (200, 300_000, 1),
        (404, 10, 1),
    ] {
        let content: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
        let response = Response::builder().status(status).header("x-long", "x".repeat(long));
        let response = response.body(Full::<Bytes>::from(content)).unwrap();
        store.put("a", When::Always, response).await.unwrap();
        for verify in [Verify::Whole, Verify::Once, Verify::Always] {
            let store = store.clone().cache(0).verify(verify);
            for (method, field) in requests {
                let mut request = Request::builder().method(method);
                if let Some((name, value)) = field {
                    request = request.header(name, value);
                }
                let asked = Asked::of(&request.body(()).unwrap());
                let blocking = received(respond(&store, &asked, "a", None, now).unwrap()).await;
                // Twice: the second time the head may be known.
                for _ in 0..2 {
                    match inline::respond(&store, &asked, "a", None, now) {
                        Some(response) => {
                            assert_eq!(received(response).await, blocking);
                            answered += 1;
                        }
                        None => left += 1,
                    }
                }
            }
        }
        assert_eq!(answered > 0, is_at_hand(&store));
    }
    // Twice each: seven ranges where all is to be checked first, and twice a digest over much.
    assert!(left == 18 || answered == 0, "{answered} answered, {left} left");
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_left_to_whoever_may_tell() {
    let (scratch, store) = Scratch::new("left");
    let response = Response::new(Full::<Bytes>::from(vec![b'x'; 600_000]));
    store.put("a", When::New, response).await.unwrap();
    let path = scratch.0.join("a");
    let sound = std::fs::read(&path).unwrap();
    for at in [8192 + 300_000, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let store = store.clone().verify(Verify::Once);
        let response = respond(&store, &asked(None), "a", None, later()).unwrap();
        assert_eq!(received(response).await.2, None);
        assert!(inline(&store, &asked(None), None).is_none(), "it was not checked");
    }
    for at in [0, 4096, 100] {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(inline(&store, &asked(Some("bytes=0-1")), None).is_none(), "a slot is bad");
    }
    // A file that gets shorter while it is sent ends in an error.
    std::fs::write(&path, &sound).unwrap();
    let store = store.verify(Verify::Once);
    let whole = received(respond(&store, &asked(None), "a", None, later()).unwrap()).await;
    assert_eq!(whole.2.unwrap().len(), 600_000);
    if let Some(response) = inline(&store, &asked(None), None) {
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_len(sound.len() as u64 - 1).unwrap();
        assert_eq!(received(response).await.2, None);
    }
}

#[tokio::test]
async fn a_head_is_remembered_for_one_version_of_one_file() {
    let (scratch, store) = Scratch::new("remembered");
    let store = store.cache(0);
    let put = Response::new(Full::<Bytes>::from("0123456789"));
    store.put("a", When::New, put).await.unwrap();
    if !is_at_hand(&store) {
        return crate::skip::place("a filesystem that is read inline");
    }
    let stat = |store: &Store| store.ops.disk.look("a").unwrap();
    let is_known = |store: &Store| store.ops.memory.head(&stat(store)).is_some();
    assert!(inline::respond(&store, &asked(None), "a", None, SystemTime::now()).is_some());
    assert!(!is_known(&store), "it is too young");
    assert!(inline(&store, &asked(None), None).is_some());
    assert!(is_known(&store));
    assert!(inline(&store, &asked(None), Some(2)).is_none(), "an older generation");
    let always = store.clone().verify(Verify::Always);
    assert!(inline(&always, &asked(None), None).is_some());
    assert!(!is_known(&always), "it is read each time");

    let head = Response::builder().header("x-new", "1").body(()).unwrap();
    store.update("a", None, &head).await.unwrap();
    assert!(!is_known(&store));
    let response = inline(&store, &asked(None), Some(2)).unwrap();
    assert_eq!(response.headers()["x-new"], "1");

    // Another name of the same file is not the one that the head is of.
    std::fs::hard_link(scratch.0.join("a"), scratch.0.join("b")).unwrap();
    assert!(inline(&store, &asked(None), None).is_some());
    assert!(is_known(&store));
    assert!(inline::respond(&store, &asked(None), "b", None, later()).is_none());
    assert!(respond(&store, &asked(None), "b", None, later()).is_err());
}

#[tokio::test]
async fn a_signature_that_is_new_is_checked_where_that_may_take_its_time() {
    let (scratch, store) = Scratch::new("signed");
    let key = crate::store::SigningKey::ed25519("k", &[1; 32]);
    let ring = crate::store::KeyRing::new().sign_with(key);
    let put = Response::new(Full::<Bytes>::from("0123456789"));
    store.keys(ring.clone()).put("a", When::New, put).await.unwrap();
    let store = Store::open(&scratch.0).unwrap().keys(ring).cache(0);
    assert!(inline(&store, &asked(None), None).is_none());
    assert_eq!(fill(&store), 200);
    assert_eq!(inline(&store, &asked(None), None).is_some(), is_at_hand(&store));
}
