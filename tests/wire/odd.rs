//! Bodies and writes that are legal and odd: lengths told once, words that come late, trailers behind an exact size.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use letterhead::{Head, Hold, LetterheadLayer, Mended, Note, Origin, Outcome, Placed, Recover};
use tokio::sync::Notify;

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::serve::{Act, Body, BoxError, chunks, collected, empty, fields, script, serve_layer};

const NEVER: Duration = Duration::from_secs(3600);

/// Frames of a length that is told in advance; the end is only told when it is asked for.
struct Exact {
    frames: Vec<&'static str>,
    /// Goes on telling the whole length, as no body should.
    constant: Option<u64>,
    /// Written to after the first frame.
    head: Option<Head>,
}

impl http_body::Body for Exact {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.frames.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(head) = self.head.take_if(|head| head.wrote_header()) {
            assert_eq!(head.insert("x-sum", "7"), Placed::Trailers);
        }
        let frame = self.frames.remove(0);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(frame.as_bytes())))))
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.frames.iter().map(|frame| frame.len() as u64).sum();
        SizeHint::with_exact(self.constant.unwrap_or(rest))
    }
}

fn with_length(length: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-length", HeaderValue::from_static(length));
    response
}

#[tokio::test]
async fn late_trailers_follow_a_body_of_exact_size() {
    let server = serve_layer(LetterheadLayer::new(), |_, head| async move {
        assert_eq!(head.promise("x-sum"), Placed::Trailers);
        let frames = vec!["abc", "de"];
        Response::new(Exact { frames, constant: None, head: Some(head) }.boxed_unsync())
    })
    .await;
    let answer = h1_get(&server, "/", "te: trailers\r\n").await;
    assert_eq!(answer.body, "3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 7\r\n\r\n");
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!((answer.body.as_str(), answer.reset), ("abcde", None));
    assert_eq!(answer.trailers.unwrap()["x-sum"], "7");
}

#[tokio::test]
async fn a_length_that_is_told_again_and_again_is_believed_once() {
    let server = serve_layer(LetterheadLayer::new(), |_, _| async {
        let frames = vec!["abc", "de"];
        Response::new(Exact { frames, constant: Some(5), head: None }.boxed_unsync())
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!((answer.field("content-length"), answer.body.as_str()), (Some("5"), "abcde"));
}

#[tokio::test]
async fn bytes_that_come_late_and_past_the_length_break_the_response_off() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, _| async {
        let pause = Act::Sleep(Duration::from_millis(5));
        with_length("3", script([Act::Data("123"), pause, Act::Data("45")]))
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    let all = raw.rest().await;
    assert!(all.ends_with("\r\n\r\n"), "the frame that seemed to be the last is kept back: {all}");
    let seen = receipts.next().await;
    let text = "content-length says 3, body went on to 5";
    assert!(matches!(seen.outcome, Outcome::Aborted(_)) && seen.line.contains(text), "{seen:?}");
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!((answer.body.as_str(), answer.reset), ("123", Some(h2::Reason::INTERNAL_ERROR)));
}

#[tokio::test]
async fn a_body_that_is_silent_after_its_last_declared_byte_is_over_at_the_deadline() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, _| async {
        with_length("3", script([Act::Data("123"), Act::Wait(Arc::new(Notify::new()))]))
    })
    .await;
    assert_eq!(h1_get(&server, "/", "").await.body, "123");
    let seen = receipts.next().await;
    assert_eq!(seen.notes, [Note::EndUnseen]);
    assert!(matches!(seen.outcome, Outcome::Handed), "{seen:?}");
}

#[tokio::test]
async fn a_zero_that_nobody_can_vouch_for_is_not_sent() {
    for (texts, body) in [(&["12345"] as &[&str], "5\r\n12345\r\n0\r\n\r\n"), (&[], "0\r\n\r\n")] {
        let (layer, mut receipts) = collected(LetterheadLayer::new().hold(Hold::none()));
        let server =
            serve_layer(layer, move |_, _| async move { with_length("0", chunks(texts)) }).await;
        let answer = h1_get(&server, "/", "").await;
        assert_eq!((answer.field("content-length"), answer.body.as_str()), (None, body));
        let seen = receipts.next().await;
        assert_eq!(seen.notes, [Note::Mended(Mended::UnprovedZero)]);
        assert!(matches!(seen.outcome, Outcome::Handed), "{seen:?}");
    }
}

