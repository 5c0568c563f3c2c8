//! Races and leaks: flushes from other threads, hooks that hold a head, callbacks that panic.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use letterhead::{CommitCause, Head, Hold, LetterheadLayer, Placed, Refusal, Stage};
use tower::{Layer as _, ServiceExt as _, service_fn};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// A deadline that no test waits for.
const NEVER: Duration = Duration::from_secs(3600);

fn pending() -> Body {
    http_body_util::StreamBody::new(tokio_stream::pending()).boxed_unsync()
}

fn full() -> Body {
    Full::from("full").map_err(|never| match never {}).boxed_unsync()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_from_another_thread_is_never_lost() {
    let (heads, flusher) = std::sync::mpsc::channel::<(Head, u32)>();
    let thread = std::thread::spawn(move || {
        for (head, spins) in flusher {
            // A different moment each time: before the answer, while the future goes to sleep,
            // or after that.
            for _ in 0..spins {
                std::hint::spin_loop();
            }
            head.flush();
        }
    });
    let service = service_fn(move |request: Request<u32>| {
        let head = Head::of(request.extensions()).unwrap();
        heads.send((head, *request.body())).unwrap();
        async { Ok::<_, Infallible>(Response::new(pending())) }
    });
    let layer = LetterheadLayer::new().hold(Hold::first_frame().deadline(NEVER));
    let service = layer.layer(service);
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..30_000 {
        let request = Request::new(random.u32(..600));
        let response = tokio::spawn(service.clone().oneshot(request));
        let response = tokio::time::timeout(Duration::from_secs(20), response).await;
        assert!(response.is_ok(), "round {round}: the flush was lost");
    }
    drop(service);
    thread.join().unwrap();
}

/// Counts its drops.
struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The ways in which an exchange may end.
#[derive(Clone, Copy, Debug)]
enum End {
    Unpolled,
    WhileOpen,
    WhileHeld,
    WhileCommitted,
    Complete,
    Failed,
}

const ENDS: [End; 6] = [
    End::Unpolled,
    End::WhileOpen,
    End::WhileHeld,
    End::WhileCommitted,
    End::Complete,
    End::Failed,
];

/// Makes one exchange end in this way. Its hook and its callback hold the head and a token.
async fn exchange(layer: &LetterheadLayer, end: End, drops: &Arc<AtomicUsize>) {
    let service = service_fn(|request: Request<Arc<AtomicUsize>>| {
        let head = Head::of(request.extensions()).unwrap();
        let (hook, callback) = (head.clone(), head.clone());
        let (first, second) = (Token(request.body().clone()), Token(request.body().clone()));
        head.before_commit(move |_| {
            assert_eq!(hook.insert("x-a", "1"), Placed::Refused(Refusal::Committing));
            drop(first);
        })
        .unwrap();
        head.after_end(move |_| {
            assert_eq!(callback.insert("x-a", "1"), Placed::Refused(Refusal::BodyOver));
            drop(second);
        })
        .unwrap();
        async move {
            let body = match end {
                End::Unpolled | End::WhileOpen => std::future::pending().await,
                End::WhileHeld => pending(),
                End::WhileCommitted | End::Complete => full(),
                End::Failed => {
                    let failed = tokio_stream::iter([Err(std::io::Error::other("no"))]);
                    http_body_util::StreamBody::new(failed).boxed_unsync()
                }
            };
            Ok::<_, Infallible>(Response::new(body))
        }
    });
    let mut future = Box::pin(layer.layer(service).oneshot(Request::new(Arc::clone(drops))));
    match end {
        End::Unpolled => drop(future),
        End::WhileOpen | End::WhileHeld => {
            let turn = tokio::time::timeout(Duration::from_millis(1), future.as_mut());
            assert!(turn.await.is_err(), "{end:?}: it is not held");
            drop(future);
        }
        End::WhileCommitted => drop(future.await.unwrap()),
        End::Complete | End::Failed => {
            future.await.unwrap().into_body().collect().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_holds_the_head_leaks_nothing_in_any_ending() {
    let receipts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&receipts);
    let layer = LetterheadLayer::new().on_end(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    for end in ENDS {
        let drops = Arc::new(AtomicUsize::new(0));
        receipts.store(0, Ordering::SeqCst);
        exchange(&layer, end, &drops).await;
        // `oneshot` calls the service at its first poll: unpolled, there is no exchange.
        let expected = if matches!(end, End::Unpolled) { (0, 0) } else { (2, 1) };
        let found = (drops.load(Ordering::SeqCst), receipts.load(Ordering::SeqCst));
        assert_eq!(found, expected, "{end:?}");
        assert_eq!(Arc::strong_count(&drops), 1, "{end:?}");
    }
}

#[tokio::test]
async fn a_future_that_was_never_polled_has_a_receipt() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let layer = LetterheadLayer::new()
        .on_end(move |receipt| kept.lock().unwrap().push(receipt.to_string()));
    let mut service = layer
        .layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(full())) }));
    drop(tower::Service::call(&mut service, Request::new(())));
    let expected = "GET HTTP/1.1 -> no response, held 0 B, sent 0 B, hooks 0, dropped while open";
    assert_eq!(*seen.lock().unwrap(), [expected]);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bomb");
    }
}

