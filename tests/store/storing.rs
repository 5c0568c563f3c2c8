//! Responses are stored, sent, changed and removed.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Empty, Full, StreamBody};
use letterhead::store::{Signed, SlotState, Store, Strategy, Verify, When};

use crate::reader;
use crate::scratch::Scratch;
use crate::tools::{ask, get, text};

#[tokio::test]
async fn what_is_put_is_sent() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let published = store.put("a", When::New, text("hello")).await.unwrap();
    assert_eq!((published.generation, published.durable), (1, true));
    let (parts, content) = ask(&store, "a", Request::get("/")).await;
    assert_eq!((parts.status.as_u16(), content.unwrap().as_ref()), (200, b"hello".as_slice()));
    let field = |name: &str| parts.headers[name].to_str().unwrap();
    assert_eq!(field("content-type"), "text/plain");
    assert_eq!(field("content-length"), "5");
    assert_eq!(field("accept-ranges"), "bytes");
    // echo -n hello | openssl dgst -sha256 -binary | base64
    assert_eq!(field("repr-digest"), "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:");
    assert!(field("etag").starts_with('"'));

    let stored = store.check("a", Some(1)).await.unwrap();
    assert_eq!((stored.generation(), stored.length()), (1, 5));
    assert_eq!((stored.state(), stored.signed()), (SlotState::Equal, &Signed::No));
    assert_eq!(stored.head().headers().len(), 1);
    assert_eq!(store.list().await.unwrap(), ["a"]);
    assert_eq!(scratch.names(), ["a"]);
    if let Some(read) = reader::read(&scratch.path("a")) {
        let read = read.unwrap();
        assert_eq!(read["payload"], "hello");
        assert_eq!(read["fields"], serde_json::json!([["content-type", "text/plain"]]));
    }
}

#[tokio::test]
async fn conditions_and_ranges_are_answered() {
    let scratch = Scratch::new();
    let store = scratch.store().verify(Verify::Always);
    let numbers: Vec<String> = (0..100_000).map(|n: u32| n.to_string()).collect();
    let content = numbers.join(" ") + " ";
    let mut response = text(&content);
    response
        .headers_mut()
        .insert("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
    response.headers_mut().append("link", "</a>; rel=preload".parse().unwrap());
    response.headers_mut().append("link", "</b>; rel=preload".parse().unwrap());
    store.put("a", When::New, response).await.unwrap();
    let (whole, bytes) = ask(&store, "a", Request::get("/")).await;
    assert_eq!(bytes.unwrap(), content.as_bytes());
    assert_eq!(whole.headers.get_all("link").iter().count(), 2);
    let tag = whole.headers["etag"].clone();

    let check = async |request: http::request::Builder, status: u16, expected: &str| {
        let (parts, bytes) = ask(&store, "a", request).await;
        assert_eq!((parts.status.as_u16(), bytes.unwrap().as_ref()), (status, expected.as_bytes()));
        parts.headers
    };
    let request = || Request::get("/");
    check(request().header("if-none-match", &tag), 304, "").await;
    check(request().header("if-match", "\"other\""), 412, "").await;
    let since = "Sun, 06 Nov 1994 08:49:37 GMT";
    check(request().header("if-modified-since", since), 304, "").await;
    let fields = check(request().header("range", "bytes=0-3"), 206, "0 1 ").await;
    assert_eq!(fields["content-range"], format!("bytes 0-3/{}", content.len()));
    check(request().header("range", "bytes=-4"), 206, "999 ").await;
    check(request().header("range", "bytes=9999999-"), 416, "").await;
    let if_range = request().header("range", "bytes=0-3").header("if-range", &tag);
    check(if_range, 206, "0 1 ").await;
    let (parts, bytes) = ask(&store, "a", request().header("range", "bytes=0-0,-1")).await;
    assert!(parts.headers["content-type"].to_str().unwrap().starts_with("multipart/byteranges"));
    assert_eq!(bytes.unwrap().len().to_string(), parts.headers["content-length"].to_str().unwrap());
    let fields = check(Request::head("/"), 200, "").await;
    assert_eq!(fields["content-length"], content.len().to_string());
    let query = Request::builder().method("QUERY").header("content-type", "text/plain");
    for other in [Request::delete("/"), query] {
        assert_eq!(check(other, 405, "").await["allow"], "GET, HEAD, OPTIONS");
    }
    assert_eq!(get(&store, "b").await.0, 404);
    assert_eq!(get(&store, "../a").await.0, 404);
    assert_eq!(get(&store, ".letterhead.lock").await.0, 404);
}

#[tokio::test]
async fn a_digest_of_the_whole_is_not_told_of_a_part() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    let mut response = text(&"x".repeat(1000));
    response.headers_mut().insert("content-digest", digest.parse().unwrap());
    store.put("a", When::New, response).await.unwrap();
    for (range, status) in [("", 200), ("bytes=1-", 206), ("bytes=0-0,-1", 206)] {
        let (parts, _) = ask(&store, "a", Request::get("/").header("range", range)).await;
        assert_eq!(parts.status, status);
        assert_eq!(parts.headers.contains_key("content-digest"), status == 200);
        // The one of the representation is the same for each part.
        assert!(parts.headers.contains_key("repr-digest"));
    }
}

