//! Serves N requests of one case in process, for callgrind to count; alone it counts allocations.
//!
//! `instructions CASE N` serves and prints the allocations; without arguments every case is served
//! and a table of allocations for each request is printed. `instructions.sh` adds instructions.
#![expect(unsafe_code, reason = "a global allocator that counts is an unsafe trait")]
#![expect(clippy::unwrap_used, reason = "in a bench, a panic is the report")]

#[path = "instructions/options.rs"]
mod options;

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use letterhead::{Head, LetterheadLayer, Rules, named};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::layer::util::Identity;
use tower::util::MapResponseLayer;
use tower::{Layer as _, Service, service_fn};

use crate::options::{Takes, reported, with_option};

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise for `alloc` is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise for `realloc` is the system's.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise for `dealloc` is the system's.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Each case, and the one it is held against.
const CASES: [(&str, &str); 35] = [
    ("axum-identity", ""),
    ("axum-stateful", "axum-identity"),
    ("axum-layer", "axum-identity"),
    ("axum-write", "axum-identity"),
    ("axum-hook", "axum-identity"),
    ("axum-receipt", "axum-identity"),
    ("axum-stream-identity", ""),
    ("axum-stream-layer", "axum-stream-identity"),
    ("hyper-identity", ""),
    ("hyper-layer", "hyper-identity"),
    ("hyper-stream-identity", ""),
    ("hyper-stream-layer", "hyper-stream-identity"),
    // Two layers that do nothing, without names; then the same with names that nobody asks for,
    // and with names that somebody watches.
    ("two-layers", "hyper-layer"),
    ("two-named-unwatched", "two-layers"),
    ("watched", "hyper-identity"),
    ("watched-named", "watched"),
    // Somebody is given the receipts, and somebody who needs times.
    ("watched-reported", "watched"),
    ("watched-timed", "watched-reported"),
    // The inspector and an event for each response, which a subscriber takes and throws away; and times for the client.
    ("watched-inspected", "watched"),
    ("server-timing", "hyper-identity"),
    ("watched-two-named", "watched-named"),
    ("watched-three-named", "watched-two-named"),
    ("watched-named-write", "watched-named"),
    ("watched-named-two-writes", "watched-named-write"),
    ("watched-head-write", "watched"),
    ("watched-head-two-writes", "watched-head-write"),
    // What of a write is the field itself: written where nobody watches, and brought by the handler
    // where somebody does.
    ("named-write", "two-layers"),
    ("named-two-writes", "named-write"),
    ("head-write", "two-layers"),
    ("head-two-writes", "head-write"),
    ("watched-named-seven", "watched-named"),
    ("watched-named-eight", "watched-named-seven"),
    // A header policy of twenty blocks, of which none is about the request, one with a field, one with five.
    ("policy-no-field", "hyper-identity"),
    ("policy-one-field", "policy-no-field"),
    ("policy-five-fields", "policy-one-field"),
];

/// A layer that does nothing, but has a size: axum boxes and clones such a layer for each request,
/// which costs nothing for one without a size.
#[derive(Clone)]
struct Stateful(Arc<()>);

#[derive(Clone)]
struct StatefulService<S>(S, Arc<()>);

impl<S> tower::Layer<S> for Stateful {
    type Service = StatefulService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StatefulService(inner, Arc::clone(&self.0))
    }
}

impl<S: Service<R>, R> Service<R> for StatefulService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        assert!(Arc::strong_count(&self.1) > 0);
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}

