//! What hyper and h2 do on their own: the facts that the layer leans on.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::Notify;

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::serve::{Act, Body, BoxError, fields, full, script, serve_bare, soon};

/// One poll of a body that is asked directly, without a stream in between.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Data,
    Empty,
    Pending,
    Fail,
    Trailers,
    Panic,
}

type Calls = Arc<Mutex<Vec<&'static str>>>;

/// Takes one step for each poll and writes down what it is asked.
struct Spied {
    steps: Vec<Step>,
    calls: Calls,
    exact: Option<u64>,
}

impl http_body::Body for Spied {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.calls.lock().unwrap().push("poll_frame");
        if self.steps.is_empty() {
            return Poll::Ready(None);
        }
        let frame = match self.steps.remove(0) {
            Step::Data => Ok(Frame::data(Bytes::from_static(b"data"))),
            Step::Empty => Ok(Frame::data(Bytes::new())),
            Step::Trailers => {
                Ok(Frame::trailers(fields(&[("x-sum", "7"), ("content-length", "9")])))
            }
            Step::Fail => Err("failed".into()),
            Step::Panic => panic!("a body"),
            Step::Pending => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.calls.lock().unwrap().push("is_end_stream");
        self.steps.is_empty() && self.exact.is_some()
    }

    fn size_hint(&self) -> SizeHint {
        self.calls.lock().unwrap().push("size_hint");
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A server whose bodies take these steps, with these fields.
async fn spied(
    status: u16,
    steps: &'static [Step],
    exact: Option<u64>,
    lines: &'static [(&'static str, &'static str)],
) -> (crate::serve::Server, Calls) {
    let calls = Calls::default();
    let shared = Arc::clone(&calls);
    let server = serve_bare(move |_| {
        let body = Spied { steps: steps.to_vec(), calls: Arc::clone(&shared), exact };
        async move {
            let mut response = Response::new(body.boxed_unsync());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.headers_mut() = fields(lines);
            response
        }
    })
    .await;
    (server, calls)
}

#[tokio::test]
async fn the_body_is_asked_for_its_end_then_for_its_size_then_for_frames() {
    let (server, calls) = spied(200, &[Step::Data, Step::Data], Some(8), &[]).await;
    h1_get(&server, "/", "").await;
    let expected = [
        "is_end_stream",
        "size_hint",
        "poll_frame",
        "is_end_stream",
        "poll_frame",
        "is_end_stream",
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
    calls.lock().unwrap().clear();
    h2_get(&server, "/").await.unwrap();
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_head_goes_out_while_the_body_is_pending() {
    let server =
        serve_bare(|_| async { Response::new(script([Act::Wait(Arc::new(Notify::new()))])) }).await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    assert_eq!(soon(raw.head()).await, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked");
}

#[tokio::test]
async fn an_error_takes_along_what_was_queued_before_it_unless_a_turn_lies_between() {
    for (steps, expected) in [
        (&[Step::Fail] as &[Step], ""),
        (&[Step::Data, Step::Fail], ""),
        (
            &[Step::Data, Step::Pending, Step::Fail],
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n",
        ),
        (&[Step::Panic], ""),
    ] {
        let (server, _) = spied(200, steps, None, &[]).await;
        let mut raw = Raw::connect(&server).await;
        raw.get("/", "").await;
        let all = raw.rest().await;
        let all: Vec<_> = all.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
        assert_eq!(all.join("\r\n"), expected);
    }
    let (server, _) = spied(200, &[Step::Fail], None, &[]).await;
    assert!(h2_get(&server, "/").await.is_err(), "h2 drops the queued head");
}

#[tokio::test]
async fn without_a_length_a_broken_body_is_closed_like_a_whole_one_on_the_old_version() {
    for steps in [&[Step::Data, Step::Pending, Step::Fail] as &[Step], &[Step::Data]] {
        let (server, _) = spied(200, steps, None, &[]).await;
        let mut raw = Raw::connect(&server).await;
        raw.send("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(raw.head().await, "HTTP/1.0 200 OK");
        assert_eq!(raw.closed().await.unwrap(), "data");
    }
}

#[tokio::test]
async fn empty_frames_leave_no_trace_on_h1() {
    let (server, _) = spied(200, &[Step::Empty, Step::Data, Step::Empty], None, &[]).await;
    assert_eq!(h1_get(&server, "/", "").await.body, "4\r\ndata\r\n0\r\n\r\n");
}

#[tokio::test]
async fn h1_drops_bodies_unpolled_where_there_is_no_content() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let (server, calls) = spied(status, &[Step::Data], Some(4), &[]).await;
        let mut raw = Raw::connect(&server).await;
        raw.send(format!("{method} / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
        raw.head().await;
        assert_eq!(raw.rest().await, "");
        assert!(!calls.lock().unwrap().contains(&"poll_frame"), "{method} {status}");
    }
}

#[tokio::test]
async fn h1_takes_the_length_out_of_a_304_whose_body_is_over() {
    let lines = &[("content-length", "10")];
    let (server, _) = spied(304, &[], Some(0), lines).await;
    assert_eq!(h1_get(&server, "/", "").await.field("content-length"), None);
    let (server, _) = spied(304, &[], None, lines).await;
    assert_eq!(h1_get(&server, "/", "").await.field("content-length"), Some("10"));
}

#[tokio::test]
async fn h2_sends_data_where_there_must_be_none() {
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
        let (server, calls) = spied(status, &[Step::Data], None, &[]).await;
        // The client may refuse the frame; that it was polled for shows that it was sent.
        let _ = H2::connect(&server).await.request(method, "/").await;
        assert!(calls.lock().unwrap().contains(&"poll_frame"), "{status}");
    }
}

#[tokio::test]
async fn h1_sends_trailers_only_if_all_is_right_but_their_announcement_always() {
    let steps = &[Step::Data, Step::Trailers];
    let announced = &[("trailer", "x-sum, content-length")];
    for (te, exact, lines, expected) in [
        ("te: trailers\r\n", None, announced as &[_], "4\r\ndata\r\n0\r\nx-sum: 7\r\n\r\n"),
        ("te: gzip\r\n", None, announced, "4\r\ndata\r\n0\r\n\r\n"),
        ("te: trailers\r\n", None, &[], "4\r\ndata\r\n0\r\n\r\n"),
        ("te: trailers\r\n", Some(4), announced, "data"),
    ] {
        let (server, _) = spied(200, steps, exact, lines).await;
        let answer = h1_get(&server, "/", te).await;
        assert_eq!(answer.body, expected);
        assert_eq!(answer.field("trailer").is_some(), !lines.is_empty());
    }
}

#[tokio::test]
async fn h2_sends_any_trailer_and_clients_kill_the_stream_for_it() {
    let (server, _) = spied(200, &[Step::Data, Step::Trailers], None, &[]).await;
    let answer = h2_get(&server, "/").await;
    // The h2 crate as a client lets it through; nghttp2 and curl do not.
    assert_eq!(answer.unwrap().trailers.unwrap()["content-length"], "9");
}

#[tokio::test]
async fn the_reset_code_comes_from_an_h2_error_among_the_sources() {
    #[derive(Debug)]
    struct Outer(h2::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let server = serve_bare(|_| async {
        let error = Outer(h2::Reason::ENHANCE_YOUR_CALM.into());
        let pause = Act::Sleep(std::time::Duration::from_millis(20));
        let body: Body = script([Act::Data("x"), pause, Act::Fail(Box::new(error))]);
        Response::new(body)
    })
    .await;
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.reset, Some(h2::Reason::ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn axum_gives_a_head_answer_a_zero_where_the_layer_inside_would_tell_one() {
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "body" }));
    let emptied =
        router.layer(tower::util::MapResponseLayer::new(|response: Response<axum::body::Body>| {
            response.map(|_| axum::body::Body::empty())
        }));
    let server = crate::serve::serve(emptied).await;
    let mut raw = Raw::connect(&server).await;
    raw.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(raw.head().await.ends_with("content-length: 0"));
    let answer = serve_bare(|_| async { Response::new(full("body")) }).await;
    assert_eq!(h1_get(&answer, "/", "").await.field("content-length"), Some("4"));
}
