//! Code that is not ours and behaves badly: it panics in drops and hints, calls back from a drop, floods.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use letterhead::{Head, Hold, LetterheadLayer, Placed, Refusal};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

type Polled = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

/// A body made of a closure, and what it says about its end.
struct FnBody<F>(F, bool);

impl<F: FnMut(&mut Context<'_>) -> Polled + Unpin> Body for FnBody<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        (self.0)(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.1
    }
}

fn data(text: &'static str) -> Polled {
    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
}

fn silent() -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    FnBody(|_: &mut Context<'_>| Poll::Pending, false)
}

fn request(version: Version) -> Request<()> {
    let mut request = Request::new(());
    *request.version_mut() = version;
    request
}

/// The layer, and the receipts that it delivered, printed.
fn collected(layer: LetterheadLayer) -> (LetterheadLayer, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    (layer.on_end(move |receipt| seen.lock().unwrap().push(receipt.to_string())), lines)
}

#[tokio::test]
async fn readers_see_the_planned_head_from_inside_the_body() {
    let (seen, see) = mpsc::channel();
    let service = service_fn(move |request: Request<()>| {
        let (head, seen) = (Head::of(request.extensions()).unwrap(), seen.clone());
        let body = FnBody(
            move |_: &mut Context<'_>| {
                let promise = head.promise("x-a");
                seen.send((head.get("x-planned"), head.status(), promise)).unwrap();
                Poll::Ready(None)
            },
            false,
        );
        let mut response = Response::new(body);
        response.headers_mut().insert("x-planned", HeaderValue::from_static("1"));
        response.headers_mut().insert("content-length", HeaderValue::from_static("1"));
        async { Ok::<_, Infallible>(response) }
    });
    let response = LetterheadLayer::new().layer(service).oneshot(request(Version::HTTP_2)).await;
    assert_eq!(response.unwrap().headers()["x-planned"], "1");
    let expected = Placed::Refused(Refusal::HasLength);
    let value = Some(HeaderValue::from_static("1"));
    assert_eq!(see.recv().unwrap(), (value, Some(StatusCode::OK), expected));
}

/// The owner of a value's bytes; it asks for the head when it is dropped.
struct Owner(Head);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"value"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.stage();
    }
}

fn owned(head: &Head) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from_owner(Owner(head.clone()))).unwrap()
}

/// Runs `code` on a thread of its own; a deadlock fails the test instead of hanging it.
fn in_time(code: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        code();
        let _ = done.send(());
    });
    wait.recv_timeout(Duration::from_secs(20)).expect("it hangs, or has panicked");
}

#[test]
fn a_value_that_asks_for_the_head_in_its_drop_does_not_deadlock() {
    in_time(|| {
        let mut service = LetterheadLayer::new().layer(service_fn(|request: Request<()>| {
            let head = Head::of(request.extensions()).unwrap();
            assert!(head.insert("x-a", owned(&head)).is_placed());
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
        }));
        drop(service.call(Request::new(())));
    });
    in_time(|| {
        let service = LetterheadLayer::new().layer(service_fn(|request: Request<()>| {
            let head = Head::of(request.extensions()).unwrap();
            assert!(head.promise("x-sum").is_placed());
            let body = FnBody(
                move |_: &mut Context<'_>| {
                    if head.wrote_header() {
                        assert_eq!(head.insert("x-sum", owned(&head)), Placed::Trailers);
                    }
                    data("x")
                },
                false,
            );
            async { Ok::<_, Infallible>(Response::new(body)) }
        }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut body = service.oneshot(request(Version::HTTP_2)).await.unwrap().into_body();
            for _ in 0..2 {
                body.frame().await.unwrap().unwrap();
            }
        });
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any("a bomb");
        }
    }
}

