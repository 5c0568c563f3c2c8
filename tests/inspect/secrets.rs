//! Secrets are in no page, no document and no row, as in the ledger.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, HeaderValue, Response};
use letterhead::inspect::Inspector;
use letterhead::{Head, LetterheadLayer, Rules, named};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::client::Server;

async fn handler(head: Head) -> Response<Body> {
    let mut sensitive = HeaderValue::from_static("SECRET-3");
    sensitive.set_sensitive(true);
    let _ = head.insert("x-sensitive", sensitive.clone());
    let _ = head.append("set-cookie", "late=SECRET-1; Path=/");
    let answer = Response::builder();
    let answer = answer.header("set-cookie", "sid=SECRET-1; Path=/").header("x-own", "SECRET-2");
    answer.header("x-api-key", "SECRET-4").body(Body::from("SECRET-5")).unwrap()
}

#[tokio::test]
async fn no_secret_is_shown() {
    let over = |name, value| {
        SetResponseHeaderLayer::overriding(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(named("cookies", over("set-cookie", "sid=SECRET-1-changed")))
        .layer(named("own", over("x-own", "SECRET-2-changed")));
    let rules = Rules::standard().secret(HeaderName::from_static("x-own"));
    let server = Server::with(app, Inspector::new(), LetterheadLayer::new().rules(rules)).await;
    server.get("/?q=SECRET-6").await;
    server.kept(1).await;
    let mut texts = String::new();
    for path in ["/_head/1", "/_head/1.json", "/_head/", "/_head/index.json"] {
        texts += std::str::from_utf8(server.get(path).await.body()).unwrap();
    }
    assert!(!texts.contains("SECRET"), "{texts}");
    assert!(
        texts.contains("sid=(secret, 20 bytes)") && texts.contains("(secret, 16 bytes)"),
        "{texts}"
    );
    // Nor does a search find one.
    for query in ["field=set-cookie:+SECRET", "field=x-own:SECRET", "field=x-own:*"] {
        let json = server.json(&format!("/_head/index.json?{query}")).await;
        assert_eq!(json["exchanges"], serde_json::json!([]), "{query}");
    }
    server.ended().await;
}
