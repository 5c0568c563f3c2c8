//! What a page says that `Action::Merge` would have sent is what it sends.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, HeaderValue, Response, header};
use letterhead::inspect::Inspector;
use letterhead::{Action, Head, LetterheadLayer, Rule, Rules, named};
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::client::Server;

async fn handler(head: Head) -> Response<Body> {
    let _ = head.append("vary", "x-own");
    Response::builder()
        .header("vary", "accept")
        .header("cache-control", "no-store, max-age=60")
        .header("x-frame-options", "DENY")
        .header("link", "</a>; rel=preload")
        .body(Body::from("a"))
        .unwrap()
}

fn app() -> Router {
    let over = |name: HeaderName, value| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let appending = |name: HeaderName, value| {
        SetResponseHeaderLayer::appending(name, HeaderValue::from_static(value))
    };
    Router::new()
        .route("/", get(handler))
        .layer(named("vary", over(header::VARY, "origin")))
        .layer(named("link", over(header::LINK, "</b>; rel=preload")))
        .layer(named("again", appending(header::VARY, "origin")))
        .layer(named("frame", over(header::X_FRAME_OPTIONS, "SAMEORIGIN")))
}

/// By rule and field, what a page says that merge would send.
async fn said() -> Vec<(String, String, Option<Vec<String>>)> {
    let server = Server::start(app(), Inspector::new()).await;
    server.get("/").await;
    server.kept(1).await;
    let json = server.json("/_head/1.json").await;
    let page = server.page("/_head/1").await;
    server.ended().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let conflicts = json["conflicts"].as_array().unwrap().iter();
    let all: Vec<_> = conflicts
        .map(|one| {
            let merged = one["merge_would_send"].as_array();
            let merged: Option<Vec<_>> = merged.map(|values| values.iter().map(text).collect());
            (text(&one["rule"]), text(&one["field"]), merged)
        })
        .collect();
    let shown = page.matches("<dt>Merge would send</dt>").count();
    assert_eq!(shown, all.iter().filter(|(_, _, merged)| merged.is_some()).count());
    all
}

#[tokio::test]
async fn what_merge_would_have_sent_is_what_it_sends() {
    let said = said().await;
    let told: Vec<_> = said.iter().filter(|(_, _, merged)| merged.is_some()).collect();
    assert!(told.len() >= 3, "{said:?}");
    // Of one value there is nothing to join.
    assert!(
        said.iter().any(|(rule, _, merged)| rule == "overwritten" && merged.is_none()),
        "{said:?}"
    );
    for (name, field, merged) in told {
        let rule = Rule::ALL.into_iter().find(|rule| rule.as_str() == name).unwrap();
        let rules = Rules::standard().on(rule, Action::Merge);
        let layer = LetterheadLayer::new().rules(rules);
        let server = Server::with(app(), Inspector::new(), layer).await;
        let answer = server.get("/").await;
        let sent: Vec<_> = answer
            .headers()
            .get_all(field)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(Some(sent), *merged, "{name} {field}");
        server.ended().await;
    }
}
