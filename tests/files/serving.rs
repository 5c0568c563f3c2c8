//! Heads and bytes of files that are there.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use http::Method;
use letterhead::{FileSender, LetterheadLayer, Outcome};
use tower::Layer as _;

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::scratch::{Scratch, settled};
use crate::serve::{collected, serve};

/// The head of `content` as a settled file of this type.
fn whole(content_type: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\naccept-ranges: bytes\r\n\
         content-length: {length}\r\netag: {TAG}\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         x-content-type-options: nosniff",
    )
    .replace(TAG, &tag(length as u64))
}

/// The lines of a head, sorted: where hyper puts the length of an empty body is its own business.
fn lines(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines.sort_unstable();
    lines
}

const TAG: &str = "TAG";

/// The tag that goes by length and time.
fn tag(length: u64) -> String {
    let tag = letterhead::answer::EntityTag::of_version(length, settled()).unwrap();
    tag.value().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_has_its_length_its_type_and_its_validators() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("page.html", "").write("data", "\0");
    let server = serve(scratch.sender()).await;

    let answer = h1_get(&server, "/a.txt", "").await;
    assert_eq!(answer.head, whole("text/plain; charset=utf-8", 7));
    assert_eq!(answer.body, "content");
    let answer = h1_get(&server, "/page.html", "").await;
    assert_eq!(lines(&answer.head), lines(&whole("text/html; charset=utf-8", 0)));
    let answer = h1_get(&server, "/data", "").await;
    assert_eq!(
        (answer.status(), answer.field("content-type")),
        (200, Some("application/octet-stream"))
    );
    assert_eq!(answer.body, "\0");

    let h2 = h2_get(&server, "/a.txt").await.unwrap();
    assert_eq!((h2.status.as_u16(), h2.body.as_str()), (200, "content"));
    assert_eq!(h2.field("etag"), Some(tag(7).as_str()));
    assert_eq!(h2.field("content-length"), Some("7"));
}

#[tokio::test]
async fn a_head_is_the_head_of_the_get_without_content() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("empty.txt", "");
    let server = serve(scratch.sender()).await;
    let mut raw = Raw::connect(&server).await;
    for path in ["/a.txt", "/empty.txt", "/missing", "/a.txt/"] {
        let get = h1_get(&server, path, "").await;
        raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        assert_eq!(lines(&raw.head().await), lines(&get.head), "{path}");
        let h2 = H2::connect(&server).await.request(Method::HEAD, path).await.unwrap();
        assert_eq!(h2.status.as_u16(), get.status(), "{path}");
        assert_eq!(h2.field("content-length"), get.field("content-length"), "{path}");
        assert_eq!(h2.body, "");
    }
    // The connection is in step.
    raw.get("/a.txt", "").await;
    assert_eq!(raw.answer().await.body, "content");
}

#[tokio::test]
async fn conditions_and_ranges_are_those_of_the_answer() {
    let scratch = Scratch::new();
    let mut text = String::new();
    for line in 0..100_000 {
        writeln!(text, "{line:09}").unwrap();
    }
    scratch.write("lines.txt", &text);
    let server = serve(scratch.sender()).await;
    let get = async |lines: &str| h1_get(&server, "/lines.txt", lines).await;

    let all = get("").await;
    assert_eq!(all.body, text);
    let tag = all.field("etag").unwrap();
    let part = get("range: bytes=300000-700009\r\n").await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.field("content-range"), Some("bytes 300000-700009/1000000"));
    assert_eq!(part.body, text[300_000..700_010]);
    assert_eq!(get("range: bytes=-10\r\n").await.body, "000099999\n");

    let parts = get("range: bytes=0-9,500000-799999,-10\r\n").await;
    assert_eq!(parts.status(), 206);
    assert_eq!(parts.field("content-length"), Some(parts.body.len().to_string().as_str()));
    assert_eq!(parts.body.matches("Content-Range: bytes ").count(), 3);
    assert!(parts.body.contains(&text[500_000..800_000]));

    let beyond = get("range: bytes=1000000-\r\n").await;
    assert_eq!((beyond.status(), beyond.body.as_str()), (416, ""));
    assert_eq!(beyond.field("content-range"), Some("bytes */1000000"));
    assert_eq!(get(&format!("if-none-match: {tag}\r\n")).await.status(), 304);
    assert_eq!(get("if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").await.status(), 304);
    assert_eq!(get("if-match: \"other\"\r\n").await.status(), 412);
    let resumed = get(&format!("range: bytes=999990-\r\nif-range: {tag}\r\n")).await;
    assert_eq!((resumed.status(), resumed.body.as_str()), (206, "000099999\n"));
    let changed = get("range: bytes=999990-\r\nif-range: \"other\"\r\n").await;
    assert_eq!((changed.status(), changed.body.len()), (200, 1_000_000));
}

#[tokio::test]
async fn a_range_behind_four_gigabytes_is_found() {
    let scratch = Scratch::new();
    let sparse = fs::File::create(scratch.path("big")).unwrap();
    let size = 5 << 30;
    sparse.set_len(size).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"the end", size - 7).unwrap();
    let server = serve(scratch.sender()).await;
    let answer = h1_get(&server, "/big", "range: bytes=5368709110-\r\n").await;
    assert_eq!(answer.field("content-range"), Some("bytes 5368709110-5368709119/5368709120"));
    assert_eq!(answer.body, "\0\0\0the end");
}

