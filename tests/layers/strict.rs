//! Strict rules end a test with the whole ledger, at the commit and after it.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::routing::get as on_get;
use futures_util::FutureExt as _;
use http::HeaderValue;
use http::header::SERVER;
use http_body_util::BodyExt as _;
use letterhead::{Action, Head, LetterheadLayer, Rule, Rules, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::get;

/// What the test ends with, if it does.
async fn ended(router: Router, rules: Rules) -> Option<String> {
    let app = LetterheadLayer::new().rules(rules).layer(router);
    let asked = async {
        let response = app.oneshot(get("/", &[])).await.unwrap();
        response.into_body().collect().await.unwrap();
    };
    let panic = AssertUnwindSafe(asked).catch_unwind().await.err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap())
}

fn stamp(value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(SERVER, HeaderValue::from_static(value))
}

#[tokio::test]
async fn a_conflict_ends_the_test_with_both_writers() {
    let router = || {
        Router::new()
            .route("/", on_get(|| async { "hello" }))
            .layer(named("one", stamp("1")))
            .layer(named("two", stamp("2")))
    };
    let text = ended(router(), Rules::strict()).await.expect("a panic");
    let expected = format!(
        "GET / (route /): the response head broke the rules\n\
        - overwritten server: layer one, then layer two; `1` became `2`; failed\n\
        what to do:\n- overwritten: {}\n\
        the guide: https://docs.rs/letterhead/{}/letterhead/guide/rules/index.html\n\
        the head:\nstatus 200\n  set by the handler\n",
        Rule::Overwritten.remedy(),
        env!("CARGO_PKG_VERSION"),
    );
    assert!(text.starts_with(&expected), "{text}");
    assert!(
        text.contains("server: 2\n  insert by layer one: 1\n  insert by layer two: 2\n"),
        "{text}"
    );

    let allowed = Rules::strict().on(Rule::Overwritten, Action::Allow);
    assert_eq!(ended(router(), allowed).await, None);
}

#[tokio::test]
async fn a_late_write_ends_it_when_the_body_ends() {
    let router = Router::new().route(
        "/",
        on_get(async |head: Head| {
            let (send, receive) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
            tokio::spawn(async move {
                send.send(Ok("first")).await.unwrap();
                send.send(Ok("second")).await.unwrap();
                send.send(Ok("third")).await.unwrap();
                let _ = head.insert("x-late", "1");
            });
            axum::body::Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receive))
        }),
    );
    let text = ended(router, Rules::strict()).await.expect("a panic");
    assert!(text.starts_with("GET /: the response head broke the rules\n"), "{text}");
    assert!(text.contains("- late-write x-late: tests/layers/strict.rs:"), "{text}");
    assert!(
        text.contains("; failed\nwhat to do:\n- late-write: write before the body's first frame"),
        "{text}"
    );
}

#[tokio::test]
async fn a_failure_names_the_route_where_it_is_known() {
    let app = Router::new()
        .route("/users/{id}", on_get(|| async { "hello" }))
        .layer(named("one", stamp("1")))
        .layer(named("two", stamp("2")))
        .layer(LetterheadLayer::new().rules(Rules::strict()));
    let asked = app.oneshot(get("/users/7?key=s3cr3t", &[]));
    let panic = AssertUnwindSafe(asked).catch_unwind().await.expect_err("a panic");
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("GET /users/7 (route /users/{id}): the response head "), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[tokio::test]
async fn a_rejected_response_says_the_same_where_it_may() {
    let app = Router::new()
        .route("/users/{id}", on_get(|| async { "hello" }))
        .layer(named("one", stamp("1")))
        .layer(named("two", stamp("2")));
    let rules = Rules::strict().on(Rule::Overwritten, Action::Reject);
    let layer = LetterheadLayer::new().rules(rules.clone()).debug_answers(true);
    let text = ended_in(app.clone().layer(layer)).await;
    assert!(text.contains("; rejected\nwhat to do:\n- overwritten: let one of the two"), "{text}");

    let rules = Rules::standard().on(Rule::Overwritten, Action::Reject);
    let layer = LetterheadLayer::new().rules(rules).debug_answers(true);
    let response = app.layer(layer).oneshot(get("/users/7", &[])).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&told["method"], &told["path"], &told["route"]),
        (&"GET".into(), &"/users/7".into(), &"/users/{id}".into())
    );
    assert_eq!(told["remedies"][0], format!("overwritten: {}", Rule::Overwritten.remedy()));
    assert!(told["guide"].as_str().unwrap().ends_with("/guide/rules/index.html"));
}

/// What a request for a user ends with.
async fn ended_in(app: Router) -> String {
    let asked = app.oneshot(get("/users/7", &[]));
    let panic = AssertUnwindSafe(asked).catch_unwind().await.expect_err("a panic");
    panic.downcast_ref::<String>().unwrap().clone()
}
