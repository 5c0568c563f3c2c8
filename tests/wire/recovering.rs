//! The innermost layer: a panic or an error is answered with the fields of the layers around it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use letterhead::{
    Error, ErrorAnswer, Failure, LetterheadLayer, Note, Origin, Outcome, Recover, RecoverLayer,
    named,
};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::client::{H2, Raw, h2_get};
use crate::serve::{Act, Body, Server, collected, full, script, serve, soon};

async fn panics() -> &'static str {
    panic!("a bug")
}

async fn fine() -> &'static str {
    "fine"
}

async fn broken() -> Response<axum::body::Body> {
    Response::new(axum::body::Body::new(script([Act::Fail("the first read failed".into())])))
}

/// An application with a bug, CORS and request ids, and the innermost layer.
fn app(inner: RecoverLayer) -> Router {
    Router::new()
        .route("/panic", get(panics).post(panics))
        .route("/fine", get(fine))
        .route("/body", get(broken))
        .layer(inner)
        .layer(named("request-id", PropagateRequestIdLayer::x_request_id()))
        .layer(CorsLayer::permissive())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// The head of an answer that every layer has seen.
fn check(status: u16, answer: &http::HeaderMap, context: &str) {
    assert_eq!(answer["access-control-allow-origin"], "*", "{status} {context}");
    assert!(answer.contains_key("x-request-id"), "{status} {context}");
}

#[tokio::test]
async fn a_panic_is_a_response_with_the_fields_of_the_layers_around_it() {
    let (outer, mut receipts) = collected(LetterheadLayer::new());
    for (server, receipted) in [
        (serve(app(outer.recover_layer()).layer(outer.clone())).await, true),
        (serve(outer.layer(app(RecoverLayer::new()))).await, true),
        // It needs nobody outside.
        (serve(app(RecoverLayer::new())).await, false),
    ] {
        let mut raw = Raw::connect(&server).await;
        for method in ["GET", "HEAD", "POST"] {
            raw.send(format!(
                "{method} /panic HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
            ))
            .await;
            let head = raw.head().await;
            assert_eq!(&head[9..12], "500");
            for line in ["access-control-allow-origin: *", "x-request-id: ", "no-store"] {
                assert!(head.contains(line), "{method} {head}");
            }
            // Even a HEAD has the length that a GET would have; the connection goes on.
            assert!(head.contains("content-length: 67"), "{method} {head}");
            if method != "HEAD" {
                assert!(raw.bytes(67).await.contains("Internal Server Error"));
            }
            if receipted {
                let seen = receipts.next().await;
                assert_eq!(seen.failure.as_deref(), Some("panicked: a bug"), "{}", seen.line);
                assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
                assert_eq!(seen.status, Some(StatusCode::INTERNAL_SERVER_ERROR));
            }
        }
        for method in [Method::GET, Method::HEAD] {
            let answer = H2::connect(&server).await.request(method, "/panic").await.unwrap();
            check(answer.status.as_u16(), &answer.fields, &answer.body);
            assert_eq!(answer.status, 500);
            if receipted {
                assert!(receipts.next().await.failure.is_some());
            }
        }
        let answer = h2_get(&server, "/fine").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "fine"));
        if receipted {
            assert_eq!(receipts.next().await.failure, None);
            // A body that fails is the outer layer's, whose answer keeps what layers added.
            let answer = h2_get(&server, "/body").await.unwrap();
            assert_eq!(answer.status, 500);
            check(500, &answer.fields, &answer.body);
            assert!(receipts.next().await.failure.is_some());
        }
    }
}

#[tokio::test]
async fn a_grpc_call_that_panics_has_its_status_and_the_fields_of_the_layers() {
    let (outer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve(app(outer.recover_layer()).layer(outer.clone())).await;
    let bare = serve(app(RecoverLayer::new())).await;
    for (server, receipted) in [(&server, true), (&bare, false)] {
        let h2 = H2::connect(server).await;
        let request = Request::post("http://test/panic").header("content-type", "application/grpc");
        let (response, mut stream) = h2.send(request.body(()).unwrap()).await;
        stream.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
        let response = soon(response).await.unwrap();
        assert_eq!(response.status(), 200);
        let fields = response.headers();
        assert_eq!(fields["grpc-status"], "13");
        assert_eq!(fields["content-type"], "application/grpc");
        check(200, fields, "grpc");
        assert!(response.body().is_end_stream());
        if receipted {
            let seen = receipts.next().await;
            assert_eq!(seen.status, Some(StatusCode::OK));
            assert_eq!(seen.failure.as_deref(), Some("panicked: a bug"), "{}", seen.line);
        }
    }
}

/// A service that fails in each way, as the path says.
async fn failing(recover: RecoverLayer, outer: LetterheadLayer) -> Server {
    let inner = service_fn(|request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        assert!(path != "/panic-in-call", "in call");
        async move {
            assert!(path != "/panic", "in the future");
            if path == "/fine" {
                Ok::<Response<Body>, _>(Response::new(full("fine")))
            } else {
                Err(io::Error::from_raw_os_error(libc::EBUSY))
            }
        }
    });
    serve(ServiceBuilder::new().layer(outer).layer(recover).service(inner)).await
}

