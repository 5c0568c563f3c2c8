//! Layers that stand where they do not see what they are meant to: said once, and never of layers that stand well.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::{HeaderName, HeaderValue, StatusCode};
use letterhead::report::Collector;
use letterhead::{LetterheadLayer, Note, Rules, named};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::ask::get;

fn router() -> Router {
    Router::new().route("/", on_get(|| async { "hello" }))
}

/// A layer whose receipts are kept.
fn watched() -> (LetterheadLayer, Collector) {
    let seen = Collector::new();
    (LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone()), seen)
}

/// What is said of layers in the wrong place, over three requests.
async fn said<S, B>(app: S, seen: &Collector) -> Vec<String>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<B>> + Clone,
    S::Error: std::fmt::Debug,
{
    let mut said = Vec::new();
    for _ in 0..3 {
        drop(app.clone().oneshot(get("/", &[])).await.unwrap());
        for receipt in seen.take() {
            said.extend(receipt.notes().iter().filter_map(|note| {
                let Note::Misordered(text) = note else { return None };
                Some(text.clone())
            }));
        }
    }
    said
}

fn stamp() -> SetResponseHeaderLayer<HeaderValue> {
    let name = HeaderName::from_static("x-stamp");
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static("1"))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(9))
}

fn set_id() -> SetRequestIdLayer<MakeRequestUuid> {
    SetRequestIdLayer::x_request_id(MakeRequestUuid)
}

fn propagate_id() -> PropagateRequestIdLayer {
    PropagateRequestIdLayer::x_request_id()
}

#[tokio::test]
async fn a_named_layer_outside_is_said_once() {
    let (layer, seen) = watched();
    let app = named("stamp", stamp()).layer(layer.layer(router()));
    let said = said(app, &seen).await;
    assert_eq!(
        said,
        [
            "layer stamp stands outside of LetterheadLayer: what it writes is neither seen nor judged; \
          put LetterheadLayer outermost"
        ]
    );
    // Another outermost layer says it, too, and it is not said of the one that stands well.
    let (layer, seen) = watched();
    let app = ServiceBuilder::new()
        .layer(named("late", stamp()))
        .layer(layer)
        .layer(named("well", stamp()))
        .service(router());
    let said = self::said(app, &seen).await;
    assert!(said.len() == 1 && said[0].starts_with("layer late stands outside"), "{said:?}");
}

#[tokio::test]
async fn a_request_id_that_is_set_inside_of_its_propagation_is_said() {
    let (layer, seen) = watched();
    let app = ServiceBuilder::new()
        .layer(layer)
        .layer(named::propagate_request_id(propagate_id()))
        .layer(named("between", stamp()))
        .layer(named::set_request_id(set_id()));
    // It is so: the response has no id.
    let answer = app.clone().service(router()).oneshot(get("/", &[])).await.unwrap();
    assert!(!answer.headers().contains_key("x-request-id"));
    drop((answer, seen.take()));
    let (layer, seen) = watched();
    let app = ServiceBuilder::new()
        .layer(layer)
        .layer(named::propagate_request_id(propagate_id()))
        .layer(named::set_request_id(set_id()))
        .service(router());
    let said = said(app, &seen).await;
    assert_eq!(
        said,
        [
            "layer propagate request id stands outside of layer set request id: it finds no id on the request, \
          and puts none on the response; swap them"
        ]
    );
}

#[tokio::test]
async fn a_timeout_outside_of_cors_is_said() {
    let (layer, seen) = watched();
    let app = ServiceBuilder::new()
        .layer(layer)
        .layer(named::timeout(timeout()))
        .layer(named::cors(CorsLayer::permissive()))
        .service(router());
    let said = said(app, &seen).await;
    assert_eq!(
        said,
        [
            "layer timeout stands outside of layer cors: it answers without the fields of CORS, so that scripts \
          of other origins cannot see why; swap them"
        ]
    );
}

#[tokio::test]
async fn of_layers_that_stand_well_nothing_is_said() {
    let (layer, seen) = watched();
    let inner = ServiceBuilder::new()
        .layer(named::set_request_id(set_id()))
        .layer(named::propagate_request_id(propagate_id()))
        .layer(named::cors(CorsLayer::permissive()))
        .layer(named::timeout(timeout()))
        .layer(named("stamp", stamp()))
        .service(router());
    assert_eq!(said(layer.layer(inner.clone()), &seen).await, [""; 0]);
    // A second layer of this crate inside changes nothing, and nor does a named one with none around.
    let (layer, seen) = watched();
    let nested = named("between", stamp()).layer(layer.clone().layer(inner.clone()));
    assert_eq!(said(layer.layer(nested), &seen).await, [""; 0]);
    let seen = Collector::new();
    assert_eq!(said(named("alone", stamp()).layer(inner), &seen).await, [""; 0]);
}
