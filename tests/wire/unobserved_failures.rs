//! Failures, panics and cancellation of a response that is not observed: as with a receipt.

use std::convert::Infallible;
use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use letterhead::{Failure, Head, LetterheadLayer, Recover, ResetCode, Stage};
use tower::{Layer as _, ServiceExt as _};

use crate::client::h2_get;
use crate::serve::{Act, Body, empty, script, serve_layer};

/// Wants nothing of the request, and resets by what it is told of the response.
struct ByStage;

impl Recover for ByStage {
    fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        let status = failure.status().map_or(0, |status| u32::from(status.as_u16()));
        ResetCode::new(if failure.stage() == Stage::Committed { status } else { 1 })
    }

    fn wants_target(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_recoverer_is_told_that_the_head_is_out() {
    for observed in [true, false] {
        let layer = LetterheadLayer::new().recover(ByStage);
        let layer = if observed { layer.on_end(|_| ()) } else { layer };
        let server = serve_layer(layer, |_, head| async move {
            drop(head);
            Response::new(script([Act::Data("a"), Act::Fail("broken".into())]))
        })
        .await;
        let reset = h2_get(&server, "/").await.unwrap().reset;
        assert_eq!(reset, Some(h2::Reason::from(200)), "observed: {observed}");
    }
}

/// Bytes whose owner says when it is dropped, and may panic then.
struct Owner {
    dropped: Arc<AtomicBool>,
    panics: bool,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
        assert!(!self.panics, "dropped");
    }
}

fn owned(dropped: &Arc<AtomicBool>, panics: bool) -> Bytes {
    Bytes::from_owner(Owner { dropped: Arc::clone(dropped), panics })
}

fn layers() -> [(bool, LetterheadLayer); 2] {
    [(true, LetterheadLayer::new().on_end(|_| ())), (false, LetterheadLayer::new())]
}

#[tokio::test]
async fn content_that_panics_in_its_drop_is_contained_where_it_is_not_read() {
    for (observed, layer) in layers() {
        let dropped = Arc::new(AtomicBool::new(false));
        let data = owned(&dropped, true);
        let service = layer.layer(tower::service_fn(move |_: Request<Body>| {
            let full = http_body_util::Full::new(data.clone());
            async move { Ok::<_, Infallible>(Response::new(full)) }
        }));
        let response = service.oneshot(Request::new(empty())).await.unwrap();
        let body = response.into_body();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(body)));
        assert!(dropped.load(Ordering::Relaxed), "observed: {observed}");
        assert!(caught.is_ok(), "observed: {observed}");
    }
}

/// A request that writes a value with an owner and whose client goes away while its body is silent.
async fn given_up(layer: &LetterheadLayer, dropped: &Arc<AtomicBool>, panics: bool) {
    let value = HeaderValue::from_maybe_shared(owned(dropped, panics)).unwrap();
    let value = std::sync::Mutex::new(Some(value));
    let service = layer.layer(tower::service_fn(move |request: Request<Body>| {
        let head = Head::of(request.extensions()).unwrap();
        let _ = head.insert("x-a", value.lock().unwrap().take().unwrap());
        let silent = script([Act::Wait(Arc::default())]);
        async move { Ok::<_, Infallible>(Response::new(silent)) }
    }));
    let waiting = service.oneshot(Request::new(empty()));
    let mut waiting = Box::pin(waiting);
    let first = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending()));
    assert!(first.await);
}

#[tokio::test]
async fn what_was_written_is_let_go_with_the_response() {
    for (observed, layer) in layers() {
        let dropped = Arc::new(AtomicBool::new(false));
        given_up(&layer, &dropped, false).await;
        assert!(dropped.load(Ordering::Relaxed), "observed: {observed}");
    }
}

#[tokio::test]
async fn a_value_that_panics_in_its_drop_does_not_hit_the_next_request() {
    for (observed, layer) in layers() {
        let dropped = Arc::new(AtomicBool::new(false));
        given_up(&layer, &dropped, true).await;
        let next = layer.layer(tower::service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from("b"))))
        }));
        let next = tokio::spawn(next.oneshot(Request::new(empty())));
        let body = next.await.unwrap_or_else(|e| panic!("observed: {observed}: {e}")).unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "b");
        assert!(dropped.load(Ordering::Relaxed), "observed: {observed}");
    }
}
