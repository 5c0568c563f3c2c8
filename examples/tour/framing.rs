//! Routes whose head and content disagree, or whose head has to go out early, late or whole.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Query;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use letterhead::{Head, Hold};

use crate::{Frames, send, streamed};

/// The most bytes that `/length-lie` makes.
const MOST: usize = 1 << 20;

/// Declares one length and has another.
pub(crate) async fn length_lie(
    Query(lengths): Query<std::collections::HashMap<String, String>>,
) -> Response<Body> {
    let number = |name, default| match lengths.get(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().ok().filter(|n| *n <= MOST).ok_or_else(|| {
            format!("{name}: wanted a number of bytes up to {MOST}, found {text:?}\n")
        }),
    };
    let (declared, actual) = match (number("declared", 3), number("actual", 5)) {
        (Ok(declared), Ok(actual)) => (declared, actual),
        (Err(text), _) | (_, Err(text)) => return (StatusCode::BAD_REQUEST, text).into_response(),
    };
    let mut response = Response::new(Body::from("x".repeat(actual)));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(declared));
    response
}

/// A status without content, with a length and content.
pub(crate) async fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::from("not due"));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
    response
}

/// Three events, the first after a second; the head must not wait for it.
pub(crate) async fn events() -> Response<Body> {
    let mut response = streamed(async |frames: Frames| {
        for number in 1..=3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            send(&frames, format!("data: {number}\n\n")).await;
        }
    });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// A body that starts long after the deadline.
pub(crate) async fn slow_first() -> Response<Body> {
    streamed(async |frames: Frames| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        send(&frames, "a second later\n").await;
    })
}

/// Three frames within the hold; a field is written when the last one is there.
pub(crate) async fn small(head: Head) -> Response<Body> {
    let rows = ["one\n", "two\n", "three\n"];
    let frames = rows.into_iter().enumerate().map(move |(number, row)| {
        if number + 1 == rows.len() {
            let _ = head.insert("x-rows", rows.len());
        }
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(row.as_bytes())))
    });
    let frames = http_body_util::StreamBody::new(tokio_stream::iter(frames));
    let mut response = Response::new(Body::new(frames));
    response.extensions_mut().insert(Hold::up_to(4096));
    response
}

/// A websocket that echoes.
pub(crate) async fn ws(upgrade: WebSocketUpgrade) -> Response<Body> {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let echo = matches!(message, Message::Text(_) | Message::Binary(_));
            if echo && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}