/// A head of six fields.
const SIX: [(http::HeaderName, &str); 6] = [
    (http::header::CONTENT_TYPE, "text/plain"),
    (http::header::CACHE_CONTROL, "max-age=60"),
    (http::header::ETAG, "\"v1\""),
    (http::header::VARY, "accept-encoding"),
    (http::header::LAST_MODIFIED, "Tue, 24 Nov 2026 00:00:00 GMT"),
    (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Fields that a layer or a handler adds.
const ADDED: [http::HeaderName; 2] = [http::header::SERVER, http::header::REFERRER_POLICY];

const ANSWER: &str = "hello";

async fn plain() -> &'static str {
    ANSWER
}

/// Three frames of a length that is not told; as small as a channel's end, so that what is counted
/// is the layer and not the moves of a large body.
struct Three(u8);

impl Body for Three {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = ["he", "l", "lo"].get(usize::from(self.0));
        self.0 += 1;
        Poll::Ready(frame.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

async fn stream() -> Response<axum::body::Body> {
    Response::new(axum::body::Body::new(Three(0)))
}

async fn write(head: Head) -> &'static str {
    let _ = head.insert(http::header::SERVER, http::HeaderValue::from_static("x"));
    ANSWER
}

async fn hook(head: Head) -> &'static str {
    let _ = head.before_commit(|draft| {
        let _ = draft.insert(http::header::SERVER, http::HeaderValue::from_static("x"));
    });
    ANSWER
}

async fn run(case: &str, requests: u64) {
    let layer = LetterheadLayer::new();
    let axum = |method: axum::routing::MethodRouter| Router::new().route("/", method);
    let ready = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
    });
    // Six fields of usual kinds, and some more; and some that are written through `Head`.
    let answering = |more: usize, writes: usize| {
        service_fn(move |request: Request<Incoming>| async move {
            if let (1.., Ok(head)) = (writes, Head::of(request.extensions())) {
                for name in ADDED.iter().take(writes) {
                    let _ = head.insert(name, http::HeaderValue::from_static("x"));
                }
            }
            let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
            for (name, value) in SIX {
                response.headers_mut().insert(name, http::HeaderValue::from_static(value));
            }
            for name in ADDED.iter().take(more) {
                response.headers_mut().insert(name, http::HeaderValue::from_static("x"));
            }
            Ok::<_, Infallible>(response)
        })
    };
    let six = |writes: usize| answering(0, writes);
    let watching = LetterheadLayer::new().rules(Rules::standard());
    let writing = |count: usize| {
        MapResponseLayer::new(move |mut response: Response<Full<Bytes>>| {
            for name in ADDED.iter().take(count) {
                response.headers_mut().insert(name, http::HeaderValue::from_static("x"));
            }
            response
        })
    };
    let idle = || writing(0);
    let streamed =
        service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(Three(0))) });
    match case {
        "axum-identity" => drive(axum(get(plain)).layer(Identity::new()), requests).await,
        "axum-stateful" => {
            drive(axum(get(plain)).layer(Stateful(Arc::new(()))), requests).await;
        }
        "axum-layer" => drive(axum(get(plain)).layer(layer), requests).await,
        "axum-write" => drive(axum(get(write)).layer(layer), requests).await,
        "axum-hook" => drive(axum(get(hook)).layer(layer), requests).await,
        "axum-receipt" => {
            let layer = layer.on_end(|receipt| assert!(receipt.status().is_some()));
            drive(axum(get(plain)).layer(layer), requests).await;
        }
        "axum-stream-identity" => drive(axum(get(stream)).layer(Identity::new()), requests).await,
        "axum-stream-layer" => drive(axum(get(stream)).layer(layer), requests).await,
        "hyper-identity" => drive(Identity::new().layer(ready), requests).await,
        // One call for all of them: a second one changes what the compiler inlines.
        "hyper-layer" | "server-timing" | "policy-no-field" | "policy-one-field"
        | "policy-five-fields" => {
            drive(with_option(layer, case).layer(ready), requests).await;
        }
        "two-layers" => drive(layer.layer(idle().layer(idle().layer(six(0)))), requests).await,
        "two-named-unwatched" => {
            let stack = named("b", idle()).layer(named("a", idle()).layer(six(0)));
            drive(layer.layer(stack), requests).await;
        }
        "watched" | "watched-reported" | "watched-timed" | "watched-inspected" => {
            drive(reported(watching, case).layer(idle().layer(six(0))), requests).await;
        }
        "watched-named" => {
            drive(watching.layer(named("a", idle()).layer(six(0))), requests).await;
        }
        "watched-two-named" => {
            let stack = named("b", idle()).layer(named("a", idle()).layer(six(0)));
            drive(watching.layer(stack), requests).await;
        }
        "watched-three-named" => {
            let stack = named("b", idle()).layer(named("a", idle()).layer(six(0)));
            drive(watching.layer(named("c", idle()).layer(stack)), requests).await;
        }
        "watched-named-write" => {
            drive(watching.layer(named("a", writing(1)).layer(six(0))), requests).await;
        }
        "watched-named-two-writes" => {
            drive(watching.layer(named("a", writing(2)).layer(six(0))), requests).await;
        }
        "named-write" => drive(layer.layer(named("a", writing(1)).layer(six(0))), requests).await,
        "named-two-writes" => {
            drive(layer.layer(named("a", writing(2)).layer(six(0))), requests).await;
        }
        "head-write" => drive(layer.layer(idle().layer(six(1))), requests).await,
        "head-two-writes" => drive(layer.layer(idle().layer(six(2))), requests).await,
        "watched-named-seven" => {
            drive(watching.layer(named("a", idle()).layer(answering(1, 0))), requests).await;
        }
        "watched-named-eight" => {
            drive(watching.layer(named("a", idle()).layer(answering(2, 0))), requests).await;
        }
        "watched-head-write" => drive(watching.layer(idle().layer(six(1))), requests).await,
        "watched-head-two-writes" => drive(watching.layer(idle().layer(six(2))), requests).await,
        "hyper-stream-identity" => drive(Identity::new().layer(streamed), requests).await,
        "hyper-stream-layer" => drive(layer.layer(streamed), requests).await,
        other => panic!("wanted a case such as axum-layer, found {other:?}"),
    }
}

