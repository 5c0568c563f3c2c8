//! Error answers with pages of the site's own.

use http::{Method, StatusCode};
use letterhead::answer::Coding;
use letterhead::{Decision, FileSender, Operation, Recovery};

use crate::client::{H2, Raw, h1_get};
use crate::faults::refuse;
use crate::scratch::Scratch;
use crate::serve::serve;

const PROBLEM: &str = r#"{"type":"about:blank","title":"Not Found","status":404}"#;

#[tokio::test]
async fn the_page_of_a_status_is_sent_with_that_status() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("404.html", "<p>not here</p>").write(".405", "no");
    let sender = scratch
        .sender()
        .precompressed([Coding::Gzip])
        .error_page(StatusCode::NOT_FOUND, "/404.html")
        .error_page(StatusCode::METHOD_NOT_ALLOWED, ".405")
        .error_page(StatusCode::PRECONDITION_FAILED, "404.html")
        .error_page(StatusCode::RANGE_NOT_SATISFIABLE, "404.html")
        .error_page(StatusCode::NOT_MODIFIED, "404.html")
        .error_page(StatusCode::OK, "404.html");
    let server = serve(sender).await;
    let missing = h1_get(&server, "/missing", "range: bytes=0-1\r\nif-none-match: *\r\n").await;
    assert_eq!((missing.status(), missing.body.as_str()), (404, "<p>not here</p>"));
    assert_eq!(missing.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(missing.field("content-length"), Some("15"));
    assert_eq!(missing.field("vary"), None);
    assert_eq!(missing.field("x-content-type-options"), Some("nosniff"));
    // What is true of the page is not true of what was asked for.
    for name in ["etag", "last-modified", "accept-ranges", "content-range", "content-encoding"] {
        assert_eq!(missing.field(name), None, "{name}");
    }
    let missing = h1_get(&server, "/missing", "").await;
    let mut raw = Raw::connect(&server).await;
    raw.send("HEAD /missing HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(raw.head().await, missing.head);
    raw.send("POST /a.txt HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let post = raw.answer().await;
    assert_eq!(
        (post.status(), post.body.as_str(), post.field("allow")),
        (405, "no", Some("GET, HEAD, OPTIONS"))
    );
    assert_eq!(post.field("content-type"), None);
    let h2 = H2::connect(&server).await;
    let answer = h2.get("/missing").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, "<p>not here</p>"));
    let head = h2.request(Method::HEAD, "/missing").await.unwrap();
    assert_eq!((head.field("content-length"), head.body.as_str()), (Some("15"), ""));
    // Whoever has the thing itself is not told that it is not there.
    for (line, status) in [
        ("if-none-match: *", 304),
        ("range: bytes=7-", 416),
        ("if-match: \"x\"", 412),
        ("x: y", 200),
    ] {
        let answer = h1_get(&server, "/a.txt", &format!("{line}\r\n")).await;
        assert_eq!(answer.status(), status, "{line}");
        assert!(!answer.body.contains("not here"), "{line}");
    }
    // A page asked for by its name is a file like any other.
    assert_eq!(h1_get(&server, "/404.html", "").await.status(), 200);
    assert_eq!(h1_get(&server, "/.405", "").await.status(), 404);
}

#[tokio::test]
async fn a_page_that_cannot_be_had_leaves_the_standard_answer() {
    let scratch = Scratch::new();
    scratch.write("secret", "outside").write("root/d/a", "a").link("root/out", "../secret");
    scratch.write("root/large", vec![b'x'; FileSender::CHUNK + 1]).write("root/empty", "");
    scratch.write("root/just", vec![b'x'; FileSender::CHUNK]);
    let sender = || FileSender::new(scratch.path("root")).unwrap();
    for (page, body) in
        [("missing", PROBLEM), ("d", PROBLEM), ("out", PROBLEM), ("large", PROBLEM), ("empty", "")]
    {
        let server = serve(sender().error_page(StatusCode::NOT_FOUND, page)).await;
        let answer = h1_get(&server, "/no", "").await;
        assert_eq!((answer.status(), answer.body.as_str()), (404, body), "{page}");
    }
    let server = serve(sender().error_page(StatusCode::NOT_FOUND, "just")).await;
    assert_eq!(h1_get(&server, "/no", "").await.body.len(), FileSender::CHUNK);
}

#[test]
fn a_failure_has_its_page_if_that_can_be_read_and_is_not_stored() {
    let scratch = Scratch::new();
    scratch.write("503.html", "busy").write("a", "content");
    let busy = Decision::Answer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        retry_after: Some(std::time::Duration::from_secs(7)),
    };
    // A path that leaves the root is as good a failure as any.
    scratch.link("out", "../elsewhere");
    let sender = scratch
        .sender()
        .error_page(StatusCode::SERVICE_UNAVAILABLE, "503.html")
        .recovery(Recovery::standard().on(Operation::Resolve, libc::EXDEV, busy));
    let check = |sender: FileSender, calls: Vec<i64>, path: &'static str, body: &'static str| {
        let serving = move || {
            refuse(calls.into_iter().map(|call| (call, vec![])).collect(), libc::EBUSY);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = serve(sender).await;
                let answer = h1_get(&server, path, "").await;
                assert_eq!(answer.status(), 503);
                assert_eq!(answer.field("cache-control"), Some("no-store"));
                assert!(answer.field("retry-after").is_some());
                assert_eq!(answer.body, body);
            });
        };
        std::thread::spawn(serving).join().unwrap();
    };
    check(sender.clone(), vec![libc::SYS_getdents64], "/out", "busy");
    // Nothing can be read: neither the file nor the page.
    let problem = r#"{"type":"about:blank","title":"Service Unavailable","status":503}"#;
    check(sender, vec![libc::SYS_pread64, libc::SYS_preadv2], "/a", problem);
}
