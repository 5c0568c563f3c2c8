//! An application that answers in every way there is.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use letterhead::answer::Coding;
use letterhead::store::{Store, When};
use letterhead::{FileSender, Head};
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

/// A directory that is gone with its value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-signatures-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The application, without the layer.
pub(crate) async fn app(scratch: &Scratch) -> Router {
    let root = scratch.path("files");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("a.txt"), "abcdef").unwrap();
    fs::write(root.join("index.html"), "<p>index").unwrap();
    fs::write(root.join("big.bin"), vec![7; 300_000]).unwrap();
    fs::write(root.join("both.css"), "a { color: red }").unwrap();
    fs::write(root.join("both.css.gz"), "coded").unwrap();
    fs::write(root.join("50% sure.txt"), "an odd name").unwrap();
    let files = FileSender::new(&root).unwrap().settle(Duration::ZERO);
    let files = files.precompressed([Coding::Gzip]).digests(u64::MAX);
    let store = stored(&scratch.path("store")).await;
    let fallback = tower::service_fn(|_: Request<Body>| async {
        let answer = Response::builder().status(StatusCode::IM_A_TEAPOT);
        Ok::<_, Infallible>(answer.body(Body::from("no coffee")).unwrap())
    });
    let at_once =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(1));
    Router::new()
        .route("/text", get(|| async { "handled" }))
        .route("/fresh", get(fresh))
        .route("/cookies", get(cookies))
        .route("/odd", get(odd))
        .route("/digest", get(digest))
        .route("/bare", get(|| async { StatusCode::NO_CONTENT }))
        .route("/posted", post(|| async { (StatusCode::CREATED, "posted") }))
        .route("/late", get(late))
        .route("/hook", get(hook))
        .route("/stream", get(|| async { Body::from_stream(parts()) }))
        .route("/fails", get(|| async { Body::from_stream(broken()) }))
        .route("/panics", get(panics))
        .route("/pending", get(std::future::pending::<()>).layer(at_once))
        .route("/moved", get(|| async { Redirect::to("/text") }))
        .route("/grpc", get(grpc))
        .route("/coded", get(|| async { "a".repeat(4096) }).layer(CompressionLayer::new()))
        .route("/denied", get(|| async { ([("x-secret", "1")], "secret") }))
        .route("/signed-inside", get(signed_inside))
        .route(
            "/stored",
            get(move |request: Request<Body>| async move { store.send(&request, "a").await }),
        )
        .nest_service("/files", files)
        .fallback_service(fallback)
}

async fn stored(path: &Path) -> Store {
    fs::create_dir_all(path).unwrap();
    let store = Store::open(path).unwrap();
    let response = Response::builder().header("content-type", "text/plain");
    store.put("a", When::Always, response.body("stored".to_owned()).unwrap()).await.unwrap();
    store
}

async fn fresh() -> ([(HeaderName, &'static str); 3], &'static str) {
    let fields = [
        (header::CACHE_CONTROL, "no-store"),
        (header::ETAG, "\"1\""),
        (header::CONTENT_TYPE, "application/json"),
    ];
    (fields, "{}")
}

async fn cookies() -> Response<Body> {
    let answer = Response::builder()
        .header("set-cookie", "a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Path=/")
        .header("set-cookie", "b=2")
        .header("content-type", "text/plain");
    answer.body(Body::from("baked")).unwrap()
}

/// Lines, blanks and structures.
async fn odd() -> Response<Body> {
    let answer = Response::builder()
        .header("content-type", "text/plain;   charset=utf-8")
        .header("cache-control", "max-age=60")
        .header("cache-control", "must-revalidate")
        .header("x-lines", "one")
        .header("x-lines", "two, three")
        .header("x-empty", "")
        .header("x-tab", "a\tb")
        .header("priority", "u=1,   i");
    let mut answer = answer.body(Body::from("odd")).unwrap();
    answer.headers_mut().insert("x-padded", HeaderValue::from_static("  padded \t"));
    answer
}

async fn digest() -> ([(&'static str, &'static str); 1], &'static str) {
    let digest = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
    ([("content-digest", digest)], "abc")
}

async fn late(head: Head) -> &'static str {
    let _ = head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/x-late"));
    "late"
}

async fn hook(head: Head) -> &'static str {
    head.before_commit(|_| Err::<(), _>("the hook failed")).unwrap();
    "hooked"
}

/// A signature that was made further in.
async fn signed_inside() -> ([(&'static str, &'static str); 2], &'static str) {
    let fields = [
        ("signature-input", "sig=(\"content-type\");created=1;keyid=\"inside\";tag=\"inside\""),
        ("signature", "sig=:AAAA:"),
    ];
    (fields, "signed")
}

async fn panics() -> &'static str {
    // Not said on stderr: it is meant.
    std::panic::resume_unwind(Box::new("meant"))
}

fn parts() -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::iter(["one ", "two"].map(|part| Ok(Bytes::from_static(part.as_bytes()))))
}

fn broken() -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::iter([Err(io::Error::from_raw_os_error(libc::EBUSY))])
}

async fn grpc() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(Bytes::from_static(b"\0\0\0\0\0")), Frame::trailers(trailers)];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
    let answer = Response::builder().header("content-type", "application/grpc");
    answer.body(Body::new(StreamBody::new(frames))).unwrap()
}
