//! The layer on bare hyper, without axum: the same head, the same promises.

#[path = "shared/mod.rs"]
mod shared;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use letterhead::serve::RequestBody;
use letterhead::{Head, LetterheadLayer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tower::{Layer as _, service_fn};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;
type Frames = mpsc::Sender<Result<Frame<Bytes>, BoxError>>;

#[tokio::main]
async fn main() -> ExitCode {
    let layer = LetterheadLayer::new().on_end(|receipt| eprintln!("{receipt}"));
    shared::run(layer.layer(service_fn(answer)), curl_lines).await
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl -i http://{addr}/late\n\
         curl -i -H 'TE: trailers' http://{addr}/trailer\n\
         curl -i http://{addr}/fail-first\n"
    )
}

async fn answer(request: Request<RequestBody>) -> Result<Response<Body>, Infallible> {
    let head = match Head::of(request.extensions()) {
        Ok(head) => head,
        Err(error) => return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    };
    Ok(match request.uri().path() {
        "/late" => streamed(async move |frames: Frames| {
            let _ = head.insert("x-late", "landed");
            let _ = frames.send(Ok(Frame::data("late, but there\n".into()))).await;
        }),
        "/trailer" => {
            let _ = head.promise("x-checksum");
            streamed(async move |frames: Frames| {
                let _ = frames.send(Ok(Frame::data("content\n".into()))).await;
                let _ = head.insert("x-checksum", "8d9e");
            })
        }
        "/fail-first" => streamed(async |frames: Frames| {
            let _ = frames.send(Err("the first read failed".into())).await;
        }),
        path => text(StatusCode::NOT_FOUND, format!("nothing at {path}\n")),
    })
}

/// A body that a task writes.
fn streamed<W, F>(write: W) -> Response<Body>
where
    W: FnOnce(Frames) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (frames, body) = mpsc::channel(1);
    tokio::spawn(write(frames));
    Response::new(StreamBody::new(ReceiverStream::new(body)).boxed_unsync())
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    let body = http_body_util::Full::new(Bytes::from(text));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
