//! What the request's span is given of its response, held against OpenTelemetry's conventions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use letterhead::report::{Background, Collector, Reporter, SpanAttributes, SpanValue};
use letterhead::{Head, LetterheadLayer, named};
use tower::{Layer as _, ServiceExt as _};
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument as _, Metadata, Subscriber};
use tracing_core::span::Current;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The attributes of a server's span (open-telemetry/semantic-conventions at 00e4b4e, `docs/http/http-spans.md`; stable
/// since 1.23), with their types, as far as they are stable and known when a response is over.
const OF_A_SERVER: [(&str, &str); 4] = [
    ("error.type", "string"),
    ("http.response.header.<key>", "string[]"),
    ("http.response.status_code", "int"),
    ("http.route", "string"),
];

/// Each span's fields, as they were when it closed; events are told by their message.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<BTreeMap<String, String>>>>, Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.1.lock().unwrap().push(format!("{:?}", fields.0));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let fields = context.span(&id).unwrap().extensions_mut().remove::<Fields>().unwrap();
        self.0.lock().unwrap().push(fields.0);
    }
}

fn app(layer: LetterheadLayer) -> Router {
    async fn fine() -> impl axum::response::IntoResponse {
        let fields = [(CACHE_CONTROL, "private"), (VARY, "origin"), (SET_COOKIE, "sid=s3cr3t")];
        (axum::response::AppendHeaders(fields), axum::response::AppendHeaders([(VARY, "accept")]))
    }
    Router::new()
        .route("/fine/{id}", get(fine))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/panic", get(|| async { panic!("as it is meant") as () }))
        .layer(named("nothing", tower::layer::util::Identity::new()))
        .layer(layer)
}

/// Asks within a span that has a place for every attribute.
async fn ask(app: &Router, path: &str) {
    let span = tracing::info_span!(
        "request",
        path,
        otel.status_code = Empty,
        http.response.status_code = Empty,
        http.route = Empty,
        error.type = Empty,
        "http.response.header.cache-control" = Empty,
        "http.response.header.vary" = Empty,
        "http.response.header.set-cookie" = Empty,
    );
    ask_in(app, path, span).await;
}

async fn ask_in(app: &Router, path: &str, span: tracing::Span) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).instrument(span).await.unwrap();
    answer.into_body().collect().await.unwrap();
}

fn attributes() -> SpanAttributes {
    SpanAttributes::new().header(CACHE_CONTROL).header(VARY).header(SET_COOKIE)
}

async fn recorded(
    reporter: impl Reporter,
    paths: &[&str],
) -> (Vec<BTreeMap<String, String>>, Vec<String>) {
    let spans = Spans::default();
    let _here =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let app = app(LetterheadLayer::new().reporter(reporter));
    for path in paths {
        ask(&app, path).await;
    }
    drop(app);
    let closed = std::mem::take(&mut *spans.0.lock().unwrap());
    let told = std::mem::take(&mut *spans.1.lock().unwrap());
    (closed, told)
}

fn pairs(fields: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_span_has_what_the_response_was() {
    let (spans, told) = recorded(attributes(), &["/fine/7", "/missing", "/broken", "/panic"]).await;
    assert_eq!(told, [""; 0]);
    assert_eq!(
        pairs(&spans[0]),
        [
            ("http.response.header.cache-control", "private"),
            ("http.response.header.vary", "[\"accept\", \"origin\"]"),
            ("http.response.status_code", "200"),
            ("http.route", "/fine/{id}"),
            ("path", "/fine/7"),
        ]
    );
    assert_eq!(
        pairs(&spans[1]),
        [("http.response.status_code", "404"), ("http.route", "/missing"), ("path", "/missing")]
    );
    for (span, status) in [(&spans[2], "502"), (&spans[3], "500")] {
        assert_eq!(span["http.response.status_code"], status);
        assert_eq!(span["error.type"], status);
        assert_eq!(span["otel.status_code"], "ERROR");
    }
}

/// What a bridge is handed, by name and type.
type Handed = Arc<Mutex<Vec<(String, &'static str)>>>;

#[tokio::test]
async fn names_and_types_are_those_of_the_conventions() {
    let handed = Handed::default();
    let all = Arc::clone(&handed);
    let bridge = attributes().set_with(move |span, name, value| {
        assert_eq!(span.metadata().unwrap().name(), "request");
        let kind = match value {
            SpanValue::Int(_) => "int",
            SpanValue::Text(_) => "string",
            SpanValue::Texts(_) => "string[]",
            _ => panic!("{value:?}"),
        };
        all.lock().unwrap().push((name.to_owned(), kind));
    });
    recorded(bridge, &["/fine/7", "/broken"]).await;
    let header = "http.response.header.";
    let mut names: Vec<_> = handed
        .lock()
        .unwrap()
        .iter()
        .map(|(name, kind)| {
            let key = name.strip_prefix(header);
            assert!(key.is_none_or(|key| key == key.to_lowercase()), "{name}");
            (key.map_or(name.clone(), |_| format!("{header}<key>")), *kind)
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, OF_A_SERVER.map(|(name, kind)| (name.to_owned(), kind)));
    let sent = format!("{:?}", handed.lock().unwrap());
    assert!(!sent.contains("set-cookie"), "{sent}");
}

#[tokio::test]
async fn what_a_span_has_no_place_for_is_said_once() {
    let spans = Spans::default();
    let _here =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let app = app(LetterheadLayer::new().reporter(attributes()));
    for _ in 0..2 {
        ask_in(&app, "/fine/7", tracing::info_span!("bare", http.response.status_code = Empty))
            .await;
    }
    let told = spans.1.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    for word in
        ["an attribute is lost", "\"field\": \"http.route\"", "\"span\": \"bare\"", "set_with"]
    {
        assert!(told[0].contains(word), "{word}: {}", told[0]);
    }
    assert_eq!(spans.0.lock().unwrap()[0]["http.response.status_code"], "200");
}

#[tokio::test]
async fn a_slow_one_behind_a_queue_still_reaches_the_span() {
    let spans = Spans::default();
    let _here =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let background = Arc::new(Background::new(attributes(), 8).unwrap());
    let app = app(LetterheadLayer::new().reporter(Arc::clone(&background)));
    ask(&app, "/missing").await;
    assert!(background.shutdown());
    assert_eq!(spans.0.lock().unwrap()[0]["http.response.status_code"], "404");
}

/// A subscriber that panics when it is asked for the span, as one does of a span that it does not know.
struct Hostile;

impl Subscriber for Hostile {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        panic!("as it is meant");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("as it is meant");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn current_span(&self) -> Current {
        panic!("as it is meant");
    }
}

#[tokio::test]
async fn a_subscriber_that_panics_harms_no_response() {
    let _here = tracing::subscriber::set_default(Hostile);
    let seen = Collector::new();
    let layer = LetterheadLayer::new()
        .reporter(letterhead::report::Tracing::new())
        .reporter(attributes())
        .reporter(seen.clone());
    let app = layer.layer(tower::service_fn(|request: Request<String>| async move {
        let _ = Head::of(request.extensions()).unwrap().insert("x-here", "1");
        Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
    }));
    let answer = app.oneshot(Request::new("hello".to_owned())).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["x-here"]),
        (StatusCode::OK, &"1".parse().unwrap())
    );
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    assert_eq!(seen.take().len(), 1);
}
