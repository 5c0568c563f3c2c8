//! Failures: before the commit a true status, after it never a clean end.

use std::io;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use letterhead::{
    ErrorAnswer, Failure, Head, LetterheadLayer, Note, Origin, Outcome, Recover, ResetCode,
};
use tower::{Layer as _, service_fn};

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::serve::{Act, Body, BoxError, Server, collected, full, script, serve, serve_layer};

/// A response with fields of both natures, whose body does these things.
fn dressed(acts: Vec<Act>) -> Response<Body> {
    let mut response = Response::new(script(acts));
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("set-cookie", "a=b"),
        ("set-cookie", "c=d"),
        ("x-request-id", "7"),
        ("etag", "\"1\""),
        ("content-length", "1000"),
        ("content-type", "text/plain"),
        ("cache-control", "public, max-age=60"),
        ("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"),
    ] {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// Fails as the path says.
async fn fail(request: Request<Incoming>, _: Head) -> Response<Body> {
    let errno = |errno| Box::new(io::Error::from_raw_os_error(errno)) as BoxError;
    let wrapped =
        |errno| Box::new(io::Error::other(io::Error::from_raw_os_error(errno))) as BoxError;
    dressed(vec![match request.uri().path() {
        "/error" => Act::Fail("the first read failed".into()),
        "/panic" => Act::Panic("the first frame"),
        "/estale" => Act::Fail(errno(libc::ESTALE)),
        "/eacces" => Act::Fail(errno(libc::EACCES)),
        "/enoent" => Act::Fail(errno(libc::ENOENT)),
        "/enospc" => Act::Fail(errno(libc::ENOSPC)),
        "/wrapped" => Act::Fail(wrapped(libc::EMFILE)),
        _ => Act::Fail(Box::new(io::Error::from(io::ErrorKind::PermissionDenied))),
    }])
}

#[tokio::test]
async fn a_first_frame_that_fails_is_a_status_that_keeps_policy_and_drops_description() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, fail).await;
    for (path, status, text, retry) in [
        ("/error", 500, "Internal Server Error", ""),
        ("/panic", 500, "Internal Server Error", ""),
        ("/estale", 503, "Service Unavailable", "\r\nretry-after: 1"),
        ("/eacces", 403, "Forbidden", ""),
        ("/enoent", 404, "Not Found", ""),
        ("/enospc", 507, "Insufficient Storage", ""),
        ("/wrapped", 503, "Service Unavailable", "\r\nretry-after: 1"),
        ("/kind", 403, "Forbidden", ""),
    ] {
        let content = format!(r#"{{"type":"about:blank","title":"{text}","status":{status}}}"#);
        let store = if status >= 500 { "\r\ncache-control: no-store" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} {text}\r\naccess-control-allow-origin: *\r\nset-cookie: a=b\r\n\
             set-cookie: c=d\r\nx-request-id: 7\r\ncontent-type: application/problem+json{store}\
             {retry}\r\ncontent-length: {}",
            content.len()
        );
        let sorted = |head: &str| {
            let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
            lines[1..].sort();
            lines
        };
        let answer = h1_get(&server, path, "").await;
        assert_eq!(sorted(&answer.head), sorted(&head));
        assert_eq!(answer.body, content);
        // HEAD: the same head, no content.
        let mut raw = Raw::connect(&server).await;
        raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
        assert_eq!(sorted(&raw.head().await.replace("\r\nconnection: close", "")), sorted(&head));
        assert_eq!(raw.rest().await, "");
        let answer = h2_get(&server, path).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body), (status, content));
        for _ in 0..3 {
            let seen = receipts.next().await;
            assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
            assert!(seen.failure.is_some(), "{}", seen.line);
        }
    }
}

/// A service that fails without a response, as the path says.
async fn without_response(layer: LetterheadLayer) -> Server {
    serve(layer.layer(service_fn(|request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        assert!(path != "/panic-in-call", "in call");
        async move {
            assert!(path != "/panic", "in the future");
            if path == "/fine" {
                Ok(Response::new(full("fine")))
            } else {
                Err(io::Error::from_raw_os_error(libc::EBUSY))
            }
        }
    })))
    .await
}

#[tokio::test]
async fn a_service_that_fails_or_panics_is_a_status() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = without_response(layer).await;
    let mut raw = Raw::connect(&server).await;
    let h2 = H2::connect(&server).await;
    for (path, status, failure) in [
        ("/error", 503, "the service failed: Device or resource busy (os error 16)"),
        ("/panic", 500, "panicked: in the future"),
        ("/panic-in-call", 500, "panicked: in call"),
    ] {
        // All on one connection: it survives.
        raw.get(path, "").await;
        assert_eq!(raw.answer().await.status(), status);
        assert_eq!(h2.get(path).await.unwrap().status, status);
        for _ in 0..2 {
            assert_eq!(receipts.next().await.failure.as_deref(), Some(failure));
        }
    }
    raw.get("/fine", "").await;
    assert_eq!(raw.answer().await.body, "fine");
}