#[tokio::test]
async fn an_exact_zero_is_complete_though_nobody_polls_it() {
    let (layer, mut receipts) = collected(LetterheadLayer::new().hold(Hold::none()));
    let server = serve_layer(layer, |_, _| async {
        Response::new(Exact { frames: vec![], constant: None, head: None }.boxed_unsync())
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.field("content-length"), Some("0"));
    assert!(matches!(receipts.next().await.outcome, Outcome::Handed));
}

#[tokio::test]
async fn blanks_around_a_length_do_not_drop_the_connection() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, _| async {
        let mut response = Response::new(chunks(&["123", "45"]));
        let length = HeaderValue::from_bytes(b" 5").unwrap();
        response.headers_mut().insert("content-length", length);
        response
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!((answer.field("content-length"), answer.body.as_str()), (Some("5"), "12345"));
    assert_eq!(receipts.next().await.notes, [Note::Mended(Mended::UntidyLength)]);
}

#[tokio::test]
async fn a_head_answer_tells_no_length_where_get_has_a_coding() {
    let server = serve_layer(LetterheadLayer::new(), |_, _| async {
        let mut response = Response::new(crate::serve::full("12345"));
        let coding = HeaderValue::from_static("gzip, chunked");
        response.headers_mut().insert("transfer-encoding", coding);
        response
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.send("HEAD / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
    assert!(!raw.rest().await.contains("content-length"));
}

#[tokio::test]
async fn a_kind_or_status_written_through_the_head_decides_about_the_hold() {
    let writes: [fn(&Head) -> Placed; 3] = [
        |head| head.insert("content-type", "text/event-stream"),
        |head| head.insert("x-accel-buffering", "no"),
        |head| head.set_status(StatusCode::NO_CONTENT),
    ];
    for write in writes {
        let hold = Hold::first_frame().deadline(NEVER);
        let server = serve_layer(LetterheadLayer::new().hold(hold), move |_, head| async move {
            assert!(write(&head).is_placed());
            Response::new(script([Act::Wait(Arc::new(Notify::new()))]))
        })
        .await;
        let mut raw = Raw::connect(&server).await;
        raw.get("/", "").await;
        // It is here, though the deadline is an hour away.
        assert!(raw.head().await.starts_with("HTTP/1.1 20"));
    }
}

#[tokio::test]
async fn trailers_alone_bring_no_length_for_grpc() {
    let server = serve_layer(LetterheadLayer::new(), |_, _| async {
        let trailers = Act::Trailers(fields(&[("grpc-status", "5")]));
        let mut response = Response::new(script([trailers]));
        let kind = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", kind);
        response
    })
    .await;
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.field("content-length"), None);
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "5");
}

/// Breaks off with this error and this chosen code; the code that the client is given.
async fn code_of(error: fn() -> BoxError, chosen: u32) -> Option<h2::Reason> {
    struct Chosen(u32);
    impl Recover for Chosen {
        fn reset_code(&self, _: &letterhead::Failure<'_>) -> letterhead::ResetCode {
            letterhead::ResetCode::new(self.0)
        }
    }
    let layer = LetterheadLayer::new().recover(Chosen(chosen));
    let server = serve_layer(layer, move |_, _| async move {
        let pause = Act::Sleep(Duration::from_millis(20));
        Response::new(script([Act::Data("half"), pause, Act::Fail(error())]))
    })
    .await;
    h2_get(&server, "/").await.unwrap().reset
}

#[tokio::test]
async fn no_code_is_a_clean_end_and_the_one_that_is_chosen_is_sent() {
    let plain = || BoxError::from("no");
    let none: fn() -> BoxError = || h2::Error::from(h2::Reason::NO_ERROR).into();
    let wrapped: fn() -> BoxError =
        || std::io::Error::other(h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM)).into();
    assert_eq!(code_of(plain, 0).await, Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(code_of(plain, 0xa).await, Some(h2::Reason::CONNECT_ERROR));
    assert_eq!(code_of(none, 0).await, Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(code_of(none, 0xa).await, Some(h2::Reason::CONNECT_ERROR));
    assert_eq!(code_of(wrapped, 0xa).await, Some(h2::Reason::CONNECT_ERROR));
}

#[tokio::test]
async fn the_first_failure_is_the_failure_and_the_second_a_note() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, head| async move {
        head.before_commit(|_| Err::<(), _>("the hook said no")).unwrap();
        Response::new(script([Act::Fail("disk on fire".into())]))
    })
    .await;
    assert_eq!(h1_get(&server, "/", "").await.status(), 500);
    let seen = receipts.next().await;
    assert_eq!(seen.failure.unwrap(), "the response body failed: disk on fire");
    let text = "a before-commit hook failed: the hook said no";
    assert_eq!(seen.notes, [Note::AlsoFailed(text.to_owned())]);
}

#[tokio::test]
async fn a_failed_upgrade_leaves_no_handshake_and_no_cache_a_reason_to_keep_the_error() {
    let server = serve_layer(LetterheadLayer::new(), |_, head| async move {
        head.before_commit(|_| Err::<(), _>("no")).unwrap();
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = fields(&[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", "x"),
            ("surrogate-control", "max-age=3600"),
            ("x-accel-expires", "3600"),
            ("cloudflare-cdn-cache-control", "max-age=3600"),
        ]);
        response
    })
    .await;
    let answer = h1_get(&server, "/", "connection: upgrade\r\nupgrade: websocket\r\n").await;
    let expected = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/problem+json\r\n\
                    cache-control: no-store\r\ncontent-length: 67";
    assert_eq!(answer.head, expected);
}

#[tokio::test]
async fn a_failure_that_passes_through_comes_after_what_was_held() {
    struct Through;
    impl Recover for Through {
        fn passes_through(&self, _: Origin) -> bool {
            true
        }
    }
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let layer = layer.recover(Through).hold(Hold::up_to(100));
    let server = serve_layer(layer, |_, _| async {
        Response::new(script([Act::Data("abc"), Act::Fail("no".into())]))
    })
    .await;
    let h2 = H2::connect(&server).await;
    // hyper drops what came just before the error on both protocols; the receipt has the bytes.
    assert!(h2.request(Method::GET, "/").await.is_err());
    let seen = receipts.next().await;
    assert_eq!((seen.held, seen.sent), (3, 3));
    assert!(matches!(seen.outcome, Outcome::Aborted(_)), "{seen:?}");
}

#[tokio::test]
async fn the_ledger_knows_what_truly_became_of_a_write() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |request, head| async move {
        let late = |writes: fn(&Head), head: Head| Act::Do(Box::new(move || writes(&head)));
        match request.uri().path() {
            "/mended" => {
                let hook = head.before_commit(|draft| {
                    let _ = draft.insert("content-length", "3");
                    let _ = draft.insert("transfer-encoding", "chunked");
                    let _ = draft.insert("trailer", "x-a");
                });
                hook.expect("the head is open");
                Response::new(crate::serve::full("12345"))
            }
            "/twice" => {
                let _ = head.promise("x-sum");
                let writes = |head: &Head| {
                    let _ = head.insert("x-sum", "1");
                    let _ = head.insert("x-sum", "2");
                    let _ = head.set_default("x-sum", "3");
                };
                Response::new(script([Act::Data("a"), late(writes, head), Act::Data("b")]))
            }
            "/aborted" => {
                let _ = head.promise("x-sum");
                let writes = |head: &Head| {
                    let _ = head.insert("x-sum", "1");
                };
                let acts = [Act::Data("a"), late(writes, head), Act::Fail("no".into())];
                Response::new(script(acts))
            }
            _ => {
                let _ = head.insert("x bad", "1");
                let _ = head.insert("x-good", "a\nb");
                let _ = head.set_status(StatusCode::EARLY_HINTS);
                Response::new(empty())
            }
        }
    })
    .await;
    let refused = ["not a field name", "not a field value", "not a final status"];
    for (path, fates) in [
        ("/mended", &["mended with the framing"; 3] as &[&str]),
        ("/twice", &["in trailers", "overridden", "in trailers", "yielded"]),
        ("/aborted", &["in trailers", "never sent"]),
        ("/refused", &refused.map(|_| "refused")),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.get(path, "te: trailers\r\nconnection: close\r\n").await;
        raw.rest().await;
        let writes = receipts.next().await.writes;
        assert_eq!(writes.len(), fates.len(), "{writes:?}");
        for (write, fate) in writes.iter().zip(fates) {
            assert!(
                write.contains(&format!(": {fate}")),
                "{path}: wanted {fate:?}, found {write:?}"
            );
        }
        if path == "/refused" {
            assert!(writes[1].starts_with("insert x-good by"), "{writes:?}");
            assert!(writes[2].starts_with("status 103 by"), "{writes:?}");
        }
    }
}
