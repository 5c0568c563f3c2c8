//! Routes whose bodies fail: at once, later, or by a panic.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::RawQuery;
use axum::response::IntoResponse as _;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, ETAG};
use http::{HeaderValue, Response, StatusCode};

use crate::{Frames, send, streamed};

/// Fails on the first frame, with an error number if one is asked for.
pub(crate) async fn fail_first(RawQuery(query): RawQuery) -> Response<Body> {
    let error = if let Some(name) = query.as_deref().and_then(|q| q.strip_prefix("errno=")) {
        let Some(errno) = errno(name) else {
            let names: Vec<_> = ERRNOS.iter().map(|(name, _)| *name).collect();
            let text = format!("errno: wanted one of {}, found {name:?}\n", names.join(" "));
            return (StatusCode::BAD_REQUEST, text).into_response();
        };
        io::Error::from_raw_os_error(errno)
    } else {
        io::Error::other("the first read failed")
    };
    let mut response = streamed(async move |frames: Frames| {
        let _ = frames.send(Err(error.into())).await;
    });
    let fields = response.headers_mut();
    fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    fields.insert(ETAG, HeaderValue::from_static("\"1\""));
    fields.insert(CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}

const ERRNOS: [(&str, i32); 10] = [
    ("EACCES", libc::EACCES),
    ("EBUSY", libc::EBUSY),
    ("EDQUOT", libc::EDQUOT),
    ("EIO", libc::EIO),
    ("EMFILE", libc::EMFILE),
    ("ENOENT", libc::ENOENT),
    ("ENOSPC", libc::ENOSPC),
    ("EPERM", libc::EPERM),
    ("EROFS", libc::EROFS),
    ("ESTALE", libc::ESTALE),
];

fn errno(name: &str) -> Option<i32> {
    ERRNOS.iter().find(|(known, _)| *known == name).map(|(_, errno)| *errno)
}

/// One chunk, then an error: 100 ms later, or at once with `?now`.
pub(crate) async fn fail_later(RawQuery(query): RawQuery) -> Response<Body> {
    let now = query.as_deref() == Some("now");
    streamed(async move |frames: Frames| {
        send(&frames, "the first chunk\n").await;
        if !now {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = frames.send(Err("a later read failed".into())).await;
    })
}

/// Panics when its first frame is wanted.
pub(crate) async fn panic_first() -> Response<Body> {
    let frames = tokio_stream::iter([()]);
    let frames = tokio_stream::StreamExt::map(frames, |()| -> io::Result<&'static str> {
        panic!("the first frame")
    });
    Response::new(Body::from_stream(frames))
}
