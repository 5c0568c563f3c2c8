//! The metrics by OpenTelemetry's conventions, in a recorder of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use expect_test::expect;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use letterhead::LetterheadLayer;
use letterhead::report::{HttpMetrics, Peer};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::app;

/// What OpenTelemetry's conventions say of a server's metrics: name, instrument, unit
/// (open-telemetry/semantic-conventions at 0f6e75d, `model/http/metrics.yaml`; stable since 1.23).
const CONVENTIONS: [(&str, &str, &str); 3] = [
    ("http.server.active_requests", "updowncounter", "{request}"),
    ("http.server.request.duration", "histogram", "s"),
    ("http.server.response.body.size", "histogram", "By"),
];

/// The attributes of duration and size (`attributes.http.server`), without those that are opted in.
const ATTRIBUTES: [&str; 6] = [
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "network.protocol.version",
    "url.scheme",
];

/// A name, its kind and its unit.
type Described = (String, &'static str, String);

/// The last value of each gauge, the sum of each counter, the values of each histogram, by name and labels.
#[derive(Clone, Default)]
struct Sheet {
    values: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    described: Arc<Mutex<BTreeSet<Described>>>,
}

struct Cell(Sheet, String);

impl Cell {
    fn change(&self, change: impl FnOnce(&mut Vec<f64>)) {
        change(self.0.values.lock().unwrap().entry(self.1.clone()).or_default());
    }

    fn add(&self, value: f64) {
        self.change(|values| *values = vec![values.first().unwrap_or(&0.0) + value]);
    }
}

impl CounterFn for Cell {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.change(|values| *values = vec![value]);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.change(|values| values.push(value));
    }
}

