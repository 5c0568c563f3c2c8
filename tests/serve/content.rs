//! The content of requests: it comes in time, or not at all; and who must say which host it is for.

use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::routing::post;
use http_body_util::BodyExt as _;
use letterhead::serve::{BodyTimeout, RequestBodyError};
use tokio::io::AsyncWriteExt as _;

use crate::client::{H2, Raw, whole};
use crate::figures::figures;
use crate::running::{Running, SHORT, soon};
use crate::skip;

/// The reads of a body end with this error.
fn is_timeout(error: &axum::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<RequestBodyError>().is_some_and(RequestBodyError::is_timeout) {
            return true;
        }
        next = error.source();
    }
    false
}

fn app() -> Router {
    Router::new()
        .route("/echo", post(|body: Bytes| async move { body }))
        // It does something else for a long time, and then reads.
        .route(
            "/later",
            post(|request: Request| async move {
                tokio::time::sleep(SHORT * 3).await;
                request
                    .into_body()
                    .collect()
                    .await
                    .map(http_body_util::Collected::to_bytes)
                    .unwrap()
            }),
        )
        // It says that it may take any time.
        .route(
            "/patient",
            post(|request: Request| async move {
                request.extensions().get::<BodyTimeout>().unwrap().set(Duration::MAX);
                request
                    .into_body()
                    .collect()
                    .await
                    .map(http_body_util::Collected::to_bytes)
                    .unwrap()
            }),
        )
        // An error is no reason for it to fail.
        .route(
            "/partly",
            post(|request: Request| async move {
                let error = request.into_body().collect().await.unwrap_err();
                assert!(is_timeout(&error), "{error:?}");
                "some of it"
            }),
        )
}

async fn server() -> Running {
    Running::routed(app(), |serve| serve.body_timeout(SHORT)).await
}

const POST: &str = "HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n";