/// Serves one kept-alive connection in memory and asks one request after the other.
async fn drive<S, B>(service: S, requests: u64)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let (mut client, server) = tokio::io::duplex(4096);
    let service = TowerToHyperService::new(service);
    let server =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
    let asking = async {
        let mut read = vec![0; 4096];
        for _ in 0..requests {
            client.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n").await.unwrap();
            let mut length = 0;
            // Both kinds of body end in one of these two ways.
            while !(read[..length].ends_with(b"\r\n\r\nhello")
                || read[..length].ends_with(b"\r\n0\r\n\r\n"))
            {
                let more = client.read(&mut read[length..]).await.unwrap();
                assert!(more > 0, "closed after {:?}", String::from_utf8_lossy(&read[..length]));
                length += more;
            }
        }
        drop(client);
    };
    let (served, ()) = tokio::join!(server, asking);
    served.unwrap();
}

fn serve(case: &str, requests: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _taken = (case == "watched-inspected").then(|| tracing::subscriber::set_default(Takes));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    runtime.block_on(run(case, requests));
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Allocations for each request: the difference of two runs leaves out what is done once.
fn allocations(case: &str) -> u64 {
    (serve(case, 2000) - serve(case, 1000) + 500) / 1000
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(case) = args.next() else {
        println!("| case | allocations for each request | over identity |\n|---|---|---|");
        for (case, base) in CASES {
            let count = allocations(case);
            let over = if base.is_empty() {
                String::new()
            } else {
                format!("+{}", count - allocations(base))
            };
            println!("| {case} | {count} | {over} |");
        }
        return;
    };
    match (case.as_str(), args.next().and_then(|requests| requests.parse().ok())) {
        ("cases", _) => {
            for (case, base) in CASES {
                println!("{case} {base}");
            }
        }
        ("allocations", _) => {
            for (case, _) in CASES {
                println!("{case} {}", allocations(case));
            }
        }
        (case, Some(requests)) => println!("{}", serve(case, requests)),
        (case, None) => panic!("{case}: wanted a number of requests, found none"),
    }
}