#[tokio::test]
async fn another_status_is_sent_as_it_was_stored() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let gone = Response::builder().status(410).body(Full::<Bytes>::from("gone")).unwrap();
    store.put("gone", When::New, gone).await.unwrap();
    let request = Request::get("/").header("range", "bytes=0-1").header("if-none-match", "*");
    let (parts, content) = ask(&store, "gone", request).await;
    assert_eq!((parts.status.as_u16(), content.unwrap().as_ref()), (410, b"gone".as_slice()));
    assert_eq!(parts.headers["content-length"], "4");
    let (parts, content) = ask(&store, "gone", Request::head("/")).await;
    assert_eq!((parts.status.as_u16(), content.unwrap().len()), (410, 0));
    let empty = Response::builder().status(204).body(Empty::<Bytes>::new()).unwrap();
    store.put("empty", When::New, empty).await.unwrap();
    let (parts, _) = ask(&store, "empty", Request::get("/")).await;
    assert_eq!((parts.status.as_u16(), parts.headers.get("content-length")), (204, None));
    for status in [206, 304] {
        let response = Response::builder().status(status).body(Full::<Bytes>::from("x")).unwrap();
        assert!(store.put("x", When::New, response).await.unwrap_err().is_head(), "{status}");
    }
    assert_eq!(scratch.names(), ["empty", "gone"]);
}

#[tokio::test]
async fn what_is_known_late_becomes_part_of_the_head() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let mut trailers = HeaderMap::new();
    trailers.insert("server-timing", "db;dur=53".parse().unwrap());
    trailers.insert("content-length", "9".parse().unwrap());
    let frames = [
        Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"first "))),
        Ok(Frame::data(Bytes::from_static(b"second"))),
        Ok(Frame::trailers(trailers)),
    ];
    let body = StreamBody::new(tokio_stream::iter(frames));
    store.put("a", When::New, Response::new(body)).await.unwrap();
    let (parts, content) = ask(&store, "a", Request::get("/")).await;
    assert_eq!(content.unwrap(), "first second");
    assert_eq!(parts.headers["server-timing"], "db;dur=53");
    assert_eq!(parts.headers["content-length"], "12");

    // A head that is longer than the room that was left for it.
    let mut upload = store.upload("b", When::New, None).await.unwrap();
    upload.write(Bytes::from_static(b"content")).await.unwrap();
    let head = Response::builder().header("x-long", "x".repeat(20_000)).body(()).unwrap();
    upload.publish(&head).await.unwrap();
    let (parts, content) = ask(&store, "b", Request::get("/")).await;
    assert_eq!(
        (parts.headers["x-long"].len(), content.unwrap().as_ref()),
        (20_000, b"content".as_slice())
    );
    let endless = Response::builder().header("x-long", "x".repeat(1_100_000)).body(()).unwrap();
    assert!(store.update("b", None, &endless).await.unwrap_err().is_head());
    assert_eq!(scratch.names(), ["a", "b"]);
}

#[tokio::test]
async fn a_body_that_fails_leaves_what_was_there() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.put("a", When::New, text("old")).await.unwrap();
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"new"))),
        Err(std::io::Error::other("the network is gone")),
    ];
    let body = StreamBody::new(tokio_stream::iter(frames));
    let error = store.put("a", When::Always, Response::new(body)).await.unwrap_err();
    assert!(error.is_content());
    assert_eq!(error.to_string(), "the content failed");
    assert_eq!(error.source().unwrap().to_string(), "the network is gone");
    let upload = store.upload("a", When::Always, Some(10)).await.unwrap();
    let error = upload.publish(&Response::new(())).await.unwrap_err();
    assert_eq!(error.to_string(), "wanted 10 bytes of content, found 0");
    let mut upload = store.upload("a", When::Always, Some(2)).await.unwrap();
    assert!(upload.write(Bytes::from_static(b"abc")).await.unwrap_err().is_content());
    assert!(upload.publish(&Response::new(())).await.is_err());
    assert_eq!(get(&store, "a").await, (200, "old".to_owned()));
    assert_eq!(scratch.names(), ["a"]);
}

