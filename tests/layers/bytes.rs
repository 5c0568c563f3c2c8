//! What real layers leave behind of the bytes that they code, and what caches are told against all reason.

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, SET_COOKIE};
use http::{HeaderName, HeaderValue};
use letterhead::{Action, Rule, Rules, named};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::{Bug, ask, get};

fn text(name: &'static str, value: &'static str) -> Response {
    let text = "some text that is long enough to be worth a coding of its own";
    ([(HeaderName::from_static(name), value)], text).into_response()
}

/// tower-http 0.7.1: the digest of the plain bytes stays on the coded ones, and every client that checks
/// it throws them away.
#[tokio::test]
async fn a_digest_of_the_plain_bytes_stays() {
    Bug {
        router: || {
            let handler = || async { text("content-digest", "sha-256=:AAAA:") };
            Router::new()
                .route("/", on_get(handler))
                .layer(named("compression", CompressionLayer::new()))
        },
        request: || get("/", &[("accept-encoding", "gzip")]),
        field: "content-digest",
        without: "sha-256=:AAAA:",
        rule: Rule::StaleDigest,
        told: "stale-digest content-digest: the handler, then layer compression; \
               `sha-256=:AAAA:`; content-encoding was applied after the digest was made",
        actions: &[(Action::Merge, ""), (Action::KeepLast, "")],
    }
    .check()
    .await;
}

/// nginx#1709, gitea#34521: what must not be transformed is.
#[tokio::test]
async fn no_transform_is_not_heard() {
    Bug {
        router: || {
            let handler = || async { text("cache-control", "private, no-transform") };
            Router::new()
                .route("/", on_get(handler))
                .layer(named::compression(CompressionLayer::new()))
        },
        request: || get("/", &[("accept-encoding", "gzip")]),
        field: "content-encoding",
        without: "gzip",
        rule: Rule::NoTransform,
        told: "no-transform cache-control: the handler, then layer compression; \
               `private, no-transform`; content-encoding was applied all the same",
        actions: &[],
    }
    .check()
    .await;
}

/// sidekiq#5936, sprockets#825: a lifetime for assets, and the session's cookie on each of them.
#[tokio::test]
async fn a_session_is_kept_with_the_assets() {
    Bug {
        router: || {
            let cookie = HeaderValue::from_static("session=1; HttpOnly");
            let lifetime = HeaderValue::from_static("max-age=86400");
            Router::new()
                .route("/", on_get(|| async { "body { color: red }" }))
                .layer(named("assets", SetResponseHeaderLayer::overriding(CACHE_CONTROL, lifetime)))
                .layer(named("session", SetResponseHeaderLayer::appending(SET_COOKIE, cookie)))
        },
        request: || get("/", &[]),
        field: "cache-control",
        without: "max-age=86400",
        rule: Rule::Contradiction,
        told: "contradiction cache-control: layer assets, then layer session; `max-age=86400`; \
               a cookie on a response that shared caches may keep",
        actions: &[(Action::Merge, "private, max-age=86400")],
    }
    .check()
    .await;
}

/// A layer that knows what its coding does to the head is left alone.
#[tokio::test]
async fn a_careful_coding_layer_gives_nothing_to_report() {
    let careful = axum::middleware::map_response(|mut response: Response| async move {
        let fields = response.headers_mut();
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        fields.insert(ETAG, HeaderValue::from_static("W/\"v1\""));
        for name in ["content-digest", "content-length", "accept-ranges"] {
            fields.remove(name);
        }
        response
    });
    let handler = || async {
        let fields = [
            ("etag", "\"v1\""),
            ("content-digest", "sha-256=:AAAA:"),
            ("content-length", "5"),
            ("accept-ranges", "bytes"),
        ];
        (fields, "coded")
    };
    let router = Router::new().route("/", on_get(handler)).layer(named::compression(careful));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert!(receipt.conflicts().is_empty(), "{receipt}");
    assert_eq!(
        (answer.field("etag"), answer.field("content-digest")),
        ("W/\"v1\"".to_owned(), String::new())
    );
}
