//! Layers around parts of an application, inside of the one that commits.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use letterhead::deny::FinalHead;
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{LetterheadLayer, Rules};

use crate::app::{Running, Version, kind};

fn policy(name: &'static str, text: &str) -> Policy {
    Policy::parse(name, text, Dialect::Cloudflare).unwrap()
}

/// Two areas, one with a policy and a deny rule of its own, and in that a third one.
fn app() -> Router {
    let broken = || async {
        let error = std::io::Error::from_raw_os_error(libc::EBUSY);
        Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(error)]))
    };
    let text = "/admin/*\n  X-Area: admin\n  X-Both: admin\n/admin/broken\n  @when from=error\n  X-Broken: yes\n";
    let layer =
        LetterheadLayer::new().policy(policy("admin", text)).deny(|head: &FinalHead<'_>| {
            head.fields().contains_key("x-secret").then(|| "a secret of the admins".to_owned())
        });
    let text = "/*\n  X-Deep: yes\n  X-Area: deep\n";
    let deep = Router::new().route("/page", get(|| async { "for few" }));
    let deep = deep.layer(LetterheadLayer::new().policy(policy("deep", text)));
    let admin = Router::new()
        .nest("/deep", deep)
        .route("/page", get(|| async { "for admins" }))
        .route("/broken", get(broken))
        .route("/secret", get(|| async { ([("x-secret", "1")], "secret") }))
        .layer(layer);
    Router::new()
        .nest("/admin", admin)
        .route("/page", get(|| async { "for all" }))
        .route("/secret", get(|| async { ([("x-secret", "1")], "no secret here") }))
}

#[tokio::test]
async fn the_policy_and_the_rules_of_a_layer_inside_hold_on_what_came_out_of_it() {
    let receipts = Collector::new();
    let own = "/*\n  X-All: yes\n  X-Both: all\n";
    let bare = LetterheadLayer::new();
    let full = LetterheadLayer::new()
        .rules(Rules::standard())
        .reporter(receipts.clone())
        .policy(policy("all", own));
    for (layer, is_full) in [(bare, false), (full, true)] {
        let server = Running::start(app(), layer).await;
        for version in [Version::H1, Version::H2] {
            let mut client = server.client(version).await;
            for (path, status, area) in [
                ("/page", 200, None),
                ("/admin/page", 200, Some("admin")),
                ("/admin/broken", 503, Some("admin")),
                ("/admin/secret", 500, Some("admin")),
                ("/secret", 200, None),
                ("/admin/deep/page", 200, Some("admin")),
            ] {
                let answer = client.ask(&kind(path, path, status)).await;
                assert_eq!(answer.status(), status, "{path}");
                let field =
                    |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
                assert_eq!(field("x-area"), area, "{path}");
                assert_eq!(field("x-all"), is_full.then_some("yes"), "{path}");
                // The outer one has the last word.
                assert_eq!(field("x-both"), if is_full { Some("all") } else { area }, "{path}");
                assert_eq!(field("x-broken").is_some(), path == "/admin/broken", "{path}");
                assert_eq!(field("x-deep").is_some(), path == "/admin/deep/page", "{path}");
                assert_eq!(field("x-secret").is_some(), path == "/secret", "{path}");
            }
        }
        server.ended().await;
    }
    let receipts = receipts.take();
    let writers = |at: usize| {
        let by_policy =
            |entry: &&letterhead::Entry| matches!(entry.writer(), letterhead::Writer::Policy(_));
        let written = receipts[at].writes().iter().filter(by_policy);
        written.map(|entry| entry.writer().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(writers(0), ["policy all:2", "policy all:3"]);
    assert_eq!(writers(1), ["policy admin:2", "policy admin:3", "policy all:2", "policy all:3"]);
    assert_eq!(receipts[3].denied().unwrap().messages(), ["a secret of the admins"]);
    assert_eq!(receipts[3].policy_version(), Some(1));
}

/// A cache between two layers: the first answer again, as it came.
#[tokio::test]
async fn a_policy_of_a_layer_inside_holds_on_what_a_cache_answers_again() {
    use std::sync::{Arc, Mutex};
    use tower::{Layer as _, ServiceExt as _};

    let inner = LetterheadLayer::new().policy(policy("inner", "/*\n  X-Inner: yes\n")).layer(
        tower::service_fn(|_: http::Request<Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from("a")))
        }),
    );
    let kept: Arc<Mutex<Option<http::response::Parts>>> = Arc::default();
    let cache = tower::service_fn(move |request: http::Request<Body>| {
        let (kept, inner) = (Arc::clone(&kept), inner.clone());
        async move {
            if let Some(parts) = kept.lock().unwrap().clone() {
                return Ok(http::Response::from_parts(parts, Body::from("a")));
            }
            let answer = inner.oneshot(request).await?;
            let (parts, body) = answer.into_parts();
            *kept.lock().unwrap() = Some(parts.clone());
            Ok::<_, std::convert::Infallible>(http::Response::from_parts(parts, Body::new(body)))
        }
    });
    let app = LetterheadLayer::new().layer(cache);
    for turn in ["made", "kept"] {
        let request = http::Request::new(Body::empty());
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(
            answer.headers().get("x-inner").map(http::HeaderValue::as_bytes),
            Some(&b"yes"[..]),
            "{turn}"
        );
        assert!(answer.extensions().is_empty(), "{turn}: {:?}", answer.extensions());
    }
}