#[tokio::test]
async fn a_name_is_given_on_conditions() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let put = async |when, content| store.put("a", when, text(content)).await;
    assert!(put(When::Generation(1), "0").await.unwrap_err().is_not_found());
    assert_eq!(put(When::New, "1").await.unwrap().strategy, Strategy::Anonymous);
    assert!(put(When::New, "2").await.unwrap_err().is_exists());
    let second = put(When::Generation(1), "2").await.unwrap();
    assert_eq!((second.generation, second.strategy), (2, Strategy::Replace));
    let error = put(When::Generation(1), "3").await.unwrap_err();
    assert!(error.is_changed() && !error.is_not_found());
    assert_eq!(
        (error.status(), error.to_string()),
        (StatusCode::PRECONDITION_FAILED, "wanted generation 1, found 2".to_owned())
    );
    assert_eq!(put(When::Always, "3").await.unwrap().generation, 3);
    assert_eq!(get(&store, "a").await.1, "3");
    assert!(store.remove("a", Some(2)).await.unwrap_err().is_changed());
    assert!(store.remove("a", Some(3)).await.unwrap());
    assert!(store.remove("a", None).await.unwrap_err().is_not_found());
    for odd in ["", ".", "..", ".a", "a/b", "a\0b", &"x".repeat(256)] {
        assert!(store.put(odd, When::New, text("")).await.unwrap_err().is_name(), "{odd:?}");
        assert!(store.head(odd, None).await.unwrap_err().is_name(), "{odd:?}");
    }
    assert!(scratch.names().is_empty());
}

#[tokio::test]
async fn a_head_is_changed_and_the_payload_is_not() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.put("a", When::New, text("payload")).await.unwrap();
    let id = *store.head("a", None).await.unwrap().payload_id();
    let inode =
        || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(scratch.path("a")).unwrap());
    let first = inode();
    let set = async |store: &Store, value: String| {
        let change = |head: &mut Response<()>| {
            head.headers_mut().insert("x-value", value.parse().unwrap());
        };
        store.modify("a", change).await.unwrap()
    };
    let published = set(&store, "short".into()).await;
    assert_eq!((published.generation, published.strategy), (2, Strategy::InPlace));
    // Another process knows nothing of what this one wrote.
    let published = set(&scratch.store(), "other".into()).await;
    assert_eq!((published.generation, published.strategy), (3, Strategy::InPlace));
    assert_eq!(inode(), first);
    let published = set(&store, "x".repeat(10_000)).await;
    assert_eq!((published.generation, published.strategy), (4, Strategy::Replace));
    assert_ne!(inode(), first);
    let published = set(&store, "short".into()).await;
    assert_eq!((published.generation, published.strategy), (5, Strategy::InPlace));
    let stored = store.check("a", Some(5)).await.unwrap();
    assert_eq!((stored.payload_id(), stored.state()), (&id, SlotState::Equal));
    assert!(store.head("a", Some(6)).await.unwrap_err().is_older());
    assert_eq!(get(&store, "a").await, (200, "payload".to_owned()));
    if let Some(read) = reader::read(&scratch.path("a")) {
        let read = read.unwrap();
        assert_eq!((&read["generation"], &read["payload"]), (&5.into(), &"payload".into()));
    }
    let statistics = store.statistics();
    assert_eq!((statistics.updated_in_place, statistics.replaced, statistics.created), (2, 1, 1));
}

#[tokio::test]
async fn a_head_is_taken_of_a_response_whose_body_only_one_thread_may_have() {
    // As axum's body is: a handler could not await what borrows one.
    type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let scratch = Scratch::new();
    let store = scratch.store();
    let response = || Response::builder().status(203).body(Body::default()).unwrap();
    let upload = store.upload("a", When::New, None).await.unwrap();
    assert_eq!(sent(upload.publish(&response())).await.unwrap().generation, 1);
    let upload = store.upload("a", When::Always, None).await.unwrap();
    let trailers = HeaderMap::new();
    assert_eq!(sent(upload.publish_with(&response(), &trailers)).await.unwrap().generation, 2);
    assert_eq!(sent(store.update("a", None, &response())).await.unwrap().generation, 3);
    assert_eq!(store.head("a", None).await.unwrap().head().status(), 203);
}

