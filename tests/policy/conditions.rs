//! Blocks that hold for some responses only: by who made them, by status and by the connection.

use std::convert::Infallible;
use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, HeaderValue, Request, Response};
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Peer;
use letterhead::{LetterheadLayer, Rules, named};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::{KINDS, Running, Scratch, Version, app};
use crate::figures::figures;

const OWN: HeaderName = HeaderName::from_static("x-own");
const FROM_OUTER: HeaderValue = HeaderValue::from_static("outer");

const TEXT: &str = "\
/*
  X-Always: yes
  Strict-Transport-Security: max-age=63072000
  Cache-Control: max-age=60
/*
  @when from=file
  X-From: file
/*
  @when from=error
  X-From: error
/*
  @when from=panic
  X-From: panic
/*
  @when from=handler
  X-From: handler
/*
  @when status=4xx,5xx
  X-Failed: yes
";

/// Who made a response of each kind.
const MAKERS: [(&str, &str); 15] = [
    ("handler", "handler"),
    ("file", "file"),
    ("304", "file"),
    ("206", "file"),
    ("404", "file"),
    ("405", "handler"),
    ("first frame fails", "error"),
    ("panic", "panic"),
    ("time-out", "handler"),
    ("redirect", "handler"),
    ("preflight", "handler"),
    ("fallback service", "handler"),
    ("store", "file"),
    ("gRPC", "handler"),
    ("HEAD", "handler"),
];

#[tokio::test]
async fn a_block_holds_for_what_its_conditions_say() {
    let scratch = Scratch::new();
    let policy = Policy::parse("_headers", TEXT, Dialect::Cloudflare).unwrap();
    let layer = LetterheadLayer::new().policy(policy);
    let server = Running::start(app(&scratch).await, layer).await;
    let mut table = String::from("response            made by");
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        for (kind, (name, maker)) in KINDS.iter().zip(MAKERS) {
            assert_eq!(kind.name, name);
            let answer = client.ask(kind).await;
            let fields = answer.headers();
            assert_eq!(fields["x-always"], "yes", "{name}");
            assert_eq!(
                fields.get("x-from").map(|value| value.to_str().unwrap()),
                Some(maker),
                "{name}"
            );
            assert_eq!(fields.contains_key("x-failed"), kind.status >= 400, "{name}");
            // Nothing of this came over TLS.
            assert!(!fields.contains_key("strict-transport-security"), "{name}");
            // What is cached goes by the status: a path alone says nothing of errors and redirects.
            let is_about = kind.status < 300 || kind.status == 304;
            let lifetime = fields.get("cache-control").is_some_and(|value| value == "max-age=60");
            assert_eq!(lifetime, is_about, "{name}: {fields:?}");
            if matches!(version, Version::H1) {
                write!(table, "\n{name:19} {maker}").unwrap();
            }
        }
    }
    figures("policy-makers", &table);
    server.ended().await;
}

/// A layer is known by its name whether anybody watches or not.
#[tokio::test]
async fn a_named_layer_that_answers_itself_is_known_by_its_name() {
    let text = "/*\n  @when from=cors\n  X-From: cors\n/*\n  @when from=outer\n  X-Outer: yes\n";
    let layers = [
        LetterheadLayer::new(),
        LetterheadLayer::new().rules(Rules::standard()),
        LetterheadLayer::new().rules(Rules::standard()).sample(1_000_000),
    ];
    for layer in layers {
        let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
        let app = Router::new()
            .route("/handler", get(|| async { "handled" }))
            .layer(named("cors", CorsLayer::permissive()))
            .layer(named("outer", SetResponseHeaderLayer::appending(OWN, FROM_OUTER)));
        let server = Running::start(app, layer.policy(policy)).await;
        for version in [Version::H1, Version::H2] {
            let mut client = server.client(version).await;
            for kind in &KINDS {
                let is_asked = matches!(kind.name, "handler" | "preflight" | "404");
                if is_asked {
                    let answer = client.ask(kind).await;
                    let from = answer.headers().get("x-from").is_some_and(|value| value == "cors");
                    assert_eq!(from, kind.name == "preflight", "{} {version:?}", kind.name);
                    assert!(!answer.headers().contains_key("x-outer"), "{}", kind.name);
                    assert_eq!(answer.headers()[OWN], FROM_OUTER);
                }
            }
        }
        server.ended().await;
    }
}

/// Behind a proxy that ends TLS the application says so, outside of the layer.
#[tokio::test]
async fn the_applications_word_counts_for_tls() {
    let policy = Policy::parse("_headers", TEXT, Dialect::Cloudflare).unwrap();
    let layer = LetterheadLayer::new().policy(policy);
    for (is_secure, target) in
        [(Some(true), "/"), (Some(false), "/"), (None, "/"), (None, "https://a.test/")]
    {
        let mut request = Request::get(target).body(Body::empty()).unwrap();
        if let Some(is_secure) = is_secure {
            let addr = "192.0.2.7:4711".parse().unwrap();
            request.extensions_mut().insert(Peer::new(addr, is_secure));
        }
        let app = service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let answer = layer.layer(app).oneshot(request).await.unwrap();
        let is_sent = answer.headers().contains_key("strict-transport-security");
        assert_eq!(is_sent, is_secure == Some(true) || target.starts_with("https:"), "{target}");
    }
}
