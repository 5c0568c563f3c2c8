//! Another service behind the files.

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get, post};
use http::{Method, StatusCode};
use letterhead::{LetterheadLayer, Outcome};
use tower::Layer as _;

use crate::client::{H2, Raw, h1_get};
use crate::scratch::Scratch;
use crate::serve::{collected, serve};

fn next() -> Router {
    Router::new()
        .route("/echo", post(|body: String| async move { format!("got {body}") }))
        .route("/d/", get(|| async { "a view" }))
        .route("/teapot", get(|| async { (StatusCode::IM_A_TEAPOT, "short and stout") }))
        .route("/.hidden", any(|r: Request| async move { format!("{} it", r.method()) }))
}

#[tokio::test]
async fn what_is_no_file_goes_to_the_next_service_with_its_body() {
    let scratch = Scratch::new();
    scratch
        .write("a.txt", "content")
        .write("echo", "a file")
        .write(".hidden", "h")
        .write("d/x", "x");
    scratch.write("404.html", "page");
    let files = scratch.sender().error_page(StatusCode::NOT_FOUND, "404.html");
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let app =
        Router::new().route("/api", get(|| async { "api" })).fallback_service(files.or(next()));
    let server = serve(layer.layer(app)).await;
    let h2 = H2::connect(&server).await;
    for (path, status, body) in [
        ("/a.txt", 200, "content"),
        ("/echo", 200, "a file"),
        ("/d/", 200, "a view"),
        ("/teapot", 418, "short and stout"),
        ("/.hidden", 200, "GET it"),
        ("/missing", 404, ""),
        ("/api", 200, "api"),
    ] {
        let answer = h1_get(&server, path, "").await;
        assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{path}");
        let receipt = receipts.next().await;
        assert!(matches!(receipt.outcome, Outcome::Handed), "{}", receipt.line);
        let answer = h2.get(path).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, body), "{path}");
        receipts.next().await;
    }
    // The sender's other answers are its own.
    assert_eq!(h1_get(&server, "/a.txt", "range: bytes=9-\r\n").await.status(), 416);
    assert_eq!(h1_get(&server, "/a.txt", "if-none-match: *\r\n").await.status(), 304);
    assert_eq!(h1_get(&server, "/d", "").await.status(), 308);
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody").await;
    assert_eq!(raw.answer().await.body, "got body");
    raw.send("OPTIONS /.hidden HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(raw.answer().await.body, "OPTIONS it");
    raw.send("DELETE /echo HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let denied = raw.answer().await;
    assert_eq!((denied.status(), denied.field("allow")), (405, Some("POST")));
    // A GET with a body, which was not read before it was handed on.
    raw.send("GET /.hidden HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody").await;
    assert_eq!(raw.answer().await.body, "GET it");
    raw.send("HEAD /a.txt HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(raw.head().await.contains("\r\ncontent-length: 7"));
    assert_eq!(h2.request(Method::HEAD, "/missing").await.unwrap().status.as_u16(), 404);
}

#[tokio::test]
async fn the_body_of_a_request_comes_to_the_next_service_whole() {
    let scratch = Scratch::new();
    let next =
        Router::new().route("/upload", any(|body: String| async move { body.len().to_string() }));
    let server = serve(scratch.sender().or(next)).await;
    let body = "x".repeat(300_000);
    for method in ["GET", "PUT"] {
        let mut raw = Raw::connect(&server).await;
        let head =
            format!("{method} /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 300000\r\n\r\n");
        raw.send(head + &body).await;
        assert_eq!(raw.answer().await.body, "300000", "{method}");
    }
}

#[tokio::test]
async fn the_service_behind_is_asked_only_when_it_is_ready() {
    use std::future::{Ready, ready};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll};

    /// Answers only through a clone that was polled ready.
    struct Strict {
        is_ready: bool,
        called: Arc<AtomicU32>,
    }

    impl Clone for Strict {
        fn clone(&self) -> Self {
            Self { is_ready: false, called: Arc::clone(&self.called) }
        }
    }

    impl tower::Service<http::Request<()>> for Strict {
        type Response = http::Response<axum::body::Body>;
        type Error = std::io::Error;
        type Future = Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            self.is_ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: http::Request<()>) -> Self::Future {
            assert!(self.is_ready, "not ready");
            self.called.fetch_add(1, Ordering::Relaxed);
            ready(Err(std::io::Error::other("of the next service")))
        }
    }

    let scratch = Scratch::new();
    scratch.write("a", "content");
    let called = Arc::new(AtomicU32::new(0));
    let mut service = scratch.sender().or(Strict { is_ready: false, called: Arc::clone(&called) });
    for (path, is_file) in [("/a", true), ("/b", false), ("/a", true), ("/b", false)] {
        let request = http::Request::get(path).body(()).unwrap();
        let service = tower::ServiceExt::ready(&mut service).await.unwrap();
        let answer = tower::Service::call(service, request).await;
        assert_eq!(answer.is_ok(), is_file, "{path}");
    }
    assert_eq!(called.load(Ordering::Relaxed), 2);
}