#[tokio::test]
async fn callbacks_that_panic_end_neither_the_receipts_nor_the_process() {
    let receipts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&receipts);
    let layer = LetterheadLayer::new().on_end(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("on_end");
    });
    let service = service_fn(|request: Request<bool>| async move {
        let head = Head::of(request.extensions()).unwrap();
        head.after_end(|_| panic!("the first callback")).unwrap();
        let bomb = Bomb;
        head.after_end(move |_| drop(bomb)).unwrap();
        let bomb = Bomb;
        let _ = head.before_commit(move |_| std::mem::forget(bomb));
        head.after_end(|_| std::panic::panic_any(Bomb)).unwrap();
        Ok::<_, Infallible>(Response::new(full()))
    });
    let service = layer.layer(service);
    // In a plain drop, at the end of a body, and while the task unwinds.
    drop(service.clone().oneshot(Request::new(false)).await.unwrap());
    service
        .clone()
        .oneshot(Request::new(false))
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    let unwinding = tokio::spawn(async move {
        let _response = service.oneshot(Request::new(true)).await.unwrap();
        panic!("the task");
    });
    assert!(unwinding.await.unwrap_err().is_panic());
    assert_eq!(receipts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn hooks_register_hooks_and_run_into_a_bound() {
    fn again(draft: &mut letterhead::HeadDraft<'_>) {
        draft.before_commit(again);
    }
    fn panics(_: &mut letterhead::HeadDraft<'_>) {
        panic!("no");
    }
    let service = service_fn(|request: Request<&'static str>| async move {
        let head = Head::of(request.extensions()).unwrap();
        match *request.body() {
            "nested" => head.before_commit(|draft| {
                let _ = draft.append("x-order", "outer");
                draft.before_commit(|draft| {
                    let _ = draft.append("x-order", "inner");
                });
            }),
            "fails" => head.before_commit(|_| Err("no")),
            "panics" => head.before_commit(panics),
            _ => head.before_commit(again),
        }
        .unwrap();
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let failures = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&failures);
    let layer = LetterheadLayer::new().on_end(move |receipt| {
        kept.lock().unwrap().push(receipt.failure().map(|error| format!("{error:#}")));
        let failed = receipt.cause() == Some(CommitCause::Failure);
        assert_eq!(failed, receipt.failure().is_some());
    });
    let service = layer.layer(service);
    for (kind, status) in [("nested", 200), ("fails", 500), ("panics", 500), ("endless", 500)] {
        let response = service.clone().oneshot(Request::new(kind)).await.unwrap();
        assert_eq!(response.status(), status, "{kind}");
        if kind == "nested" {
            let order: Vec<_> = response.headers().get_all("x-order").iter().collect();
            assert_eq!(order, ["outer", "inner"]);
        }
    }
    let expected = [
        None,
        Some("a before-commit hook failed: no"),
        Some("a before-commit hook failed: panicked: no"),
        Some("a before-commit hook failed: wanted at most 1024 hooks, found one more"),
    ];
    assert_eq!(*failures.lock().unwrap(), expected.map(|text| text.map(str::to_owned)));
}

#[tokio::test]
async fn a_head_that_outlives_its_response_says_so() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let service = service_fn(move |request: Request<()>| {
        *keep.lock().unwrap() = Some(Head::of(request.extensions()).unwrap());
        async { Ok::<_, Infallible>(Response::new(full())) }
    });
    drop(LetterheadLayer::new().layer(service).oneshot(Request::new(())).await.unwrap());
    let head = kept.lock().unwrap().take().unwrap();
    assert_eq!((head.stage(), head.wrote_header()), (Stage::Ended, true));
    assert_eq!(head.insert("x-a", "1"), Placed::Refused(Refusal::BodyOver));
    assert_eq!(head.promise("x-a"), Placed::Refused(Refusal::BodyOver));
    assert_eq!(head.before_commit(|_| ()), Err(Refusal::BodyOver));
    head.flush();
}
