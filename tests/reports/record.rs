//! What a receipt knows beside the head: who asked, in which trace, and when the response came how far.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use letterhead::report::{Background, Collector, Peer, Reporter, Times};
use letterhead::{Hold, LetterheadLayer, Receipt, Rules};
use tokio::time::sleep;
use tower::{Layer as _, ServiceExt as _, service_fn};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A collector whose receipts have times.
#[derive(Clone, Default)]
struct Timed(Collector);

impl Reporter for Timed {
    fn report(&self, receipt: &Receipt) {
        self.0.report(receipt);
    }

    fn needs_times(&self) -> bool {
        true
    }
}

fn only(collector: &Collector) -> Receipt {
    let mut receipts = collector.take();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    receipts.remove(0)
}

/// A service that answers after 20 ms; its body has a frame after 30 ms more, and one after 50 ms more.
async fn slow(layer: &LetterheadLayer) -> Response<impl http_body::Body<Data = Bytes> + use<>> {
    let app = layer.layer(service_fn(|_: Request<()>| async {
        sleep(millis(20)).await;
        let frames = futures_util::stream::unfold(0, |nth| async move {
            sleep(millis(*[30, 50].get(nth)?)).await;
            let data = Bytes::from_static(b"five ");
            Some((Ok::<_, Infallible>(Frame::data(data)), nth + 1))
        });
        Ok::<_, Infallible>(Response::new(StreamBody::new(Box::pin(frames))))
    }));
    app.oneshot(Request::new(())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_response_has_its_time() {
    let seen = Timed::default();
    let response = slow(&LetterheadLayer::new().reporter(seen.clone())).await;
    sleep(millis(7)).await;
    response.into_body().collect().await.map_err(|_| ()).unwrap();
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!(times.answered(), Some(millis(20)));
    assert_eq!(times.committed(), Some(millis(50)));
    assert_eq!(times.first_byte(), Some(millis(57)));
    assert_eq!(times.ended(), millis(107));
    assert_eq!((times.hold(), receipt.hold_time()), (Some(millis(30)), Some(millis(30))));
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_as_long_as_its_deadline_where_nothing_comes() {
    let seen = Timed::default();
    let hold = Hold::first_frame().deadline(millis(10));
    let response = slow(&LetterheadLayer::new().hold(hold).reporter(seen.clone())).await;
    response.into_body().collect().await.map_err(|_| ()).unwrap();
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!((times.committed(), times.first_byte()), (Some(millis(30)), Some(millis(50))));
    assert_eq!(receipt.hold_time(), Some(millis(10)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_has_the_times_until_then() {
    let seen = Timed::default();
    let layer = LetterheadLayer::new().reporter(seen.clone());
    assert!(tokio::time::timeout(millis(5), slow(&layer)).await.is_err());
    let expected = Times::default();
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!(times.ended(), millis(5));
    assert_eq!(
        (times.answered(), times.committed(), times.first_byte()),
        (expected.answered(), expected.committed(), expected.first_byte())
    );
    assert_eq!(receipt.hold_time(), None);

    let response = slow(&layer).await;
    sleep(millis(1)).await;
    drop(response);
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!((times.committed(), times.first_byte()), (Some(millis(50)), None));
    assert_eq!(times.ended(), millis(51));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_has_answered_when_that_is_answered_for_it() {
    let seen = Timed::default();
    let layer = LetterheadLayer::new().reporter(seen.clone());
    let app = layer.layer(service_fn(|_: Request<()>| async {
        sleep(millis(20)).await;
        assert!(sleep(millis(1)).is_elapsed(), "the handler's own");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let response = app.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    drop(response.into_body().collect().await.map_err(|_| ()).unwrap());
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!((times.answered(), times.committed()), (Some(millis(20)), Some(millis(20))));
    assert_eq!(receipt.hold_time(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_response_without_content_has_no_first_byte() {
    let seen = Timed::default();
    let layer = LetterheadLayer::new().reporter(seen.clone());
    let app = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    drop(app.oneshot(Request::new(())).await.unwrap());
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!((times.committed(), times.first_byte()), (Some(Duration::ZERO), None));
}

/// A request that says who and which it is, and a response that may have an id, too.
fn ask(layer: &LetterheadLayer, of_response: Option<&'static str>) {
    let app = layer.layer(service_fn(move |_: Request<()>| async move {
        let mut response = Response::new(Full::<Bytes>::default());
        if let Some(id) = of_response {
            response.headers_mut().insert("x-request-id", HeaderValue::from_static(id));
        }
        Ok::<_, Infallible>(response)
    }));
    let mut request = Request::new(());
    request.extensions_mut().insert(Peer::new("192.0.2.7:4711".parse().unwrap(), true));
    let fields = request.headers_mut();
    fields.insert("x-request-id", HeaderValue::from_static("of-request"));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    fields.insert("traceparent", HeaderValue::from_static(trace));
    // Without a runtime, too.
    drop(app.oneshot(request).now_or_never().unwrap().unwrap());
}

#[test]
fn a_receipt_says_who_asked_and_in_which_trace() {
    let seen = Collector::new();
    let layer = LetterheadLayer::new().reporter(seen.clone());
    ask(&layer, None);
    let receipt = only(&seen);
    let peer = receipt.peer().unwrap();
    assert_eq!((peer.addr.to_string().as_str(), peer.secure), ("192.0.2.7:4711", true));
    assert_eq!(receipt.request_id(), Some("of-request"));
    let trace = receipt.trace().unwrap();
    assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((trace.parent_id(), trace.is_sampled()), ("00f067aa0ba902b7", true));
    assert_eq!((receipt.times(), receipt.hold_time()), (None, None), "nobody needs them");

    ask(&layer, Some("of-response"));
    assert_eq!(only(&seen).request_id(), Some("of-response"));
    ask(&layer, Some("not an id"));
    assert_eq!(only(&seen).request_id(), Some("of-request"));
}

#[test]
fn a_secret_id_is_not_shown() {
    let seen = Collector::new();
    let rules = Rules::standard().secret(HeaderName::from_static("x-request-id"));
    let layer = LetterheadLayer::new().rules(rules).reporter(seen.clone());
    ask(&layer, None);
    ask(&layer, Some("of-response"));
    for receipt in seen.take() {
        assert_eq!(receipt.request_id(), None);
        assert!(receipt.trace().is_some());
    }
}

#[test]
fn nothing_is_kept_of_a_request_that_nobody_watches() {
    let (at_end, seen) = (Collector::new(), Collector::new());
    let ended = at_end.clone();
    let layer = LetterheadLayer::new().on_end(move |receipt| ended.report(receipt));
    ask(&layer, None);
    let receipt = only(&at_end);
    assert!(receipt.peer().is_none() && receipt.request_id().is_none());
    assert!(receipt.trace().is_none() && receipt.times().is_none());

    // Of two requests only the first is watched.
    let layer = layer.reporter(seen.clone()).times(true).sample(2);
    ask(&layer, None);
    ask(&layer, None);
    let receipts = at_end.take();
    let known: Vec<_> = receipts.iter().map(|receipt| receipt.times().is_some()).collect();
    assert_eq!(known, [true, false]);
    assert!(receipts[0].peer().is_some() && receipts[1].peer().is_none());
    assert!(only(&seen).times().is_some());
}

#[test]
fn whoever_needs_times_has_them_through_every_wrapper() {
    fn check(reporter: &impl Reporter, expected: bool) {
        assert_eq!(reporter.needs_times(), expected);
    }
    check(&Timed::default(), true);
    check(&Arc::new(Timed::default()), true);
    check(&Arc::new(Background::new(Timed::default(), 1).unwrap()), true);
    check(&|_: &Receipt| {}, false);
    check(&Background::new(Collector::new(), 1).unwrap(), false);

    let seen = Timed::default();
    let layer = LetterheadLayer::new().reporter(seen.clone()).times(false);
    ask(&layer, None);
    assert!(only(&seen.0).times().is_some(), "a reporter still needs them");
    let seen = Collector::new();
    let layer = LetterheadLayer::new().reporter(seen.clone()).times(true);
    ask(&layer, None);
    assert!(only(&seen).times().is_some());
    ask(&layer.times(false), None);
    assert!(only(&seen).times().is_none());
}

#[test]
fn times_do_not_go_back_where_a_response_ends_outside_of_its_runtime() {
    let seen = Timed::default();
    let layer = LetterheadLayer::new().reporter(seen.clone());
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
    let response = runtime.block_on(async {
        let app = layer.layer(service_fn(|_: Request<()>| async {
            sleep(Duration::from_secs(3600)).await;
            let one = Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"one")));
            let frames = tokio_stream::iter([one]);
            Ok::<_, Infallible>(Response::new(StreamBody::new(frames)))
        }));
        app.oneshot(Request::new(())).await.unwrap()
    });
    drop(runtime);
    drop(response);
    let receipt = only(&seen.0);
    let times = receipt.times().unwrap();
    assert_eq!(times.committed(), Some(Duration::from_secs(3600)));
    assert_eq!(times.ended(), Duration::from_secs(3600));
}
