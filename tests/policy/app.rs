//! An application that answers in every way there is, and clients of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::store::{Store, When};
use letterhead::{FileSender, LetterheadLayer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it did not come in time")
}

/// A directory that is gone with its value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-policy-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One way to be answered.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    pub(crate) status: u16,
}

pub(crate) const fn kind(name: &'static str, path: &'static str, status: u16) -> Kind {
    Kind { name, method: "GET", path, fields: &[], status }
}

/// All of them.
pub(crate) const KINDS: [Kind; 15] = [
    kind("handler", "/handler", 200),
    kind("file", "/files/a.txt", 200),
    Kind { fields: &[("if-none-match", "*")], ..kind("304", "/files/a.txt", 304) },
    Kind { fields: &[("range", "bytes=1-2")], ..kind("206", "/files/a.txt", 206) },
    kind("404", "/files/none", 404),
    kind("405", "/posted", 405),
    kind("first frame fails", "/fails", 503),
    kind("panic", "/panics", 500),
    kind("time-out", "/pending", 408),
    kind("redirect", "/moved", 303),
    Kind {
        method: "OPTIONS",
        fields: &[("origin", "http://a.test"), ("access-control-request-method", "GET")],
        ..kind("preflight", "/handler", 200)
    },
    kind("fallback service", "/nowhere", 418),
    kind("store", "/stored", 200),
    kind("gRPC", "/grpc", 200),
    Kind { method: "HEAD", ..kind("HEAD", "/handler", 200) },
];

/// The application, without the layer.
pub(crate) async fn app(scratch: &Scratch) -> Router {
    fs::create_dir_all(scratch.path("files")).unwrap();
    fs::write(scratch.path("files/a.txt"), "abcdef").unwrap();
    let files = FileSender::new(scratch.path("files")).unwrap().settle(Duration::ZERO);
    let store = stored(&scratch.path("store")).await;
    let fallback = tower::service_fn(|_: Request<Body>| async {
        let answer = Response::builder().status(StatusCode::IM_A_TEAPOT);
        Ok::<_, Infallible>(answer.body(Body::from("no coffee")).unwrap())
    });
    let at_once =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(1));
    Router::new()
        .route("/handler", get(|| async { "handled" }))
        .route("/posted", post(|| async { "posted" }))
        .route("/fails", get(|| async { Body::from_stream(broken()) }))
        .route("/panics", get(panics))
        .route("/pending", get(std::future::pending::<()>).layer(at_once))
        .route("/moved", get(|| async { Redirect::to("/handler") }))
        .route("/grpc", get(grpc))
        .route(
            "/stored",
            get(move |request: Request<Body>| async move { store.send(&request, "a").await }),
        )
        .nest_service("/files", files)
        .fallback_service(fallback)
        .layer(
            ServiceBuilder::new()
                .layer(CorsLayer::permissive())
                .layer(SetResponseHeaderLayer::appending(
                    header::HeaderName::from_static("x-own"),
                    HeaderValue::from_static("own"),
                ))
                .layer(SetResponseHeaderLayer::appending(
                    header::HeaderName::from_static("x-gone"),
                    HeaderValue::from_static("own"),
                )),
        )
}

async fn stored(path: &Path) -> Store {
    fs::create_dir_all(path).unwrap();
    let store = Store::open(path).unwrap();
    let response = Response::builder().header("content-type", "text/plain");
    store.put("a", When::Always, response.body("stored".to_owned()).unwrap()).await.unwrap();
    store
}

async fn panics() -> &'static str {
    // Not said on stderr: it is meant.
    std::panic::resume_unwind(Box::new("meant"))
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

/// A server with the layer outermost, in a task.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(app: Router, layer: LetterheadLayer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = app.layer(layer);
        let server = letterhead::serve(listener, service).shutdown_on(async move {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            server.await.unwrap();
        });
        Self { addr, stop: Some(stop), task }
    }

    pub(crate) async fn client(&self, version: Version) -> Client {
        let stream = TokioIo::new(TcpStream::connect(self.addr).await.unwrap());
        match version {
            Version::H1 => {
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                Client::H1(sender)
            }
            Version::H2 => {
                let start = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
                let (sender, connection) = start.await.unwrap();
                tokio::spawn(connection);
                Client::H2(sender)
            }
        }
    }

    pub(crate) async fn ended(mut self) {
        drop(self.stop.take());
        soon(self.task).await.unwrap();
    }
}

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    H1,
    H2,
}

/// A connection.
pub(crate) enum Client {
    H1(hyper::client::conn::http1::SendRequest<Empty<Bytes>>),
    H2(hyper::client::conn::http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    /// Asks, and takes all of the answer.
    pub(crate) async fn ask(&mut self, kind: &Kind) -> Response<Bytes> {
        let mut request = Request::builder().method(kind.method);
        request = match self {
            Self::H1(_) => request.uri(kind.path).header("host", "a.test"),
            Self::H2(_) => request.uri(format!("http://a.test{}", kind.path)),
        };
        for (name, value) in kind.fields {
            request = request.header(*name, *value);
        }
        self.send(request.body(Empty::new()).unwrap()).await
    }

    pub(crate) async fn send(&mut self, request: Request<Empty<Bytes>>) -> Response<Bytes> {
        let answer: Response<Incoming> = match self {
            Self::H1(sender) => {
                soon(sender.ready()).await.unwrap();
                soon(sender.send_request(request)).await.unwrap()
            }
            Self::H2(sender) => soon(sender.send_request(request)).await.unwrap(),
        };
        let (parts, body) = answer.into_parts();
        let content = soon(body.collect()).await.unwrap().to_bytes();
        Response::from_parts(parts, content)
    }
}