impl Sheet {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Cell(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn note(&self, name: &KeyName, kind: &'static str, unit: Option<Unit>) {
        let unit = unit.map_or("", |unit| unit.as_str()).to_owned();
        self.described.lock().unwrap().insert((name.as_str().to_owned(), kind, unit));
    }

    fn printed(&self) -> String {
        let values = self.values.lock().unwrap();
        let lines: Vec<_> =
            values.iter().map(|(key, values)| format!("{key} {values:?}")).collect();
        lines.join("\n")
    }

    fn value(&self, key: &str) -> Vec<f64> {
        self.values.lock().unwrap().get(key).cloned().unwrap_or_default()
    }
}

impl Recorder for Sheet {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.note(&name, "counter", unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.note(&name, "gauge", unit);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.note(&name, "histogram", unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

fn layer() -> LetterheadLayer {
    LetterheadLayer::new().reporter(HttpMetrics::new())
}

#[tokio::test(start_paused = true)]
async fn a_response_is_measured_to_its_end() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    let app = layer().layer(service_fn(|_: Request<()>| async {
        let frames = futures_util::stream::unfold(0, |nth| async move {
            tokio::time::sleep(Duration::from_millis(*[30, 50].get(nth)?)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"five "))), nth + 1))
        });
        Ok::<_, Infallible>(Response::new(StreamBody::new(Box::pin(frames))))
    }));
    let mut request = Request::new(());
    *request.version_mut() = http::Version::HTTP_2;
    request.extensions_mut().insert(Peer::new("192.0.2.7:4711".parse().unwrap(), true));
    let response = app.oneshot(request).await.unwrap();
    let active = "http.server.active_requests{http.request.method=GET,url.scheme=https}";
    assert_eq!(sheet.value(active), [1.0]);
    response.into_body().collect().await.map_err(|_| ()).unwrap();
    expect![[r"
        http.server.active_requests{http.request.method=GET,url.scheme=https} [0.0]
        http.server.request.duration{http.request.method=GET,url.scheme=https,network.protocol.version=2,http.response.status_code=200} [0.08]
        http.server.response.body.size{http.request.method=GET,url.scheme=https,network.protocol.version=2,http.response.status_code=200} [10.0]
        letterhead.hold.duration{letterhead.commit.cause=first frame} [0.03]"]]
    .assert_eq(&sheet.printed());
}

#[tokio::test(start_paused = true)]
async fn the_route_is_an_attribute_and_the_path_never_is() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    app::routed(&layer()).await;
    let printed = sheet.printed();
    assert_eq!(printed.matches("http.route=/users/{id}").count(), 3, "{printed}");
    assert!(!printed.contains("/users/7"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_is_one_of_few_words() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    assert_eq!(app::failing(&layer(), 0).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(app::failing(&layer(), 1).await, StatusCode::OK);
    let service = service_fn(|request: Request<()>| async move {
        if request.method() == Method::TRACE {
            std::future::pending::<()>().await;
        }
        let frames = std::iter::from_fn(|| panic!("the body's own")).take(1);
        let one = [Ok::<_, io::Error>(Frame::data(Bytes::from_static(b"one")))];
        let body = StreamBody::new(tokio_stream::iter(one.into_iter().chain(frames)));
        Ok::<_, Infallible>(Response::new(body))
    });
    let app = layer().layer(service);
    let ask = |method: &str| {
        let request = Request::builder().method(method).body(()).unwrap();
        app.clone().oneshot(request)
    };
    // A body that panics; a method that a client made up; a client that leaves.
    let response = ask("BREW").await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert!(tokio::time::timeout(Duration::from_millis(5), ask("TRACE")).await.is_err());
    expect![[r"
        http.server.active_requests{http.request.method=GET,url.scheme=http} [0.0]
        http.server.active_requests{http.request.method=TRACE,url.scheme=http} [0.0]
        http.server.active_requests{http.request.method=_OTHER,url.scheme=http} [0.0]
        http.server.request.duration{http.request.method=GET,url.scheme=http,network.protocol.version=1.1,http.response.status_code=200,error.type=body} [0.0]
        http.server.request.duration{http.request.method=GET,url.scheme=http,network.protocol.version=1.1,http.response.status_code=500,error.type=500} [0.0]
        http.server.request.duration{http.request.method=TRACE,url.scheme=http,network.protocol.version=1.1,error.type=dropped} [0.005]
        http.server.request.duration{http.request.method=_OTHER,url.scheme=http,network.protocol.version=1.1,http.response.status_code=200,error.type=panic} [0.0]
        letterhead.response.aborts{error.type=body} [1.0]
        letterhead.response.aborts{error.type=panic} [1.0]"]]
    .assert_eq(&without(&sheet.printed(), &["http.server.response.body.size", "letterhead.hold"]));
}

/// The lines that do not begin so.
fn without(printed: &str, begins: &[&str]) -> String {
    let stays = |line: &&str| !begins.iter().any(|begin| line.starts_with(begin));
    printed.lines().filter(stays).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn names_units_and_attributes_are_those_of_the_conventions() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    HttpMetrics::describe();
    let layer = layer();
    assert_eq!(app::plain(&layer).await, StatusCode::OK);
    app::routed(&layer).await;
    app::failing(&layer, 0).await;
    app::failing(&layer, 1).await;

    let described = sheet.described.lock().unwrap().clone();
    let ours: Vec<_> = described.iter().filter(|(name, ..)| name.starts_with("http.")).collect();
    let theirs = CONVENTIONS.map(|(name, instrument, unit)| {
        // The facade has no counter that goes down, but a gauge that goes up and down; and its own words for units.
        let kind = if instrument == "updowncounter" { "gauge" } else { instrument };
        let unit = match unit {
            "s" => "seconds",
            "By" => "bytes",
            _ => "count",
        };
        (name.to_owned(), kind, unit.to_owned())
    });
    assert_eq!(ours, theirs.iter().collect::<Vec<_>>());
    let mut found = BTreeSet::new();
    for line in sheet.printed().lines() {
        let (name, rest) = line.split_once('{').unwrap();
        assert!(described.iter().any(|(described, ..)| described == name), "{name}");
        let labels = rest.rsplit_once("} ").unwrap().0;
        let keys = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        if name.starts_with("http.") {
            found.extend(keys);
        }
    }
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ATTRIBUTES);
    let guide = include_str!("../../src/guide/reports.md");
    for (name, ..) in &described {
        assert!(guide.contains(&format!("| `{name}` |")), "{name} is not in the guide");
    }
    // The advice for the bounds of a duration's buckets.
    assert!(HttpMetrics::BUCKETS.is_sorted() && HttpMetrics::BUCKETS.len() == 14);
}

#[test]
fn reloads_of_the_policy_are_counted_by_what_became_of_them() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    [true, false, true].into_iter().for_each(HttpMetrics::policy_reloaded);
    expect![[r"
        letterhead.policy.reloads{letterhead.policy.outcome=refused} [1.0]
        letterhead.policy.reloads{letterhead.policy.outcome=taken} [2.0]"]]
    .assert_eq(&sheet.printed());
}

#[tokio::test]
async fn what_is_under_way_is_counted_though_its_call_panics() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    let app = layer().layer(service_fn(|_: Request<()>| {
        assert!(std::thread::panicking(), "the call's own");
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    }));
    let response = app.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let active = "http.server.active_requests{http.request.method=GET,url.scheme=http}";
    assert_eq!(sheet.value(active), [1.0]);
    drop(response);
    assert_eq!(sheet.value(active), [0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_says_so_though_its_status_is_200() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    let app = layer().layer(service_fn(|request: Request<()>| async move {
        assert!(request.uri().path() != "/panics", "the call's own");
        Err::<Response<Full<Bytes>>, _>(io::Error::other("gone"))
    }));
    for path in ["/fails", "/panics"] {
        let request = Request::post(path).header("content-type", "application/grpc").body(());
        let response = app.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        drop(response.into_body().collect().await.map_err(|_| ()).unwrap());
    }
    let printed = sheet.printed();
    let ends = |word: &str| {
        let label = format!("http.response.status_code=200,error.type={word}}} [");
        printed.lines().filter(|line| line.contains(&label)).count()
    };
    assert_eq!((ends("service"), ends("panic")), (2, 2), "{printed}");
    assert!(!printed.contains("letterhead.response.aborts"), "{printed}");
}

#[tokio::test]
async fn a_query_is_a_method_that_is_known() {
    let sheet = Sheet::default();
    let _here = metrics::set_default_local_recorder(&sheet);
    let app = layer().layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    for method in ["QUERY", "query"] {
        let request = Request::builder().method(method).body(()).unwrap();
        drop(app.clone().oneshot(request).await.unwrap());
    }
    let active = |method| {
        format!("http.server.active_requests{{http.request.method={method},url.scheme=http}}")
    };
    assert_eq!(sheet.value(&active("QUERY")), [0.0]);
    assert_eq!(sheet.value(&active("_OTHER")), [0.0], "names are case-sensitive");
}
