//! A program whose metrics Prometheus scrapes, and whose spans go to an OTLP receiver: `letterhead-telemetry ADDR RECEIVER`.

mod client;

use std::error::Error;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing::get;
use letterhead::report::{HttpMetrics, Metrics, SpanAttributes, SpanValue};
use letterhead::{LetterheadLayer, Rules, named};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{StringValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The span of a request: what is known when it comes.
fn span(request: &Request) -> tracing::Span {
    tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        url.path = request.uri().path(),
        url.scheme = "http",
    )
}

/// Sets what is known when the response is over.
fn attributes() -> SpanAttributes {
    SpanAttributes::new().header(header::CACHE_CONTROL).header(header::VARY).set_with(
        |span, name, value| {
            let value: Value = match value {
                SpanValue::Int(number) => number.into(),
                SpanValue::Text(text) => text.to_owned().into(),
                SpanValue::Texts(lines) => {
                    let lines: Vec<StringValue> =
                        lines.iter().map(|line| (*line).to_owned().into()).collect();
                    Value::Array(lines.into())
                }
                _ => return,
            };
            span.set_attribute(name.to_owned(), value);
        },
    )
}

fn app(layer: LetterheadLayer) -> Router {
    let stamp = |value| {
        let value = axum::http::HeaderValue::from_static(value);
        SetResponseHeaderLayer::overriding(header::SERVER, value)
    };
    let vary = || async { (axum::response::AppendHeaders([(header::VARY, "origin"), (header::VARY, "accept"), (header::CACHE_CONTROL, "private")]), "a user") };
    Router::new()
        .route("/users/{id}", get(vary))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/panic", get(|| async { panic!("as it is meant") as () }))
        .layer(named("one", stamp("one")))
        .layer(named("two", stamp("two")))
        .layer(layer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(addr), Some(receiver)) = (arguments.next(), arguments.next()) else {
        return Err("wanted ADDR RECEIVER".into());
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client::Plain)
        .with_endpoint(receiver)
        .with_protocol(Protocol::HttpBinary)
        .build()?;
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let tracer = provider.tracer("letterhead-telemetry");
    tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer)).init();

    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("duration".to_owned()), &HttpMetrics::BUCKETS)?
        .install_recorder()?;
    HttpMetrics::describe();
    Metrics::describe();

    let layer = LetterheadLayer::new()
        .rules(Rules::standard())
        .reporter(HttpMetrics::new())
        .reporter(Metrics::new())
        .reporter(attributes());
    let app = app(layer).route("/metrics", get(move || async move { recorder.render() }));
    // Outside of the layer.
    let app = app.layer(TraceLayer::new_for_http().make_span_with(span));
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut end = signal(SignalKind::terminate())?;
    letterhead::serve(listener, app)
        .shutdown_on(async move {
            end.recv().await;
        })
        .await?;
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    Ok(())
}