#[tokio::test]
async fn a_young_file_has_no_validators_and_no_ranges() {
    let scratch = Scratch::new();
    // Its time was set back, but not the time of that.
    scratch.write("a.txt", "content").write("a.log", "content");
    let young = scratch.cautious().on_change("*.log", letterhead::files::OnChange::AllowGrowth);
    let server = serve(young.settle(Duration::from_secs(3600))).await;
    let trusting = serve(scratch.sender()).await;
    let settled = h1_get(&trusting, "/a.txt", "").await;
    let (tag, date) = (settled.field("etag").unwrap(), settled.field("last-modified").unwrap());
    assert!(tag.starts_with('"'), "{tag}");
    for lines in [
        String::new(),
        "range: bytes=0-2\r\n".to_owned(),
        "range: bytes=0-0,2-2\r\n".to_owned(),
        format!("range: bytes=0-2\r\nif-range: {tag}\r\n"),
        format!("range: bytes=0-2\r\nif-range: {date}\r\n"),
        format!("if-none-match: {tag}\r\n"),
        format!("if-modified-since: {date}\r\n"),
    ] {
        let answer = h1_get(&server, "/a.txt", &lines).await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, "content"), "{lines}");
        for absent in ["etag", "last-modified", "accept-ranges"] {
            assert_eq!(answer.field(absent), None, "{lines} {absent}");
        }
        assert_eq!(answer.field("cache-control"), Some("no-cache"), "{lines}");
    }
    // Of a log that only grows the beginning stays what it is.
    let log = h1_get(&server, "/a.log", "range: bytes=2-\r\n").await;
    assert_eq!((log.status(), log.body.as_str()), (206, "ntent"));
    assert!(log.field("etag").unwrap().starts_with("W/\""), "{log:?}");
    assert_eq!((log.field("last-modified"), log.field("cache-control")), (None, Some("no-cache")));
    // What the operator says of caching stays.
    let value = http::HeaderValue::from_static("max-age=5");
    let young = scratch.cautious().settle(Duration::from_secs(3600)).cache_control("*", value);
    let answer = h1_get(&serve(young).await, "/a.txt", "").await;
    assert_eq!(answer.field("cache-control"), Some("max-age=5"));
}

#[tokio::test]
async fn other_methods_are_told_what_may_be_asked() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let server = serve(scratch.sender()).await;
    for (method, status) in [
        ("OPTIONS", "204 No Content"),
        ("POST", "405 Method Not Allowed"),
        ("QUERY", "405 Method Not Allowed"),
    ] {
        for path in ["/a.txt", "/missing"] {
            let mut raw = Raw::connect(&server).await;
            raw.send(format!(
                "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
            ))
            .await;
            let head = raw.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains("\r\nallow: GET, HEAD, OPTIONS"), "{head}");
        }
    }
}

#[tokio::test]
async fn it_mounts_in_axum_below_a_path_as_a_fallback_and_in_a_handler() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("d/index.html", "index").write(".kept", "hidden");
    let files = scratch.sender();
    let one = files.clone();
    let app = Router::new()
        .nest_service("/files", files.clone())
        .route("/one", axum::routing::any(async move |r: Request| one.send(&r, "a.txt").await))
        .route("/api", axum::routing::get(|| async { "api" }));
    let hidden = scratch.sender();
    let app = app
        .route("/no", axum::routing::any(async move |r: Request| hidden.send(&r, ".kept").await))
        .fallback_service(files);
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve(layer.layer(app)).await;
    for (path, status, body) in [
        ("/files/a.txt", 200, "content"),
        ("/files/d/", 200, "index"),
        ("/a.txt", 200, "content"),
        ("/one", 200, "content"),
        ("/no", 404, r#"{"type":"about:blank","title":"Not Found","status":404}"#),
        ("/api", 200, "api"),
    ] {
        let answer = h1_get(&server, path, "").await;
        assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{path}");
        let receipt = receipts.next().await;
        assert!(matches!(receipt.outcome, Outcome::Handed), "{}", receipt.line);
        assert!(receipt.notes.is_empty(), "{path}: {receipt:?}");
    }
    let answer = h1_get(&server, "/one", "range: bytes=0-2\r\n").await;
    assert_eq!((answer.status(), answer.body.as_str()), (206, "con"));
    let answer = h1_get(&server, "/files/d", "").await;
    assert_eq!((answer.status(), answer.field("location")), (308, Some("./d/")));
}

#[tokio::test]
async fn an_open_file_is_sent_whole_wherever_it_stands() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("a.txt.br", "brotli");
    let sender = scratch.sender().precompressed([letterhead::answer::Coding::Brotli]);
    let open = |name| fs::File::open(scratch.path(name)).unwrap();
    let request = http::Request::get("/").header("accept-encoding", "br").body(()).unwrap();
    let mut file = open("a.txt");
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    let Ok(response) = sender.send_file(&request, file, "report.html").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(response.headers()["etag"], tag(7).as_str());
    // Nothing was chosen by a field of the request.
    assert!(!response.headers().contains_key("vary"));
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert_eq!(body.to_bytes(), "content");

    let request = http::Request::get("/").header("range", "bytes=-3").body(()).unwrap();
    let Ok(response) = sender.send_file(&request, open("a.txt"), "a.txt").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-length"]),
        (206, &"3".parse().unwrap())
    );
    // What is no file to be read is none.
    let Ok(response) = sender.send_file(&request, open("."), "a.txt").await;
    assert_eq!(response.status(), 404);
    let shut = fs::File::options().append(true).open(scratch.path("a.txt")).unwrap();
    let Ok(response) = sender.send_file(&request, shut, "a.txt").await;
    assert_eq!(response.status(), 500);
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let missing = FileSender::new(scratch.path("missing")).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    let file = FileSender::new(scratch.path("a.txt")).unwrap_err();
    assert_eq!(file.raw_os_error(), Some(libc::ENOTDIR));
}
