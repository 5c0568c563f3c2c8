//! The servers and clients of the wire tests.
#![allow(dead_code, unreachable_pub, reason = "one test binary; each test picks what it needs")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::{CommitCause, Head, LetterheadLayer, Note, Outcome, Receipt, Stage};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::{Layer as _, Service, ServiceExt as _};

/// The error of every body in the tests.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of every handler in the tests.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// No test waits longer than this for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not for ever.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not come in time")
}

// ---- bodies ----

/// A body of one chunk, whose length is known.
pub fn full(text: &'static str) -> Body {
    http_body_util::Full::new(Bytes::from_static(text.as_bytes()))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that is over from the start.
pub fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// One thing that a scripted body does.
pub enum Act {
    Data(&'static str),
    Trailers(HeaderMap),
    Fail(BoxError),
    Panic(&'static str),
    /// Sleeps on the tokio clock.
    Sleep(Duration),
    /// Waits for a permit.
    Wait(Arc<tokio::sync::Notify>),
    /// Runs this between two frames.
    Do(Box<dyn FnOnce() + Send>),
}

/// A body of unknown length that does these things in order.
pub fn script(acts: impl IntoIterator<Item = Act, IntoIter: Send + 'static>) -> Body {
    let stream = futures_util::stream::unfold(acts.into_iter(), |mut acts| async move {
        loop {
            let frame = match acts.next()? {
                Act::Data(text) => Ok(http_body::Frame::data(Bytes::from_static(text.as_bytes()))),
                Act::Trailers(trailers) => Ok(http_body::Frame::trailers(trailers)),
                Act::Fail(error) => Err(error),
                Act::Panic(text) => std::panic::panic_any(text),
                Act::Sleep(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Act::Wait(notify) => {
                    notify.notified().await;
                    continue;
                }
                Act::Do(work) => {
                    work();
                    continue;
                }
            };
            return Some((frame, acts));
        }
    });
    http_body_util::StreamBody::new(stream).boxed_unsync()
}

/// A body of unknown length with these chunks, all ready.
pub fn chunks(texts: &'static [&'static str]) -> Body {
    script(texts.iter().map(|text| Act::Data(text)))
}

/// Trailers or fields from pairs.
pub fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in pairs {
        fields.append(*name, value.parse().unwrap());
    }
    fields
}

// ---- servers ----

/// A server on a port of its own; it ends when this is dropped.
pub struct Server {
    pub addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// A server that somebody else has begun.
    pub fn begun(addr: SocketAddr, task: tokio::task::JoinHandle<()>) -> Self {
        Self { addr, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves HTTP/1.1 and h2c with hyper-util's auto server.
pub async fn serve<S, B>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        // Connections end with the server.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let service = service.clone();
            let service = service_fn(move |request| service.clone().oneshot(request));
            connections.spawn(async move {
                let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                server.http2().enable_connect_protocol();
                // How a connection ends is seen by the client.
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    Server { addr, task }
}

/// Serves `handler` without the layer: what hyper does on its own.
pub async fn serve_bare<H, F>(handler: H) -> Server
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    serve(tower::service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Serves `handler` inside `layer` on bare hyper. The handler gets the request and its head.
pub async fn serve_layer<H, F>(layer: LetterheadLayer, handler: H) -> Server
where
    H: Fn(Request<Incoming>, Head) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    serve(layer.layer(tower::service_fn(move |request: Request<Incoming>| {
        let head = Head::of(request.extensions()).unwrap();
        let answer = handler(request, head);
        async move { Ok::<_, Infallible>(answer.await) }
    })))
    .await
}

// ---- receipts ----

/// What a test looks at in a receipt.
#[derive(Debug)]
pub struct Seen {
    /// The whole receipt in one line.
    pub line: String,
    pub status: Option<StatusCode>,
    pub cause: Option<CommitCause>,
    pub last_stage: Stage,
    pub outcome: Outcome,
    pub held: u64,
    pub sent: u64,
    pub hooks: u32,
    pub notes: Vec<Note>,
    /// Each write, printed.
    pub writes: Vec<String>,
    /// Each late write, printed.
    pub late: Vec<String>,
    /// What failed before the commit, printed.
    pub failure: Option<String>,
}

impl Seen {
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            line: receipt.to_string(),
            status: receipt.status(),
            cause: receipt.cause(),
            last_stage: receipt.last_stage(),
            outcome: receipt.outcome().clone(),
            held: receipt.held_bytes(),
            sent: receipt.sent_bytes(),
            hooks: receipt.hooks_run(),
            notes: receipt.notes().to_vec(),
            writes: receipt.writes().iter().map(ToString::to_string).collect(),
            late: receipt.late_writes().map(ToString::to_string).collect(),
            failure: receipt.failure().map(|error| format!("{error:#}")),
        }
    }
}

/// The receipts of one layer, in the order in which they came.
pub struct Receipts(mpsc::UnboundedReceiver<Seen>);

impl Receipts {
    pub async fn next(&mut self) -> Seen {
        soon(self.0.recv()).await.expect("the layer is gone")
    }

    /// Whether there is one more right now.
    pub fn is_empty(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// The layer, with its receipts collected.
pub fn collected(layer: LetterheadLayer) -> (LetterheadLayer, Receipts) {
    let (send, receive) = mpsc::unbounded_channel();
    let layer = layer.on_end(move |receipt| {
        let _ = send.send(Seen::of(receipt));
    });
    (layer, Receipts(receive))
}