#[tokio::test]
async fn bodies_that_panic_when_dropped_take_no_task_along() {
    for (kind, outcome) in [
        ("ended", "handed over"),
        ("none", "handed over"),
        ("trailers", "handed over"),
        ("held", "dropped while committed"),
        ("committed", "dropped while committed"),
    ] {
        let hold = if kind == "held" { Hold::up_to(10) } else { Hold::first_frame() };
        let (layer, lines) = collected(LetterheadLayer::new().hold(hold));
        let service = layer.layer(service_fn(move |_: Request<()>| async move {
            let (bomb, mut polls) = (Bomb, 0);
            let frames = move |_: &mut Context<'_>| {
                let _ = &bomb;
                polls += 1;
                match (kind, polls) {
                    ("none", _) | ("held", 2..) => Poll::Ready(None),
                    ("trailers", _) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
                    ("held" | "committed", 1) => data("x"),
                    _ => Poll::Pending,
                }
            };
            Ok::<_, Infallible>(Response::new(FnBody(frames, kind == "ended")))
        }));
        drop(service.oneshot(Request::new(())).await.unwrap());
        let lines = lines.lock().unwrap();
        assert!(lines.len() == 1 && lines[0].ends_with(outcome), "{kind}: {lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_cancelled_takes_no_task_along() {
    let (layer, lines) = collected(LetterheadLayer::new());
    let service = layer.layer(service_fn(|_: Request<()>| async {
        let _bomb = Bomb;
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
    }));
    let answer = service.oneshot(Request::new(()));
    assert!(tokio::time::timeout(Duration::from_millis(10), answer).await.is_err());
    assert!(lines.lock().unwrap()[0].ends_with("dropped while open"), "{lines:?}");
}

/// Panics when it is asked about its end or its length.
struct Moody(&'static str);

impl Body for Moody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled {
        data("x")
    }

    fn is_end_stream(&self) -> bool {
        assert!(self.0 != "end", "not the end");
        false
    }

    fn size_hint(&self) -> SizeHint {
        assert!(self.0 != "hint", "no hint");
        SizeHint::default()
    }
}

#[tokio::test]
async fn a_body_that_panics_when_it_is_asked_is_a_500() {
    for kind in ["end", "hint"] {
        let service = LetterheadLayer::new().layer(service_fn(move |_: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(Moody(kind)))
        }));
        let response = service.oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.status(), 500, "{kind}");
    }
}

#[test]
fn a_runtime_without_timers_is_probed_once() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.to_string().contains("timers are disabled") {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(info);
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let layer = LetterheadLayer::new();
    for _ in 0..3 {
        let service = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(silent()))
        }));
        runtime.block_on(service.oneshot(Request::new(()))).unwrap();
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_flood_of_tiny_frames_is_held_only_up_to_a_bound() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let layer = LetterheadLayer::new().hold(Hold::up_to(Hold::MOST_BYTES));
    let service = layer.layer(service_fn(move |_: Request<()>| {
        let polls = Arc::clone(&counted);
        let frames = move |_: &mut Context<'_>| {
            polls.fetch_add(1, Ordering::Relaxed);
            data("x")
        };
        async { Ok::<_, Infallible>(Response::new(FnBody(frames, false))) }
    }));
    drop(service.oneshot(Request::new(())).await.unwrap());
    assert_eq!(polls.load(Ordering::Relaxed), 1024);
}

#[tokio::test]
async fn a_head_without_room_for_another_field_goes_out_as_it_is() {
    let service = LetterheadLayer::new().layer(service_fn(|_: Request<()>| async {
        let mut response = Response::new(Full::new(Bytes::from_static(b"12345")));
        let name = |number| HeaderName::try_from(format!("x-{number}")).unwrap();
        let one = HeaderValue::from_static("1");
        let mut number = 0;
        while response.headers_mut().try_insert(name(number), one.clone()).is_ok() {
            number += 1;
        }
        Ok::<_, Infallible>(response)
    }));
    let mut request = Request::new(());
    *request.method_mut() = Method::HEAD;
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().len() > 20_000);
}

#[test]
fn a_promise_of_a_response_that_never_was_is_not_called_kept() {
    let (layer, lines) = collected(LetterheadLayer::new());
    let mut service = layer.layer(service_fn(|request: Request<()>| {
        assert!(Head::of(request.extensions()).unwrap().promise("x-sum").is_placed());
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }));
    drop(service.call(request(Version::HTTP_2)));
    assert!(lines.lock().unwrap()[0].ends_with("while open: never sent"), "{lines:?}");
}