/// Leaves everything alone that may be.
struct HandsOff;

impl Recover for HandsOff {
    fn passes_through(&self, _: Origin) -> bool {
        true
    }
}

#[tokio::test]
async fn a_failure_that_passes_through_drops_the_connection_as_without_the_layer() {
    for path in ["/error", "/panic", "/panic-in-call"] {
        let (layer, mut receipts) = collected(LetterheadLayer::new().recover(HandsOff));
        let server = without_response(layer).await;
        let mut raw = Raw::connect(&server).await;
        raw.get(path, "").await;
        assert_eq!(raw.rest().await, "", "{path}");
        assert!(h2_get(&server, path).await.is_err());
        for _ in 0..2 {
            let seen = receipts.next().await;
            assert!(matches!(seen.outcome, Outcome::Aborted(_)), "{}", seen.line);
        }
    }
    for path in ["/error", "/panic"] {
        let (layer, mut receipts) = collected(LetterheadLayer::new().recover(HandsOff));
        let server = serve_layer(layer, fail).await;
        let mut raw = Raw::connect(&server).await;
        raw.get(path, "").await;
        assert_eq!(raw.rest().await, "", "{path}");
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Aborted(_)), "{}", seen.line);
    }
}

#[tokio::test]
async fn a_recoverer_decides_and_one_that_panics_is_a_plain_500() {
    let teapot = |failure: &Failure<'_>| {
        assert_eq!((failure.origin(), failure.method()), (Origin::Body, &Method::GET));
        ErrorAnswer::new(StatusCode::IM_A_TEAPOT).content("text/plain".parse().unwrap(), "short")
    };
    let server = serve_layer(LetterheadLayer::new().recover(teapot), fail).await;
    let answer = h1_get(&server, "/error", "").await;
    assert_eq!((answer.status(), answer.body.as_str()), (418, "short"));
    assert_eq!(answer.field("content-type"), Some("text/plain"));

    let panics = |_: &Failure<'_>| -> ErrorAnswer { panic!("the recoverer") };
    let (layer, mut receipts) = collected(LetterheadLayer::new().recover(panics));
    let server = serve_layer(layer, fail).await;
    assert_eq!(h1_get(&server, "/error", "").await.status(), 500);
    assert_eq!(receipts.next().await.notes, [Note::RecoverPanicked]);
}

/// One chunk, then the failure of the path, in the same breath.
async fn later(request: Request<Incoming>, _: Head) -> Response<Body> {
    Response::new(script([
        Act::Data("the first chunk"),
        match request.uri().path() {
            "/panic" => Act::Panic("later"),
            "/calm" => Act::Fail(h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM).into()),
            _ => Act::Fail("later".into()),
        },
    ]))
}

#[tokio::test]
async fn a_later_failure_lets_out_what_was_produced_and_never_ends_cleanly() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, later).await;
    for (path, reason) in [
        ("/error", h2::Reason::INTERNAL_ERROR),
        ("/panic", h2::Reason::INTERNAL_ERROR),
        ("/calm", h2::Reason::ENHANCE_YOUR_CALM),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.get(path, "").await;
        assert_eq!(raw.head().await, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked");
        assert_eq!(raw.rest().await, "F\r\nthe first chunk\r\n", "{path}");
        let answer = h2_get(&server, path).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "the first chunk"));
        assert_eq!(answer.reset, Some(reason));
        for _ in 0..2 {
            let seen = receipts.next().await;
            assert!(matches!(seen.outcome, Outcome::Aborted(_)), "{}", seen.line);
            assert_eq!(seen.sent, 15);
        }
    }
}

/// Resets with the code of the body, one chosen by hand, or as the default has it.
struct Resets(Option<ResetCode>);

impl Recover for Resets {
    fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        self.0.or(failure.body_reset_code()).unwrap_or(ResetCode::CONNECT_ERROR)
    }
}

/// One chunk, then an error with the code of the path, alone or inside of others.
async fn reset(request: Request<Incoming>, _: Head) -> Response<Body> {
    let (kind, code) = request.uri().path()[1..].split_once('/').unwrap();
    let error = h2::Error::from(h2::Reason::from(code.parse::<u32>().unwrap()));
    let error: BoxError = match kind {
        "bare" => error.into(),
        "io" => io::Error::other(error).into(),
        _ => "without a code".into(),
    };
    Response::new(script([Act::Data("the first chunk"), Act::Fail(error)]))
}

