//! A server with everything that the tests ask for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, WebSocketUpgrade, ws};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode};
use hyper_util::rt::TokioIo;
use letterhead::LetterheadLayer;
use letterhead::serve::{Cut, Event, Listen, Serve, Served};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// No test waits longer than this for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A time-out that a test waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not come in time")
}

/// A server under test, in a task.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) gate: Arc<Notify>,
    events: mpsc::UnboundedReceiver<Event>,
    /// What came on an upgraded connection after the server had ended its side.
    pub(crate) upgraded: mpsc::UnboundedReceiver<Vec<u8>>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<std::io::Result<Served>>,
}

impl Running {
    /// Settings are whatever `set` makes of the defaults.
    pub(crate) async fn start(set: impl FnOnce(Serve<Router>) -> Serve<Router>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self::on(listener, addr, set)
    }

    /// These routes beside the usual ones, which are behind them.
    pub(crate) async fn routed(
        routes: Router,
        set: impl FnOnce(Serve<Router>) -> Serve<Router>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self::of(listener, addr, |router| routes.fallback_service(router), set)
    }

    /// The defaults, with the layer or without it.
    pub(crate) async fn layered(layered: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let layer = layered.then(LetterheadLayer::new);
        Self::of(
            listener,
            addr,
            |router| match layer {
                Some(layer) => router.layer(layer),
                None => router,
            },
            |serve| serve,
        )
    }

    pub(crate) fn on(
        listen: impl Into<Listen>,
        addr: SocketAddr,
        set: impl FnOnce(Serve<Router>) -> Serve<Router>,
    ) -> Self {
        Self::of(listen, addr, |router| router, set)
    }

    fn of(
        listen: impl Into<Listen>,
        addr: SocketAddr,
        mount: impl FnOnce(Router) -> Router,
        set: impl FnOnce(Serve<Router>) -> Serve<Router>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, events) = mpsc::unbounded_channel();
        let (late, upgraded) = mpsc::unbounded_channel();
        let gate = Arc::new(Notify::new());
        let server = letterhead::serve(listen, mount(app(&gate, late)))
            .shutdown_on(async move {
                let _ = stopped.await;
            })
            .on_event(move |event| {
                // An event holds what cannot be cloned, so it is told again.
                let _ = told.send(again(event));
            });
        let task = tokio::spawn(set(server).into_future());
        Self { addr, gate, events, upgraded, stop: Some(stop), task }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.unwrap()
    }

    /// The next event, which has to be a cut.
    pub(crate) async fn cut(&mut self) -> Cut {
        let event = self.event().await;
        let Event::Cut { why, .. } = event else { panic!("wanted a cut, found {event:?}") };
        why
    }

    /// Whatever has been told up to now.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Stops the server, and says what it did.
    pub(crate) async fn stopped(mut self) -> Served {
        if self.stop.is_some() {
            self.stop();
        }
        soon(self.task).await.unwrap().unwrap()
    }
}

fn again(event: &Event) -> Event {
    match event {
        Event::Cut { peer, why } => Event::Cut { peer: *peer, why: *why },
        Event::AcceptFailed { error, pause } => Event::AcceptFailed {
            error: error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error),
            pause: *pause,
        },
        Event::Full { asked } => Event::Full { asked: *asked },
        Event::HandshakeFailed { peer, error } => {
            Event::HandshakeFailed { peer: *peer, error: std::io::Error::other(error.to_string()) }
        }
        Event::Failed { peer, error } => {
            Event::Failed { peer: *peer, error: error.to_string().into() }
        }
        _ => unreachable!("no test provokes another"),
    }
}

/// Bytes that tell where they stand.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>().into()
}

