//! An application of two named layers that are at odds with each other and with its handler.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, SERVER, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use letterhead::report::Reporter;
use letterhead::{Action, Head, LetterheadLayer, Rule, Rules, named};
use tower::util::MapResponseLayer;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

/// What no report may show.
pub(crate) const SECRETS: [&str; 3] = ["s3cr3t-one", "s3cr3t-two", "s3cr3t-tok"];

/// A layer with a reporter, and rules that mend one of the conflicts.
pub(crate) fn reported(reporter: impl Reporter) -> LetterheadLayer {
    let rules =
        Rules::standard().on(Rule::ListReplaced, Action::Merge).secret("x-token".parse().unwrap());
    LetterheadLayer::new().rules(rules).reporter(reporter)
}

/// A request to `/plain`, whose response is in good order.
pub(crate) async fn plain(layer: &LetterheadLayer) -> StatusCode {
    let app = layer.clone();
    let app =
        ServiceBuilder::new().layer(app).service(service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"fine"))))
        }));
    let request = Request::get("/plain").body(Full::default()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

/// A request to `/failing`, whose body fails after so many chunks of five bytes.
pub(crate) async fn failing(layer: &LetterheadLayer, chunks: usize) -> StatusCode {
    let app = ServiceBuilder::new().layer(layer.clone()).service(service_fn(
        move |_: Request<Full<Bytes>>| async move {
            let chunks = (0..chunks).map(|_| Ok(Frame::data(Bytes::from_static(b"five "))));
            let frames = chunks.chain([Err(io::Error::other("\"the disk\" is gone"))]);
            let body = StreamBody::new(tokio_stream::iter(frames.collect::<Vec<_>>()));
            Ok::<_, Infallible>(Response::new(body))
        },
    ));
    let request = Request::get("/failing").body(Full::default()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    // Whether it is broken off is for the report to say.
    let _ = response.into_body().collect().await;
    status
}

/// A request to `/users/7` in an axum router, for which two layers write `Server`.
pub(crate) async fn routed(layer: &LetterheadLayer) {
    let server = |value| {
        MapResponseLayer::new(move |mut response: axum::response::Response| {
            response.headers_mut().insert(SERVER, HeaderValue::from_static(value));
            response
        })
    };
    let app = axum::Router::new()
        .route("/users/{id}", axum::routing::get(|| async { "fine" }))
        .layer(named("inner", server("mine")))
        .layer(named("outer", server("yours")))
        .layer(layer.clone());
    let request = Request::get("/users/7").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

/// A request to `/odd?key=s3cr3t-tok`, whose response has:
///
/// - `Server`, which the inner layer and then the outer one wrote,
/// - a cookie of the handler's that the outer layer replaced,
/// - a token that the handler and then the outer layer wrote, secret by configuration,
/// - a `Content-Length` of 9 on 4 bytes,
/// - a value that is no UTF-8, and a write that came too late.
pub(crate) async fn odd(layer: &LetterheadLayer) -> StatusCode {
    let inner = MapResponseLayer::new(|mut response: Response<Full<Bytes>>| {
        response.headers_mut().insert(SERVER, HeaderValue::from_static("mine"));
        response
    });
    let outer = MapResponseLayer::new(|mut response: Response<Full<Bytes>>| {
        let fields = response.headers_mut();
        fields.insert(SERVER, HeaderValue::from_static("yours"));
        fields.insert(SET_COOKIE, HeaderValue::from_static("lang=s3cr3t-two"));
        fields.insert("x-token", HeaderValue::from_static("s3cr3t-two"));
        response
    });
    let app = ServiceBuilder::new()
        .layer(layer.clone())
        .layer(named("outer", outer))
        .layer(named("inner", inner))
        .service(service_fn(|request: Request<Full<Bytes>>| async move {
            let head = Head::of(request.extensions()).unwrap();
            assert!(head.insert("x-bytes", &b"caf\xe9 \"\\"[..]).is_placed());
            let mut response = Response::new(Full::new(Bytes::from_static(b"four")));
            let fields = response.headers_mut();
            fields.insert(CONTENT_LENGTH, HeaderValue::from_static("9"));
            fields.insert(SET_COOKIE, HeaderValue::from_static("sid=s3cr3t-one; HttpOnly"));
            fields.insert("x-token", HeaderValue::from_static("s3cr3t-tok"));
            response.extensions_mut().insert(head);
            Ok::<_, Infallible>(response)
        }));
    let request = Request::get("/odd?key=s3cr3t-tok").body(Full::default()).unwrap();
    let mut response = app.oneshot(request).await.unwrap();
    let head: Head = response.extensions_mut().remove().unwrap();
    assert!(!head.insert("x-late", "1").is_placed());
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

/// Fails if a report shows what it must not.
pub(crate) fn check_secrets(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
