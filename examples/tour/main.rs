//! A tour of the layer: one route for each thing that it does, over HTTP/1.1 and h2c.

mod failing;
mod framing;
#[path = "../shared/mod.rs"]
mod shared;
mod writing;

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use letterhead::LetterheadLayer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Frames = mpsc::Sender<Result<Frame<Bytes>, BoxError>>;

const ROUTES: &str = "\
/late                              a field written after the handler has returned
/too-late                          one written after the first frame, and the reason it is refused
/trailer                           with TE: trailers, two fields behind the content
/fail-first?errno=ESTALE           a body that fails on its first frame
/fail-later, /fail-later?now       a body that fails after it: never a clean end
/panic-first                       a body that panics
/length-lie?declared=3&actual=5    a content-length that is not the body's
/no-content                        a 204 that came with both
/events                            an event stream, never held
/slow-first                        a head that goes out at the deadline
/small                             three frames, held whole
/hooks                             three before-commit hooks
/twice                             two statuses
/ws                                a websocket that echoes
";

#[tokio::main]
async fn main() -> ExitCode {
    let app = Router::new()
        .route("/", get(|| async { ROUTES }))
        .route("/late", get(writing::late))
        .route("/too-late", get(writing::too_late))
        .route("/trailer", get(writing::trailer))
        .route("/hooks", get(writing::hooks))
        .route("/twice", get(writing::twice))
        .route("/fail-first", get(failing::fail_first))
        .route("/fail-later", get(failing::fail_later))
        .route("/panic-first", get(failing::panic_first))
        .route("/length-lie", get(framing::length_lie))
        .route("/no-content", get(framing::no_content))
        .route("/events", get(framing::events))
        .route("/slow-first", get(framing::slow_first))
        .route("/small", get(framing::small))
        .route("/ws", any(framing::ws))
        .layer(LetterheadLayer::new().on_end(|receipt| eprintln!("{receipt}")));
    shared::run(app, curl_lines).await
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl http://{addr}/            # the routes\n\
         curl -i http://{addr}/late\n\
         curl -i http://{addr}/too-late\n\
         curl -i -H 'TE: trailers' http://{addr}/trailer\n\
         curl -i 'http://{addr}/fail-first?errno=ESTALE'\n\
         curl -i http://{addr}/fail-later\n\
         curl -i --http2-prior-knowledge http://{addr}/small\n"
    )
}

/// A body that a task writes, frame by frame.
fn streamed<W, F>(write: W) -> Response<Body>
where
    W: FnOnce(Frames) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (frames, body) = mpsc::channel(1);
    tokio::spawn(write(frames));
    Response::new(Body::new(StreamBody::new(ReceiverStream::new(body))))
}

/// Sends a chunk; a client that has gone is no concern of the examples.
async fn send(frames: &Frames, text: impl Into<Bytes>) {
    let _ = frames.send(Ok(Frame::data(text.into()))).await;
}
