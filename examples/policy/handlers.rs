//! Handlers that answer, one that does not, one that panics, and one whose body fails.

use std::io;

use axum::body::Body;
use axum::extract::Path;
use http::{HeaderName, header};
use letterhead::deny::FinalHead;

/// Says what it runs on, and wants to be framed; the policy takes the one away, and leaves the other.
pub(crate) async fn hello(Path(name): Path<String>) -> ([(HeaderName, &'static str); 2], String) {
    let fields = [
        (HeaderName::from_static("x-powered-by"), "axum"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    (fields, format!("hello, {name}\n"))
}

/// One user's own, whatever a policy says of caches.
pub(crate) async fn private() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CACHE_CONTROL, "private, no-store")], "yours alone\n")
}

/// Sets a cookie where the policy lets every cache keep the answer: a deny rule is for that.
pub(crate) async fn login() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::SET_COOKIE, "session=yours")], "welcome\n")
}

/// Denies a head that lets a shared cache give one user's cookie to others.
pub(crate) fn shared_cookie(head: &FinalHead<'_>) -> Option<String> {
    let control = head.fields().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let is_shared = control.contains("public") && head.fields().contains_key(header::SET_COOKIE);
    is_shared.then(|| format!("{} sets a cookie on what every cache may keep", head.path()))
}

/// Never answers, so that a layer does.
pub(crate) async fn slow() {
    std::future::pending::<()>().await;
}

/// Any site's to read.
pub(crate) async fn shared() -> &'static str {
    "everybody's\n"
}

/// Panics.
pub(crate) async fn panics() -> &'static str {
    panic!("the handler of /panic")
}

/// A body that fails before its first byte.
pub(crate) async fn fails() -> Body {
    let error = io::Error::from_raw_os_error(libc::EBUSY);
    Body::from_stream(tokio_stream::iter([Err::<&str, _>(error)]))
}
