//! A stack in which everybody behaves gives nothing to report.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::header::{HeaderName, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use letterhead::report::Collector;
use letterhead::{LetterheadLayer, Rules, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

const REQUESTS: u32 = 10_000;

fn healthy() -> Router {
    let files = ServeDir::new("src");
    let hsts = SetResponseHeaderLayer::if_not_present(
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=600"),
    );
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(60));
    let id = HeaderName::from_static("x-request-id");
    let set_id = SetRequestIdLayer::new(id.clone(), MakeRequestUuid);
    Router::new()
        .route(
            "/text",
            on_get(|| async { "a text of some length, to be worth compressing".repeat(9) }),
        )
        .route("/made", on_get(|| async { (StatusCode::CREATED, [("x-a", "1")], "made") }))
        .route("/none", on_get(|| async { StatusCode::NO_CONTENT }))
        // Around files, too: compression keeps their strong tags, and is named for what it does.
        .nest_service("/files", files)
        .layer(named::compression(CompressionLayer::new()))
        .layer(named::cors(CorsLayer::permissive()))
        .layer(named("hsts", hsts))
        .layer(named("timeout", timeout))
        .layer(named("propagate id", PropagateRequestIdLayer::new(id)))
        .layer(named("set id", set_id))
        .layer(named("trace", TraceLayer::new_for_http()))
}

fn request(random: &mut fastrand::Rng) -> Request<Body> {
    let paths =
        ["/text", "/made", "/none", "/files/lib.rs", "/files/head/mod.rs", "/files/nowhere"];
    let methods = [Method::GET, Method::GET, Method::HEAD, Method::OPTIONS, Method::POST];
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = paths[random.usize(..paths.len())].parse().unwrap();
    *request.method_mut() = methods[random.usize(..methods.len())].clone();
    let mut say = |name: &'static str, value: &'static str| {
        if random.bool() {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    };
    say("origin", "https://one.example");
    say("accept-encoding", "gzip, br;q=0.5");
    say("range", "bytes=0-9");
    say("if-modified-since", "Tue, 24 Nov 2099 00:00:00 GMT");
    say("access-control-request-method", "PUT");
    request
}

#[tokio::test]
async fn ten_thousand_requests_and_not_one_report() {
    let seen = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
    let app = layer.layer(healthy());
    let mut random = fastrand::Rng::with_seed(3);
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..REQUESTS {
        let response = app.clone().oneshot(request(&mut random)).await.unwrap();
        *statuses.entry(response.status().as_u16()).or_insert(0_u32) += 1;
        response.into_body().collect().await.unwrap();
        for receipt in seen.take() {
            assert!(receipt.conflicts().is_empty(), "{receipt}\n{}", receipt.explain());
        }
    }
    // The mix is a mix.
    for status in [200, 201, 204, 206, 304, 404, 405] {
        assert!(statuses.get(&status).is_some_and(|count| *count > 50), "{statuses:?}");
    }
}