/// The code with which the stream ended, whether its head came before or not.
async fn reset_of(server: &Server, path: &str) -> Option<h2::Reason> {
    match h2_get(server, path).await {
        Ok(answer) => answer.reset,
        Err(error) => error.reason(),
    }
}

#[tokio::test]
async fn codes_that_invite_a_client_to_go_on_are_not_handed_on_from_a_body() {
    let [internal, calm, connect] = [2, 11, 10];
    let chosen = |code| Some(Resets(Some(ResetCode::new(code))));
    for (recover, path, reason) in [
        // The default: the body's own code, but for those that say something else from here.
        (None, "/bare/0", internal),
        (None, "/bare/7", internal),
        (None, "/bare/8", internal),
        (None, "/bare/13", internal),
        (None, "/io/13", internal),
        (None, "/none/0", internal),
        (None, "/bare/11", calm),
        (None, "/io/11", calm),
        (None, "/bare/2", internal),
        (None, "/bare/99", 99),
        // A recoverer gets what it says, whatever the body has; but no clean end.
        (chosen(7), "/bare/11", 7),
        (chosen(8), "/none/0", 8),
        (chosen(13), "/bare/2", 13),
        (chosen(0), "/bare/11", internal),
        (Some(Resets(None)), "/bare/8", 8),
        (Some(Resets(None)), "/bare/13", 13),
        (Some(Resets(None)), "/bare/0", internal),
        (Some(Resets(None)), "/none/0", connect),
    ] {
        let layer = match recover {
            Some(recover) => LetterheadLayer::new().recover(recover),
            None => LetterheadLayer::new(),
        };
        let server = serve_layer(layer, reset).await;
        assert_eq!(reset_of(&server, path).await, Some(h2::Reason::from(reason)), "{path}");
        // HTTP/1.1 has no codes: the chunk is there, its end is not.
        let mut raw = Raw::connect(&server).await;
        raw.get(path, "").await;
        raw.head().await;
        assert_eq!(raw.rest().await, "F\r\nthe first chunk\r\n", "{path}");
    }
    // Left alone, a failure is no clean end either.
    let server = serve_layer(LetterheadLayer::new().recover(HandsOff), reset).await;
    for (path, reason) in [("/bare/8", internal), ("/bare/0", internal), ("/bare/11", calm)] {
        assert_eq!(reset_of(&server, path).await, Some(h2::Reason::from(reason)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_hundred_streams_has_its_head_and_chunk_before_its_reset() {
    // The default is enough where the worker that runs the connection gets a core within that time;
    // beside other tests on two cores it may not.
    let layer = LetterheadLayer::new().linger(std::time::Duration::from_millis(200));
    let server = serve_layer(layer, later).await;
    let client = std::sync::Arc::new(H2::connect(&server).await);
    for _ in 0..10 {
        let mut streams = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let client = std::sync::Arc::clone(&client);
            streams.spawn(async move { client.get("/error").await });
        }
        for answer in streams.join_all().await {
            let answer = answer.expect("a head before the reset");
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "the first chunk"));
            assert_eq!(answer.reset, Some(h2::Reason::INTERNAL_ERROR));
        }
    }
}

/// How long a client's system may wait with an acknowledgement (Linux).
const DELAYED: std::time::Duration = std::time::Duration::from_millis(40);

#[tokio::test(start_paused = true)]
async fn a_stream_is_reset_later_than_two_delayed_acknowledgements_after_its_data() {
    // Without TCP_NODELAY the data is on its way that late, and a client may drop what comes with the reset.
    let service = LetterheadLayer::new().layer(service_fn(async |request: Request<Incoming>| {
        let head = Head::of(request.extensions()).unwrap();
        Ok::<_, std::convert::Infallible>(later(request, head).await)
    }));
    let (near, far) = tokio::io::duplex(1 << 16);
    let service = hyper_util::service::TowerToHyperService::new(service);
    let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
        .serve_connection(hyper_util::rt::TokioIo::new(near), service);
    tokio::spawn(server);
    let (mut send, connection) = h2::client::handshake(far).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://test/error").body(()).unwrap();
    let mut body = send.send_request(request, true).unwrap().0.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), b"the first chunk"[..]);
    let begun = tokio::time::Instant::now();
    let reset = body.data().await.unwrap().unwrap_err();
    assert_eq!(reset.reason(), Some(h2::Reason::INTERNAL_ERROR));
    // Nothing else takes time here; and nobody waits for long.
    let waited = begun.elapsed();
    assert!(waited > DELAYED * 2 && waited < DELAYED * 5, "{waited:?}");
}