#[tokio::test]
async fn panics_and_errors_of_a_tower_service_are_answered_in_its_place() {
    let (outer, mut receipts) = collected(LetterheadLayer::new());
    let server = failing(RecoverLayer::new(), outer).await;
    let mut raw = Raw::connect(&server).await;
    for (path, status, failure) in [
        ("/error", 503, Some("the service failed: Device or resource busy (os error 16)")),
        ("/panic", 500, Some("panicked: in the future")),
        ("/panic-in-call", 500, Some("panicked: in call")),
        ("/fine", 200, None),
    ] {
        raw.get(path, "").await;
        let answer = raw.answer().await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.field("retry-after"), (status == 503).then_some("1"));
        let seen = receipts.next().await;
        assert_eq!(seen.failure.as_deref(), failure, "{}", seen.line);
        assert_eq!(h2_get(&server, path).await.unwrap().status, status);
        receipts.next().await;
    }
}

/// Leaves to the outer layer what it can; its answers have their own status.
struct HandsOn;

impl Recover for HandsOn {
    fn passes_through(&self, _: Origin) -> bool {
        true
    }
}

#[tokio::test]
async fn what_passes_through_is_the_outer_layers() {
    let outer = LetterheadLayer::new().recover(|failure: &Failure<'_>| {
        let kind = "text/plain".parse().unwrap();
        ErrorAnswer::new(StatusCode::BAD_GATEWAY).content(kind, format!("{:?}", failure.origin()))
    });
    let server = failing(RecoverLayer::new().recover(HandsOn), outer).await;
    let mut raw = Raw::connect(&server).await;
    for (path, origin) in
        [("/error", "Service"), ("/panic", "ServicePanic"), ("/panic-in-call", "ServicePanic")]
    {
        raw.get(path, "").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status(), answer.body.as_str()), (502, origin), "{path}");
    }
}

#[tokio::test]
async fn a_recoverer_that_panics_is_a_plain_500_with_a_note() {
    let panics = |_: &Failure<'_>| -> ErrorAnswer { panic!("the recoverer") };
    let (outer, mut receipts) = collected(LetterheadLayer::new());
    let server = failing(RecoverLayer::new().recover(panics), outer).await;
    assert_eq!(h2_get(&server, "/error").await.unwrap().status, 500);
    assert_eq!(receipts.next().await.notes, [Note::RecoverPanicked]);
}

#[tokio::test]
async fn an_attempt_that_is_made_again_leaves_a_note_and_no_failure() {
    type Nothing = http_body_util::Empty<Bytes>;
    let calls = Arc::new(AtomicUsize::new(0));
    let inner = RecoverLayer::new().layer(service_fn(move |_: Request<Nothing>| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first { Err(io::Error::other("once")) } else { Ok(Response::new(full("fine"))) }
        }
    }));
    // Asks again after a 500, with the same extensions.
    let again = service_fn(move |request: Request<Incoming>| {
        let inner = inner.clone();
        async move {
            let (parts, _) = request.into_parts();
            let ask = || Request::from_parts(parts.clone(), Nothing::new());
            let response = inner.clone().oneshot(ask()).await?;
            // Whoever stands around may know why.
            let error = response.extensions().get::<Error>().expect("the error");
            assert_eq!(error.to_string(), "the service failed");
            assert_eq!(std::error::Error::source(error).unwrap().to_string(), "once");
            assert_eq!(response.status(), 500);
            inner.oneshot(ask()).await
        }
    });
    let (outer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve(outer.layer(again)).await;
    assert_eq!(h2_get(&server, "/").await.unwrap().body, "fine");
    let seen = receipts.next().await;
    assert_eq!((seen.status, seen.failure), (Some(StatusCode::OK), None));
    assert_eq!(seen.notes, [Note::AlsoFailed("the service failed: once".to_owned())]);
}

/// The layer fits everywhere where axum takes one.
#[tokio::test]
async fn it_fits_a_route_a_method_and_a_router() {
    let one = Router::new().route("/panic", get(panics).layer(RecoverLayer::new()));
    let two = Router::new().route("/panic", post(fine).get(panics)).route_layer(
        ServiceBuilder::new().layer(CorsLayer::permissive()).layer(RecoverLayer::new()),
    );
    let three = Router::new().fallback(panics).layer(RecoverLayer::new());
    for app in [one, two, three] {
        let server = serve(app).await;
        let mut raw = Raw::connect(&server).await;
        raw.get("/panic", "").await;
        assert_eq!(raw.answer().await.status(), 500);
        raw.get("/panic", "").await;
        assert_eq!(raw.answer().await.field("cache-control"), Some("no-store"));
    }
}
