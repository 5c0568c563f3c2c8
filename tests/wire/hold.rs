//! The hold on the wire: what it waits for, what it lets land, and what is never held.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use letterhead::{CommitCause, Hold, LetterheadLayer, Outcome, Placed, Stage};
use tokio::sync::Notify;

use crate::client::{Raw, h1_get, h2_get};
use crate::serve::{
    Act, BoxError, chunks, collected, empty, full, script, serve, serve_layer, soon,
};

/// So long that a test which waits for it fails by [`soon`].
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_write_before_the_first_frame_lands_in_the_head() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, head| async move {
        let late = move || {
            assert_eq!((head.stage(), head.wrote_header()), (Stage::Held, false));
            assert_eq!(head.insert("x-late", "landed"), Placed::Head);
        };
        Response::new(script([Act::Do(Box::new(late)), Act::Data("hello")]))
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nx-late: landed\r\ntransfer-encoding: chunked");
    assert_eq!(answer.body, "5\r\nhello\r\n0\r\n\r\n");
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.field("x-late"), Some("landed"));
    for _ in 0..2 {
        let seen = receipts.next().await;
        assert_eq!(seen.cause, Some(CommitCause::FirstFrame), "{}", seen.line);
        assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
        assert_eq!((seen.held, seen.sent), (5, 5));
    }
}

/// The head of a response with this field goes out while its body has nothing to say.
async fn check_never_held(name: &'static str, value: &'static str) {
    let (layer, mut receipts) =
        collected(LetterheadLayer::new().hold(Hold::up_to(99).deadline(NEVER)));
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let server = serve_layer(layer, move |_, _| {
        let wait = Arc::clone(&wait);
        async move {
            let mut response = Response::new(script([Act::Wait(wait), Act::Data("event")]));
            response.headers_mut().insert(name, value.parse().unwrap());
            response
        }
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    let head = soon(raw.head()).await;
    assert!(head.contains(value), "{head}");
    go.notify_one();
    assert_eq!(raw.until("\r\n0\r\n\r\n").await, "5\r\nevent\r\n0\r\n\r\n");
    assert_eq!(receipts.next().await.cause, Some(CommitCause::NotHeld), "{name}: {value}");
}

#[tokio::test]
async fn kinds_that_live_by_being_sent_at_once_are_never_held() {
    for kind in [
        "text/event-stream; charset=utf-8",
        "application/x-ndjson",
        "application/json-seq",
        "multipart/x-mixed-replace; boundary=x",
        "application/grpc",
        "application/grpc-web+proto",
        "application/connect+json",
    ] {
        check_never_held("content-type", kind).await;
    }
    check_never_held("x-accel-buffering", "no").await;
}

#[tokio::test]
async fn a_hold_in_the_extensions_is_for_that_response() {
    let (layer, mut receipts) =
        collected(LetterheadLayer::new().hold(Hold::first_frame().deadline(NEVER)));
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let server = serve_layer(layer, move |_, _| {
        let wait = Arc::clone(&wait);
        async move {
            let mut response = Response::new(script([Act::Wait(wait), Act::Data("x")]));
            response.extensions_mut().insert(Hold::none());
            response
        }
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    soon(raw.head()).await;
    go.notify_one();
    raw.until("0\r\n\r\n").await;
    assert_eq!(receipts.next().await.cause, Some(CommitCause::NotHeld));
}

#[tokio::test]
async fn bodies_that_are_over_are_not_held() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, _| async { Response::new(empty()) }).await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\ncontent-length: 0");
    let seen = receipts.next().await;
    assert_eq!((seen.cause, seen.sent), (Some(CommitCause::EndOfBody), 0));
    assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
}

#[tokio::test]
async fn a_small_body_is_held_whole_and_a_large_one_up_to_the_limit() {
    let (layer, mut receipts) = collected(LetterheadLayer::new().hold(Hold::up_to(6)));
    let server = serve_layer(layer, |request, _| async move {
        Response::new(match request.uri().path() {
            "/small" => chunks(&["ab", "", "cd"]),
            "/exact" => chunks(&["abc", "def", "g"]),
            "/large-frame" => chunks(&["a", "bcdefghi", "j"]),
            _ => full("known"),
        })
    })
    .await;
    for (path, head, body, cause, held) in [
        ("/small", "content-length: 4", "abcd", CommitCause::EndOfBody, 4),
        ("/known", "content-length: 5", "known", CommitCause::EndOfBody, 5),
        (
            "/exact",
            "transfer-encoding: chunked",
            "3\r\nabc\r\n3\r\ndef\r\n1\r\ng\r\n0\r\n\r\n",
            CommitCause::Bytes,
            6,
        ),
        (
            "/large-frame",
            "transfer-encoding: chunked",
            "1\r\na\r\n8\r\nbcdefghi\r\n1\r\nj\r\n0\r\n\r\n",
            CommitCause::Bytes,
            9,
        ),
    ] {
        let answer = h1_get(&server, path, "").await;
        assert_eq!(answer.head, format!("HTTP/1.1 200 OK\r\n{head}"));
        assert_eq!(answer.body, body);
        let seen = receipts.next().await;
        assert_eq!((seen.cause, seen.held), (Some(cause), held), "{path}: {}", seen.line);
    }
}

#[tokio::test]
async fn a_body_that_answers_its_own_request_does_not_wait_for_ever() {
    // The first chunk of the answer comes after the first chunk of the question, which this
    // client sends only when it has the head: the deadline breaks the circle.
    let hold = Hold::first_frame().deadline(Duration::from_millis(10));
    let echo = tower::service_fn(|request: Request<hyper::body::Incoming>| async move {
        let body = request.into_body().map_err(Into::<BoxError>::into).boxed_unsync();
        Ok::<_, std::convert::Infallible>(Response::new(body))
    });
    let server = serve(tower::Layer::layer(&LetterheadLayer::new().hold(hold), echo)).await;
    let mut raw = Raw::connect(&server).await;
    raw.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(soon(raw.head()).await, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked");
    for word in ["one", "two"] {
        raw.send(format!("3\r\n{word}\r\n")).await;
        assert_eq!(soon(raw.until("\r\n")).await, "3\r\n");
        assert_eq!(soon(raw.until("\r\n")).await, format!("{word}\r\n"));
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(soon(raw.until("\r\n\r\n")).await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_told_to() {
    let server = serve_layer(LetterheadLayer::new(), |request, _| async move {
        Response::new(request.into_body().map_err(Into::into).boxed_unsync())
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.send("POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(soon(raw.head()).await, "HTTP/1.1 100 Continue");
    raw.send("ok").await;
    let answer = soon(raw.answer()).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "ok"));
}