fn app(gate: &Arc<Notify>, late: mpsc::UnboundedSender<Vec<u8>>) -> Router {
    let (waiting, opening) = (Arc::clone(gate), Arc::clone(gate));
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/bytes/{length}",
            get(|path: axum::extract::Path<usize>| async move { pattern(path.0) }),
        )
        // Chunks of 64 KiB for ever.
        .route("/endless", get(|| async { endless() }))
        // The head and one chunk, then nothing before the gate opens.
        .route("/gate", get(move || async move { waiting_body(waiting) }))
        // So many chunks of 64 KiB, and in the same breath an error.
        .route(
            "/broken/{chunks}",
            get(|path: axum::extract::Path<usize>| async move { broken(path.0, Duration::ZERO) }),
        )
        // A head without content, and then an error.
        .route("/broken-first", get(|| async { broken(0, Duration::from_millis(20)) }))
        // Two chunks of unknown length; and one of a length that is not reached.
        .route(
            "/whole",
            get(|| async { Response::new(Body::from_stream(text(["begin ", "end"]))) }),
        )
        .route("/short", get(short))
        .route("/panic-later", get(|| async { panics() }))
        // No answer at all.
        .route("/never", get(std::future::pending::<()>))
        .route("/open", get(move || async move { opening.notify_one() }))
        .route("/peer", get(peer))
        .route(
            "/version",
            get(|request: Request| async move { format!("{:?}", request.version()) }),
        )
        .route("/echo", axum::routing::post(|body: Bytes| async move { body }))
        .route("/ws", any(websocket))
        .route("/refuse", any(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route("/half", any(move |request| half(request, late)))
}

fn waiting_body(gate: Arc<Notify>) -> Response {
    let frames = stream::unfold(0, move |step| {
        let gate = Arc::clone(&gate);
        async move {
            match step {
                0 => Some((Ok::<_, Infallible>("begin "), 1)),
                1 => {
                    gate.notified().await;
                    Some((Ok("end"), 2))
                }
                _ => None,
            }
        }
    });
    Response::new(Body::from_stream(frames))
}

/// One chunk of `/broken`.
pub(crate) const CHUNK: usize = 64 * 1024;

fn broken(chunks: usize, pause: Duration) -> Response {
    let frames = stream::unfold(0, move |step| async move {
        if step < chunks {
            return Some((Ok(pattern(CHUNK)), step + 1));
        }
        // Even a sleep of no time is not over at once.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Some((Err("broken off"), step))
    });
    Response::new(Body::from_stream(frames))
}

fn text<const N: usize>(
    chunks: [&'static str; N],
) -> impl stream::Stream<Item = Result<&'static str, Infallible>> {
    stream::iter(chunks.map(Ok))
}

async fn short() -> Response {
    let mut response = Response::new(Body::from_stream(text(["begin "])));
    response.headers_mut().insert("content-length", "100".parse().unwrap());
    response
}

fn panics() -> Response {
    let frames = stream::unfold(0, move |step| async move {
        if step > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            panic!("a body's bug");
        }
        Some((Ok::<_, Infallible>("begin "), 1))
    });
    Response::new(Body::from_stream(frames))
}

fn endless() -> Response {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let frames = stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
    Response::new(Body::from_stream(frames))
}

async fn peer(request: Request) -> String {
    request
        .extensions()
        .get::<letterhead::serve::Peer>()
        .map_or_else(|| "nobody".to_owned(), |peer| format!("{} {}", peer.addr, peer.secure))
}

/// Upgrades, reads five bytes, ends its side, and reads on.
async fn half(mut request: Request, late: mpsc::UnboundedSender<Vec<u8>>) -> Response {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut upgraded = TokioIo::new(upgraded.await.unwrap());
        upgraded.read_exact(&mut [0; 5]).await.unwrap();
        upgraded.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        upgraded.read_to_end(&mut bytes).await.unwrap();
        let _ = late.send(bytes);
    });
    axum::body::to_bytes(request.into_body(), 64).await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("upgrade", HeaderValue::from_static("half"));
    response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    response
}

async fn websocket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if let ws::Message::Text(text) = message {
                if socket.send(ws::Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
    })
}
