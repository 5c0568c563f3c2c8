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
    let expected = "a response head broke the rules:\n\
        - overwritten server: layer one, then layer two; `1` became `2`; reported\n\
        the head:\nstatus 200\n  set by the handler\n";
    assert!(text.starts_with(expected), "{text}");
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
    assert!(text.contains("- late-write x-late: tests/layers/strict.rs:"), "{text}");
}
