//! An application that routes itself: one file for all its views, and for nothing else.

use http::HeaderValue;
use letterhead::FileSender;
use letterhead::answer::Coding;

use crate::client::{Raw, h1_get};
use crate::scratch::Scratch;
use crate::serve::{Server, serve};

/// What Chromium sends when it goes to a page, and when that page loads a script or a picture.
const PAGE: &str =
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n";
const SCRIPT: &str = "accept: */*\r\n";
const PICTURE: &str =
    "accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n";

fn application(scratch: &Scratch) -> FileSender {
    scratch.write("index.html", "app").write("a.js", "script").write("d/x", "x");
    let no_cache = HeaderValue::from_static("no-cache");
    let week = HeaderValue::from_static("max-age=604800");
    let sender = scratch.sender().fallback("/index.html").cache_control("*.html", no_cache);
    sender.cache_control("*", week)
}

/// The lines of a head: where hyper puts the length depends on the method.
fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines.sort_unstable();
    lines
}

async fn check(server: &Server, lines: &str, rows: &[(&str, u16, &str, Option<&str>)]) {
    for (path, status, body, vary) in rows {
        let answer = h1_get(server, path, lines).await;
        let told = (answer.status(), answer.field("vary"));
        assert_eq!(told, (*status, *vary), "{path} {lines}");
        if *status == 200 {
            assert_eq!(answer.body, *body, "{path} {lines}");
        }
        let mut raw = Raw::connect(server).await;
        raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n")).await;
        assert_eq!(sorted(&raw.head().await), sorted(&answer.head), "HEAD {path} {lines}");
    }
}

#[tokio::test]
async fn a_browser_that_goes_to_a_page_gets_the_view_and_a_script_that_is_missing_is_404() {
    let scratch = Scratch::new();
    let server = serve(application(&scratch)).await;
    let by = Some("accept");
    let there = [("/", 200, "app", None), ("/a.js", 200, "script", None), ("/d/x", 200, "x", None)];
    for lines in [PAGE, SCRIPT, PICTURE, ""] {
        check(&server, lines, &there).await;
    }
    for path in ["/some/view", "/assets/missing.js", "/d/", "/a.js/b", "/some/view?q=1"] {
        for (lines, status) in [(PAGE, 200), (SCRIPT, 404), (PICTURE, 404), ("", 404)] {
            check(&server, lines, &[(path, status, "app", by)]).await;
        }
    }
    // What can name nothing, and what is only without its slash.
    for path in ["/%00", "/.env", "/.git/config"] {
        check(&server, PAGE, &[(path, 404, "", None)]).await;
    }
    check(&server, PAGE, &[("/d", 308, "", None)]).await;
    // Conditions and ranges are about the page.
    let view = h1_get(&server, "/some/view", PAGE).await;
    let tag = format!("{PAGE}if-none-match: {}\r\n", view.field("etag").unwrap());
    check(&server, &tag, &[("/some/view", 304, "", by), ("/", 304, "", None)]).await;
    let part = h1_get(&server, "/some/view", &format!("{PAGE}range: bytes=0-0\r\n")).await;
    assert_eq!((part.status(), part.body.as_str(), part.field("vary")), (206, "a", by));
    let beyond = h1_get(&server, "/some/view", &format!("{PAGE}range: bytes=9-\r\n")).await;
    assert_eq!((beyond.status(), beyond.field("vary")), (416, by));
    // Nothing else is answered with a page.
    let mut raw = Raw::connect(&server).await;
    raw.send(format!("POST /some/view HTTP/1.1\r\nhost: test\r\n{PAGE}content-length: 0\r\n\r\n"))
        .await;
    assert_eq!(raw.answer().await.status(), 405);
    raw.send("GET /some/view HTTP/1.0\r\naccept: text/html\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn a_view_has_the_fields_of_its_file() {
    let scratch = Scratch::new();
    scratch.write("index.html.gz", "gzip").write("404.html", "none");
    let not_found = http::StatusCode::NOT_FOUND;
    let sender =
        application(&scratch).precompressed([Coding::Gzip]).error_page(not_found, "404.html");
    let server = serve(sender).await;
    // A pattern is about the file that is sent, not about the path that was asked for.
    for (path, value) in
        [("/some/view", "no-cache"), ("/", "no-cache"), ("/a.js", "max-age=604800")]
    {
        let answer = h1_get(&server, path, PAGE).await;
        assert_eq!(answer.field("cache-control"), Some(value), "{path}");
    }
    let gzip = format!("{PAGE}accept-encoding: gzip\r\n");
    // Read, then from memory.
    for _ in 0..2 {
        let coded = h1_get(&server, "/some/view", &gzip).await;
        assert_eq!((coded.status(), coded.body.as_str()), (200, "gzip"));
        assert_eq!(coded.field("vary"), Some("accept-encoding, accept"));
        let root = h1_get(&server, "/", &gzip).await;
        assert_eq!((root.body.as_str(), root.field("vary")), ("gzip", Some("accept-encoding")));
    }
    let missing = h1_get(&server, "/missing.js", SCRIPT).await;
    assert_eq!((missing.body.as_str(), missing.field("vary")), ("none", Some("accept")));
    // A page that is missing itself.
    let server = serve(scratch.sender().fallback("/missing.html")).await;
    let none = h1_get(&server, "/x", PAGE).await;
    assert_eq!((none.status(), none.field("vary")), (404, Some("accept")));
}
