//! However large heads are, and however many, the ring takes no more than it may.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, Response};
use letterhead::inspect::Inspector;
use letterhead::report::{Collector, Reporter as _};
use letterhead::{Head, LetterheadLayer, Receipt, Rules};
use tower::{Layer as _, ServiceExt as _};

/// Heads of about 100 KiB: one large value, and many small ones; writes among them.
async fn large(head: Head) -> Response<Body> {
    let mut answer = Response::builder().header("x-large", "x".repeat(40 << 10));
    for number in 0..500 {
        answer = answer.header(format!("x-{number}"), "y".repeat(100));
    }
    for number in 0..100 {
        let _ = head.append("x-written", format!("{number} {}", "z".repeat(100)));
    }
    answer.body(Body::empty()).unwrap()
}

async fn receipt(path: &str) -> Receipt {
    let seen = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
    let app = layer.layer(Router::new().fallback(get(large)));
    let answer = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    drop(answer);
    let mut receipts = seen.take();
    assert_eq!(receipts.len(), 1);
    receipts.remove(0)
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// In a process of its own, because others would be measured, too.
#[test]
fn a_large_head_takes_its_share_and_the_oldest_leave() {
    const CHILD: &str = "LETTERHEAD_TEST_CHILD";
    const NAME: &str = "bounded::a_large_head_takes_its_share_and_the_oldest_leave";
    if std::env::var_os(CHILD).is_some_and(|child| child == NAME) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        return runtime.block_on(measured());
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = child.args([NAME, "--exact", "--nocapture"]).env(CHILD, NAME).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    println!("{}", String::from_utf8_lossy(&ran.stdout));
}

async fn measured() {
    let receipt = receipt(&format!("/{}", "p".repeat(20 << 10))).await;
    let inspector = Inspector::new().keep(100).keep_bytes(2 << 20);
    inspector.report(&receipt);
    let one = inspector.bytes();
    assert!((32 << 10..=Inspector::MOST_BYTES).contains(&one), "{one}");
    let before = resident();
    // Without a bound that would be 200 MiB and more.
    for _ in 0..2000 {
        inspector.report(&receipt);
        assert!(inspector.bytes() <= 2 << 20 && inspector.len() <= 100);
    }
    assert_eq!(inspector.len(), (2 << 20) / one);
    let grown = resident().saturating_sub(before);
    println!("one: {one} bytes; 2001 of them: {grown} bytes more, {} kept", inspector.len());
    assert!(grown < 64 << 20, "{grown} bytes more");
    let small = inspector.keep(3);
    assert_eq!((small.len(), small.bytes()), (3, 3 * one));
    let empty = small.keep_bytes(0);
    assert!(empty.is_empty());
    empty.report(&receipt);
    assert_eq!((empty.len(), empty.bytes()), (0, 0));
}

#[tokio::test]
async fn what_there_was_no_room_for_is_said() {
    let inspector = Inspector::new();
    inspector.report(&receipt("/").await);
    let mut request = Request::get("/_head/1.json").header("host", "localhost").body(()).unwrap();
    let peer = letterhead::report::Peer::new("127.0.0.1:1".parse().unwrap(), false);
    request.extensions_mut().insert(peer);
    let answer = inspector.service().oneshot(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let fields = json["head"]["fields"].as_array().unwrap();
    let cut = json["head"]["fields_cut"].as_u64().unwrap();
    assert_eq!(fields.len() as u64 + cut, 602);
    assert!(fields.len() > 20, "{}", fields.len());
    let large = fields.iter().find(|field| field["name"] == "x-large").unwrap();
    assert_eq!(large["too_large"], 40 << 10);
    assert_eq!(large["value"], "(40960 bytes, too large to keep)");
    let writes = json["receipt"]["writes"].as_array().unwrap().len() as u64;
    assert_eq!(writes + json["receipt"]["writes_cut"].as_u64().unwrap(), 100);
}

/// Says what is alive by its count.
#[derive(Clone, Debug)]
struct Counted(#[allow(dead_code, reason = "it is counted")] Arc<()>);

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("counted")
    }
}

impl std::error::Error for Counted {}

#[tokio::test]
async fn nothing_of_the_application_is_kept_alive() {
    let count = Arc::new(());
    let error = Counted(Arc::clone(&count));
    let inspector = Inspector::new();
    let layer = LetterheadLayer::new().reporter(inspector.clone());
    let app = layer.layer(tower::service_fn(move |_: Request<Body>| {
        let error = error.clone();
        async move { Err::<Response<Body>, _>(error) }
    }));
    let answer = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(answer.status(), 500);
    drop(answer);
    assert_eq!((inspector.len(), Arc::strong_count(&count)), (1, 1));
}

/// Counts spans that are over.
#[derive(Clone, Default)]
struct Closed(Arc<std::sync::atomic::AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Closed {
    fn on_close(&self, _: tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_span_of_a_request_is_over_with_its_response() {
    use tracing::Instrument as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    let closed = Closed::default();
    let subscriber = tracing_subscriber::registry().with(closed.clone());
    let _here = tracing::subscriber::set_default(subscriber);
    let inspector = Inspector::new();
    // It is this reporter that has the span noted.
    let layer = LetterheadLayer::new()
        .reporter(letterhead::report::Tracing::new())
        .reporter(inspector.clone());
    let app = layer.layer(Router::new().fallback(get(|| async { "a" })));
    let answer = app.oneshot(Request::new(Body::empty())).instrument(tracing::info_span!("one"));
    drop(answer.await.unwrap());
    assert_eq!((inspector.len(), closed.0.load(std::sync::atomic::Ordering::Relaxed)), (1, 1));
}