#[tokio::test]
async fn content_that_does_not_come_is_answered_with_408() {
    let server = server().await;
    for half in ["", "fo"] {
        for chunked in [false, true] {
            let mut raw = Raw::connect(server.addr).await;
            let begun = Instant::now();
            let head = if chunked {
                format!(
                    "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{half}"
                )
            } else {
                format!("POST /echo {POST}{half}")
            };
            raw.send(head).await;
            let head = raw.head().await;
            let took = begun.elapsed();
            assert!(head.starts_with("http/1.1 408 "), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            assert!(took >= SHORT, "{took:?}");
            raw.end().await.unwrap();
            if half.is_empty() && !chunked {
                figures(
                    "serve-content",
                    &format!("no content, body_timeout {SHORT:?}: 408 after {took:?}"),
                );
            }
        }
    }
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn a_stream_whose_content_does_not_come_is_answered_with_408() {
    let server = server().await;
    let h2 = H2::connect(server.addr).await;
    let (answer, mut content) = h2.post("/echo", &[]).await;
    content.send_data("fo".into(), false).unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 408);
    // The others are well.
    let (answer, mut content) = h2.post("/echo", &[]).await;
    content.send_data("four".into(), true).unwrap();
    assert_eq!(whole(soon(answer).await.unwrap()).await.unwrap(), b"four");
}

#[tokio::test]
async fn content_that_trickles_in_is_no_offence() {
    let server = server().await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(format!("POST /echo {POST}")).await;
    for byte in ["f", "o", "u", "r"] {
        tokio::time::sleep(SHORT / 2).await;
        raw.send(byte).await;
    }
    assert_eq!(raw.answer().await, (200, b"four".to_vec()));
}

#[tokio::test]
async fn only_the_time_counts_in_which_the_handler_waits() {
    let server = server().await;
    for path in ["/later", "/patient"] {
        let mut raw = Raw::connect(server.addr).await;
        raw.send(format!("POST {path} {POST}fo")).await;
        // Longer than the time-out; the one handler does not wait yet, the other one may wait.
        tokio::time::sleep(SHORT * 2).await;
        raw.send("ur").await;
        assert_eq!(raw.answer().await, (200, b"four".to_vec()), "{path}");
    }
    // What a service has answered all the same stands.
    let mut raw = Raw::connect(server.addr).await;
    raw.send(format!("POST /partly {POST}fo")).await;
    assert_eq!(raw.answer().await, (200, b"some of it".to_vec()));
}

#[tokio::test]
async fn the_streams_of_grpc_may_take_any_time() {
    let server = server().await;
    let h2 = H2::connect(server.addr).await;
    let (answer, mut content) =
        h2.post("/echo", &[("content-type", "application/grpc+proto")]).await;
    tokio::time::sleep(SHORT * 3).await;
    content.send_data("four".into(), true).unwrap();
    assert_eq!(whole(soon(answer).await.unwrap()).await.unwrap(), b"four");
}

const EXPECTS: &str =
    "POST /patient HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";

#[tokio::test]
async fn a_server_that_ends_asks_for_no_content() {
    let mut server = Running::routed(
        app().route(
            "/gated",
            post(|request: Request| async move {
                tokio::time::sleep(SHORT * 2).await;
                let content = request.into_body().collect().await;
                content
                    .map(http_body_util::Collected::to_bytes)
                    .map_err(|_| http::StatusCode::BAD_REQUEST)
            }),
        ),
        |serve| serve,
    )
    .await;
    let mut asked = Raw::connect(server.addr).await;
    asked.send(EXPECTS).await;
    assert!(asked.head().await.starts_with("http/1.1 100 "));
    let mut late = Raw::connect(server.addr).await;
    late.send(EXPECTS.replace("/patient", "/gated")).await;
    // One that is served behind them, so that the server has seen what they sent.
    let mut last = Raw::connect(server.addr).await;
    last.get("/").await;
    last.head().await;
    server.stop();
    let head = late.head().await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(head.contains("retry-after: 1") && head.contains("connection: close"), "{head}");
    late.end().await.unwrap();
    // Who was told to go on goes on.
    asked.send("four").await;
    assert_eq!(asked.answer().await, (200, b"four".to_vec()));
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn content_that_nobody_wants_is_not_asked_for() {
    let server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(EXPECTS.replace("/patient", "/refuse")).await;
    assert!(raw.head().await.starts_with("http/1.1 413 "));
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn there_is_one_host() {
    let server = Running::start(|serve| serve).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\ncontent-length: 4\r\n\r\nfour", 400),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut raw = Raw::connect(server.addr).await;
        raw.send(request).await;
        assert_eq!(raw.answer().await.0, status, "{request}");
        if status == 400 {
            assert_eq!(raw.rest().await, "", "{request}");
        }
    }
    // A stream says it in a field of its own.
    let h2 = H2::connect(server.addr).await;
    assert_eq!(h2.get("/").await.unwrap().status(), 200);
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_gets_its_answer() {
    let server = Running::start(|serve| serve).await;
    let post = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nfour";
    let get = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    for (request, answers) in [
        (get.to_owned(), vec!["hello"]),
        (post.to_owned(), vec!["four"]),
        (format!("{post}{get}"), vec!["four", "hello"]),
    ] {
        let mut raw = Raw::connect(server.addr).await;
        raw.send(&request).await;
        raw.stream.shutdown().await.unwrap();
        for answer in answers {
            assert_eq!(raw.answer().await, (200, answer.as_bytes().to_vec()), "{request}");
        }
        raw.end().await.unwrap();
    }
    // A slow one, too.
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    raw.stream.shutdown().await.unwrap();
    tokio::time::sleep(SHORT).await;
    server.gate.notify_one();
    raw.until("end").await;
    raw.end().await.unwrap();
}

#[tokio::test]
async fn a_client_that_may_have_gone_is_not_waited_for_without_end() {
    let server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    raw.stream.shutdown().await.unwrap();
    let begun = Instant::now();
    while raw.more().await {}
    assert!(begun.elapsed() >= SHORT * 9 / 10, "{:?}", begun.elapsed());
    // And one whose content was cut short is not answered at all.
    let mut raw = Raw::connect(server.addr).await;
    raw.send(format!("POST /echo {POST}fo")).await;
    raw.stream.shutdown().await.unwrap();
    assert!(!raw.rest().await.contains(" 200 "));
}

/// More than the windows hold.
const UPLOAD: usize = 8 << 20;

#[tokio::test]
async fn a_stream_that_is_refused_while_it_is_sent_is_read_for_a_while() {
    let server = Running::start(|serve| serve).await;
    let h2 = H2::connect(server.addr).await;
    let (answer, mut content) = h2.post("/refuse", &[]).await;
    assert_eq!(soon(answer).await.unwrap().status(), 413);
    // It is not reset, and may send all of it.
    let mut left = UPLOAD;
    while left > 0 {
        content.reserve_capacity(left.min(64 * 1024));
        let room = soon(std::future::poll_fn(|cx| content.poll_capacity(cx))).await;
        let room = room.unwrap().unwrap().min(left);
        content.send_data(vec![b'a'; room].into(), left == room).unwrap();
        left -= room;
    }
    // One that sends nothing more is reset, without an error, in its time.
    let (answer, mut content) = h2.post("/refuse", &[]).await;
    assert_eq!(soon(answer).await.unwrap().status(), 413);
    let reason = soon(std::future::poll_fn(|cx| content.poll_reset(cx))).await.unwrap();
    assert_eq!(reason, h2::Reason::NO_ERROR);
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn curl_sees_why_its_upload_was_refused() {
    if !skip::has("curl") {
        return skip::tool("curl");
    }
    let server = Running::start(|serve| serve).await;
    let file = tempfile_of(UPLOAD);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "20", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code}", version, "--header", "expect:", "--upload-file"]);
        curl.arg(&file).arg(format!("http://{}/refuse", server.addr));
        let output = tokio::task::spawn_blocking(move || curl.output()).await.unwrap().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out == "413", "{version}: {out} {err}");
    }
    std::fs::remove_file(file).unwrap();
}

fn tempfile_of(bytes: usize) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("letterhead-upload-{}", std::process::id()));
    std::fs::write(&path, vec![b'a'; bytes]).unwrap();
    path
}
