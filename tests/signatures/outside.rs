//! Layers outside of the one that signs: who breaks a signature is reported by name.

use axum::Router;
use axum::routing::get;
use http::{HeaderName, HeaderValue};
use letterhead::report::Collector;
use letterhead::signatures::{Sign, SigningKey};
use letterhead::{Action, LetterheadLayer, Rule, Rules, named};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::client::{Kind, Running, Version};

const PAGE: Kind = Kind { name: "page", method: "GET", path: "/", fields: &[], status: 200 };

fn set(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    let name = HeaderName::from_static(name);
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

async fn conflicts(rules: Rules, outside: impl FnOnce(Router) -> Router) -> Vec<String> {
    let receipts = Collector::new();
    let sign = Sign::new(SigningKey::ed25519(&[7; 32])).cover(["@status", "content-type"]);
    let layer = LetterheadLayer::new().rules(rules).reporter(receipts.clone());
    let inner = Router::new().route("/", get(|| async { "page" }));
    let app = outside(inner.layer(layer.sign(sign.unwrap())));
    let server = Running::start(app).await;
    for version in [Version::H1, Version::H2] {
        server.client(version).await.ask(&PAGE).await;
        server.client(version).await.ask(&Kind { method: "HEAD", ..PAGE }).await;
    }
    server.ended().await;
    let receipts = receipts.take();
    let all = receipts.iter().map(|receipt| {
        let conflicts = receipt.conflicts().iter();
        let ours = conflicts.filter(|conflict| conflict.rule() == Rule::BrokenSignature);
        ours.map(ToString::to_string).collect::<Vec<_>>()
    });
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    all.into_iter().next().unwrap()
}

#[tokio::test]
async fn who_changes_a_covered_field_outside_breaks_the_signature() {
    let found = conflicts(Rules::standard(), |app| {
        app.layer(named("server", set("server", "mine")))
            .layer(named("typed", set("content-type", "text/html")))
            .layer(named("quiet", set("x-quiet", "1")))
    });
    assert_eq!(
        found.await,
        [
            "broken-signature content-type: layer typed; `text/plain; charset=utf-8` became `text/html`; reported"
        ]
    );
    // One without a name is seen by the next that has one.
    let found = conflicts(Rules::standard(), |app| {
        app.layer(set("content-type", "text/html")).layer(named("server", set("server", "mine")))
    });
    assert_eq!(
        found.await,
        [
            "broken-signature content-type: an unnamed layer; `text/plain; charset=utf-8` became `text/html`; reported"
        ]
    );
}

#[tokio::test]
async fn what_is_not_covered_or_is_allowed_is_no_conflict() {
    let found = conflicts(Rules::standard(), |app| {
        app.layer(named("server", set("server", "mine"))).layer(named("etag", set("etag", "\"1\"")))
    });
    assert!(found.await.is_empty());
    let rules = Rules::standard().on(Rule::BrokenSignature, Action::Allow);
    let found = conflicts(rules, |app| app.layer(named("typed", set("content-type", "a/b"))));
    assert!(found.await.is_empty());
}

#[tokio::test]
async fn who_changes_the_signature_itself_breaks_it_too() {
    let found = conflicts(Rules::standard(), |app| {
        app.layer(named("labels", set("signature", "sig=:AA==:")))
    });
    let found = found.await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("broken-signature signature: layer labels; "), "{found:?}");
}
