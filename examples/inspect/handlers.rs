//! Handlers that write early, late and too late, and bodies that fail.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ETAG, SET_COOKIE, VARY};
use http::{HeaderValue, StatusCode};
use letterhead::Head;
use letterhead::deny::FinalHead;
use tower_sessions::Session;

/// What the layers around it quarrel about.
pub(crate) async fn quarrel(head: Head, session: Session) -> Result<Response, StatusCode> {
    session.insert("seen", true).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let _ = head.append(VARY, "accept-language");
    let mut response = Response::new(Body::from("five layers have written to this head\n"));
    let fields = response.headers_mut();
    fields.insert(ETAG, HeaderValue::from_static("\"v1\""));
    fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://one.example"));
    Ok(response)
}

/// The number of rows is known when the first one is there.
pub(crate) async fn rows(head: Head) -> Body {
    Body::from_stream(stream::once(async move {
        let _ = head.insert("x-rows", "3");
        Ok::<_, io::Error>("one, two, three\n")
    }))
}

/// It writes when the head is gone.
pub(crate) async fn too_late(head: Head) -> Body {
    let frames = stream::iter([0, 1]).then(move |number| {
        let head = head.clone();
        async move {
            if number == 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = head.insert("x-rows", "3");
            }
            Ok::<_, io::Error>("a row\n")
        }
    });
    Body::from_stream(frames)
}

/// The first frame comes when the hold is over.
pub(crate) async fn slow() -> Body {
    let frames = stream::iter(1..=5).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Ok::<_, io::Error>(format!("{number}\n"))
    });
    Body::from_stream(frames)
}

/// A body that fails on its first frame.
pub(crate) async fn fails() -> Body {
    let error = io::Error::from_raw_os_error(libc::ESTALE);
    Body::from_stream(stream::iter([Err::<Bytes, _>(error)]))
}

/// A body that fails later.
pub(crate) async fn breaks() -> Body {
    let error = io::Error::other("the upstream closed the connection");
    Body::from_stream(stream::iter([Ok(Bytes::from_static(b"the first part\n")), Err(error)]))
}

/// Panics.
pub(crate) async fn panics() -> &'static str {
    panic!("the handler of /panic")
}

/// Sets a cookie on what every cache may keep.
pub(crate) async fn login(head: Head) -> [(http::HeaderName, &'static str); 1] {
    let _ = head.insert("cache-control", "public, max-age=600");
    [(SET_COOKIE, "session=yours")]
}

/// Denies a head that gives one user's cookie to others.
pub(crate) fn shared_cookie(head: &FinalHead<'_>) -> Option<String> {
    let control = head.fields().get("cache-control")?.to_str().ok()?;
    let is_shared = control.contains("public") && head.fields().contains_key(SET_COOKIE);
    is_shared.then(|| format!("{} sets a cookie on what every cache may keep", head.path()))
}
