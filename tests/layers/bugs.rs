//! Bugs that users of tower-http, axum and tower-sessions have met, each against the real crate.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ETAG, SET_COOKIE, STRICT_TRANSPORT_SECURITY, VARY,
};
use http::{HeaderValue, Request, StatusCode};
use letterhead::{Action, Expect, Rule, Rules, named};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Session, SessionManagerLayer, SessionStore, session_store};

use crate::ask::{Bug, ask, ask_bare, get, the_one};

/// A handler's answer with these fields.
fn with(fields: &[(http::HeaderName, &'static str)]) -> Response {
    let mut response =
        "some text that is long enough to be worth a coding of its own".into_response();
    for (name, value) in fields {
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    response
}

#[tokio::test]
async fn cors_overwrites_the_handlers_allow_origin() {
    Bug {
        router: || {
            let handler =
                || async { with(&[(ACCESS_CONTROL_ALLOW_ORIGIN, "https://one.example")]) };
            let cors = CorsLayer::new().allow_origin(tower_http::cors::Any);
            Router::new().route("/", on_get(handler)).layer(named("cors", cors))
        },
        request: || get("/", &[("origin", "https://one.example")]),
        field: "access-control-allow-origin",
        without: "*",
        rule: Rule::Overwritten,
        told: "overwritten access-control-allow-origin: the handler, then layer cors; \
               `https://one.example` became `*`",
        actions: &[(Action::KeepFirst, "https://one.example"), (Action::KeepLast, "*")],
    }
    .check()
    .await;
}

/// tower-http#397 and its like: whoever sets `Vary` last takes the others' away.
#[tokio::test]
async fn vary_is_lost() {
    Bug {
        router: || {
            let vary = HeaderValue::from_static("accept-language");
            let language = SetResponseHeaderLayer::overriding(VARY, vary);
            let cors =
                CorsLayer::new().allow_origin(tower_http::cors::AllowOrigin::mirror_request());
            Router::new()
                .route("/", on_get(|| async { "hello" }))
                .layer(named("cors", cors))
                .layer(named("language", language))
        },
        request: || get("/", &[("origin", "https://one.example")]),
        field: "vary",
        without: "accept-language",
        rule: Rule::ListReplaced,
        told: "list-replaced vary: layer cors, then layer language; `origin` became `accept-language`",
        actions: &[
            (Action::Merge, "origin, accept-language"),
            (Action::KeepFirst, "origin"),
            (Action::KeepLast, "accept-language"),
        ],
    }
    .check()
    .await;
}

/// tower-http#543, #570: two layers both say `Vary`, and it goes out twice.
#[tokio::test]
async fn vary_is_doubled() {
    Bug {
        router: || {
            let origin = HeaderValue::from_static("origin");
            let outer = SetResponseHeaderLayer::appending(VARY, origin);
            let cors =
                CorsLayer::new().allow_origin(tower_http::cors::AllowOrigin::mirror_request());
            let cors = cors.vary([http::header::ORIGIN]);
            Router::new()
                .route("/", on_get(|| async { "hello" }))
                .layer(named("cors", cors))
                .layer(named("outer", outer))
        },
        request: || get("/", &[("origin", "https://one.example")]),
        field: "vary",
        without: "origin | origin",
        rule: Rule::MemberRepeated,
        told: "member-repeated vary: layer cors, then layer outer; `origin | origin`",
        actions: &[(Action::Merge, "origin")],
    }
    .check()
    .await;
}

/// axum#1473: a cookie that is inserted instead of appended takes the others away.
#[tokio::test]
async fn a_cookie_is_inserted_over_another() {
    Bug {
        router: || {
            let handler = || async { with(&[(SET_COOKIE, "session=secret1; Path=/")]) };
            let theme = axum::middleware::map_response(|response: Response| async move {
                ([(SET_COOKIE, "theme=secret2")], response)
            });
            Router::new().route("/", on_get(handler)).layer(named("theme", theme))
        },
        request: || get("/", &[]),
        field: "set-cookie",
        without: "theme=secret2",
        rule: Rule::ListReplaced,
        // No value of a cookie is told.
        told: "list-replaced set-cookie: the handler, then layer theme; \
               `session=(secret, 23 bytes)` became `theme=(secret, 13 bytes)`",
        actions: &[
            (Action::Merge, "session=secret1; Path=/ | theme=secret2"),
            (Action::KeepFirst, "session=secret1; Path=/"),
        ],
    }
    .check()
    .await;
}

/// authentik#25855: the tag of the identity stays on the gzip representation.
#[tokio::test]
async fn one_strong_tag_for_identity_and_gzip() {
    Bug {
        router: || {
            let handler = || async { with(&[(ETAG, "\"v1\"")]) };
            Router::new()
                .route("/", on_get(handler))
                .layer(named("compression", CompressionLayer::new()))
        },
        request: || get("/", &[("accept-encoding", "gzip")]),
        field: "etag",
        without: "\"v1\"",
        rule: Rule::StrongTag,
        told: "strong-tag etag: the handler, then layer compression; `\"v1\"`; \
               content-encoding was applied after the tag was made",
        actions: &[(Action::Merge, "W/\"v1\"")],
    }
    .check()
    .await;
}

/// A store that cannot save.
#[derive(Clone, Debug)]
struct FullStore;

#[async_trait::async_trait]
impl SessionStore for FullStore {
    async fn create(&self, _: &mut Record) -> session_store::Result<()> {
        Err(session_store::Error::Backend("no room".into()))
    }

    async fn save(&self, _: &Record) -> session_store::Result<()> {
        Err(session_store::Error::Backend("no room".into()))
    }

    async fn load(&self, _: &Id) -> session_store::Result<Option<Record>> {
        Ok(None)
    }

    async fn delete(&self, _: &Id) -> session_store::Result<()> {
        Ok(())
    }
}

/// tower-sessions answers with an empty response of its own when it cannot save.
#[tokio::test]
async fn a_session_layer_drops_the_whole_head() {
    Bug {
        router: || {
            let handler = |session: Session| async move {
                session.insert("seen", 1).await.unwrap();
                with(&[(ETAG, "\"v1\"")])
            };
            let cors = CorsLayer::new().allow_origin(tower_http::cors::Any);
            Router::new()
                .route("/", on_get(handler))
                .layer(named("cors", cors))
                .layer(named("session", SessionManagerLayer::new(FullStore)))
        },
        request: || get("/", &[("origin", "https://one.example")]),
        field: "access-control-allow-origin",
        without: "",
        rule: Rule::HeadReplaced,
        told: "head-replaced: the handler, then layer session; 200 became 500; 3 fields lost: \
               content-type, etag, access-control-allow-origin",
        // What states a policy is put back, so that a browser shows the status.
        actions: &[(Action::Merge, "*")],
    }
    .check()
    .await;
}

/// The handler ran, and its success goes out as a 406.
#[tokio::test]
async fn compression_says_406_with_the_body_of_a_success() {
    let router = || {
        Router::new()
            .route("/", on_get(|| async { "done" }))
            .layer(named("compression", CompressionLayer::new()))
    };
    let request = || get("/", &[("accept-encoding", "identity;q=0, br")]);
    let bare = ask_bare(router(), request()).await;
    assert_eq!((bare.status.as_u16(), bare.body.as_ref()), (406, &b"done"[..]));

    let (answer, receipt) = ask(router(), Rules::standard(), request()).await;
    assert_eq!(answer.status, 406);
    let told = "status-changed: the handler, then layer compression; 200 became 406; reported";
    assert_eq!(the_one(&receipt, Rule::StatusChanged).to_string(), told);

    let rules = Rules::standard().on(Rule::StatusChanged, Action::KeepFirst);
    let (answer, receipt) = ask(router(), rules, request()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"done"[..]));
    assert!(the_one(&receipt, Rule::StatusChanged).to_string().ends_with("resolved (keep-first)"));
}

/// What panics and what takes too long is answered outside the layers that state policy.
fn policed(rules: Rules) -> Rules {
    rules
        .require(
            Expect::field(STRICT_TRANSPORT_SECURITY).or(HeaderValue::from_static("max-age=600")),
        )
        .require(
            Expect::field(ACCESS_CONTROL_ALLOW_ORIGIN)
                .on_path("/api/*")
                .or(HeaderValue::from_static("*")),
        )
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

fn fragile() -> Router {
    let hsts = HeaderValue::from_static("max-age=600");
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(5));
    Router::new()
        .route("/api/panics", on_get(panics))
        .route("/api/sleeps", on_get(std::future::pending::<&'static str>))
        .route("/api/works", on_get(|| async { "fine" }))
        .layer(named("cors", CorsLayer::new().allow_origin(tower_http::cors::Any)))
        .layer(named("hsts", SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, hsts)))
        .layer(named("panics", CatchPanicLayer::new()))
        .layer(named("timeout", timeout))
}

#[tokio::test(start_paused = true)]
async fn answers_of_panics_and_timeouts_lack_policy_and_a_required_field_repairs_them() {
    for (path, layer, status) in
        [("/api/panics", "layer panics", 500), ("/api/sleeps", "layer timeout", 504)]
    {
        let request = || get(path, &[("origin", "https://one.example")]);
        let bare = ask_bare(fragile(), request()).await;
        assert_eq!(bare.status, status);
        assert_eq!(bare.field("strict-transport-security"), "");
        assert_eq!(bare.field("access-control-allow-origin"), "");

        // Only told of, it stays missing.
        let (answer, receipt) = ask(fragile(), policed(Rules::observe()), request()).await;
        assert_eq!(answer.field("strict-transport-security"), "");
        let told: Vec<_> = receipt.conflicts().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "missing strict-transport-security; required here, and not there; reported",
                "missing access-control-allow-origin; required here, and not there; reported",
            ]
        );
        assert!(receipt.explain().contains(&format!("answer by {layer}: {status}")), "{receipt}");

        // Its value was given so that it is put in.
        let (answer, receipt) = ask(fragile(), policed(Rules::standard()), request()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("strict-transport-security"), "max-age=600");
        assert_eq!(answer.field("access-control-allow-origin"), "*");
        for conflict in receipt.conflicts() {
            assert!(conflict.to_string().ends_with("not there; resolved (merge)"), "{conflict}");
        }
    }
    let request: Request<Body> = get("/api/works", &[("origin", "https://one.example")]);
    let (answer, receipt) = ask(fragile(), policed(Rules::standard()), request).await;
    assert_eq!(answer.body, "fine");
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}