#[tokio::test]
async fn changes_that_meet_are_all_made() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.put("a", When::New, text("payload")).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let change = |head: &mut Response<()>| {
                        let count = head
                            .headers()
                            .get("x-count")
                            .map_or(0, |value| value.to_str().unwrap().parse::<u32>().unwrap());
                        head.headers_mut().insert("x-count", (count + 1).into());
                    };
                    store.modify("a", change).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stored = store.head("a", None).await.unwrap();
    assert_eq!(stored.head().headers()["x-count"], "80");
    assert_eq!(stored.generation(), 81);
}

#[tokio::test]
async fn a_response_goes_on_while_its_head_is_changed_or_its_name_is_taken() {
    use http_body_util::BodyExt as _;
    let scratch = Scratch::new();
    let store = scratch.store();
    let content = "x".repeat(3 << 20);
    store.put("a", When::New, text(&content)).await.unwrap();
    for range in [None, Some("bytes=1-")] {
        let mut request = Request::get("/");
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let response = store.send(&request.body(()).unwrap(), "a").await;
        let mut body = response.into_body();
        let mut got = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        let change = |head: &mut Response<()>| {
            head.headers_mut().insert("x-new", "1".parse().unwrap());
        };
        store.modify("a", change).await.unwrap();
        got += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        store.put("a", When::Always, text(&content)).await.unwrap();
        got += body.collect().await.unwrap().to_bytes().len();
        assert_eq!(got, content.len() - usize::from(range.is_some()));
    }
}

#[tokio::test]
async fn notices_are_told_and_a_panic_of_theirs_does_no_harm() {
    let scratch = Scratch::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let hears = Arc::clone(&told);
    let store = scratch.store().on_notice(move |notice| {
        hears.lock().unwrap().push(notice.to_string());
        panic!("a callback");
    });
    store.put("a", When::New, text("x")).await.unwrap();
    std::fs::write(scratch.path("b"), "no head").unwrap();
    assert!(store.head("b", None).await.unwrap_err().is_damaged());
    let told = told.lock().unwrap().join("\n");
    assert!(told.starts_with("b: no slot is whole"), "{told}");
    assert_eq!(store.statistics().rejected, 1);
    // A client chooses the name, and must not write lines of a log.
    std::fs::write(scratch.path("c\nd\u{1b}: ä"), "no head").unwrap();
    assert!(store.head("c\nd\u{1b}: ä", None).await.unwrap_err().is_damaged());
    let told = seen.lock().unwrap().join("\u{0}");
    assert!(told.contains("c\\nd\\u{1b}: ä: no slot") && !told.contains('\n'), "{told}");
}

/// How many files of a directory this process has open.
fn open_files(scratch: &Scratch) -> usize {
    let directory = scratch.path("");
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let link = std::fs::read_link(entry.ok()?.path()).ok()?;
        (link.starts_with(&directory) && link != directory).then_some(())
    });
    open.count()
}

#[test]
fn a_draft_that_is_dropped_is_closed_where_that_may_take_its_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
    let runtime = runtime.unwrap();
    let scratch = Scratch::new();
    let store = scratch.store();
    let upload = runtime.block_on(store.upload("a", When::New, Some(1 << 20))).unwrap();
    assert_eq!(open_files(&scratch), 1);
    // The only thread that may block has something to do.
    let (free, wait) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || wait.recv());
    runtime.block_on(async move { drop(upload) });
    assert_eq!(open_files(&scratch), 1);
    free.send(()).unwrap();
    runtime.block_on(async { tokio::task::spawn_blocking(|| ()).await.unwrap() });
    assert_eq!(open_files(&scratch), 0);
    // A response whose client has left is, too.
    let content = "x".repeat(1 << 20);
    runtime.block_on(store.put("b", When::New, text(&content))).unwrap();
    let request = Request::get("/").body(()).unwrap();
    let response = runtime.block_on(async { store.send(&request, "b").await });
    runtime.block_on(store.remove("b", None)).unwrap();
    let (free, wait) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || wait.recv());
    runtime.block_on(async move { drop(response) });
    assert_eq!(open_files(&scratch), 1);
    free.send(()).unwrap();
    runtime.block_on(async { tokio::task::spawn_blocking(|| ()).await.unwrap() });
    assert_eq!(open_files(&scratch), 0);
    // Without a runtime there is only one place.
    let upload = runtime.block_on(store.upload("a", When::New, None)).unwrap();
    drop(upload);
    assert_eq!((open_files(&scratch), scratch.names().len()), (0, 0));
}
