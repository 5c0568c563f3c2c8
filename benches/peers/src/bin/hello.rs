//! One and the same axum application behind `letterhead::serve` and `axum::serve`, for connections that wait.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use axum::{Router, routing::get};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body::Frame;
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;

/// An event stream that has one event, and then waits for ever.
struct Events(Option<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |event| Poll::Ready(Some(Ok(Frame::data(event)))))
    }
}

async fn events() -> Response {
    let body = Body::new(Events(Some(Bytes::from_static(b"data: hello\n\n"))));
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn main() -> std::io::Result<()> {
    let (_, server) = arguments();
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/events", get(events))
        .route("/poll", get(std::future::pending::<&str>))
        .with_state(());
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        match server.as_str() {
            "letterhead" => {
                // Nothing is closed for being idle while it is weighed.
                let server =
                    letterhead::serve(listener, app).idle_timeout(std::time::Duration::MAX);
                server.await.map(drop)
            }
            "axum" => {
                let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
                axum::serve(listener, app).await
            }
            other => panic!("wanted letterhead or axum, found `{other}`"),
        }
    })
}
