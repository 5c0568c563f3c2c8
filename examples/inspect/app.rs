//! The server of the example.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::HeaderValue;
use http::header::{ORIGIN, SET_COOKIE, VARY};
use letterhead::inspect::Inspector;
use letterhead::policy::{Dialect, Policy};
use letterhead::serve::Serve;
use letterhead::{FileSender, LetterheadLayer, Receipt, Rules, named};
use tower::{Layer as _, ServiceBuilder};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::handlers;
use crate::orders;
use crate::place::Place;
use crate::shared;

pub(crate) async fn run() -> ExitCode {
    served().await.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn served() -> Result<ExitCode, Box<dyn std::error::Error>> {
    // The site is there until the server has ended.
    let place = Place::written()?;
    let files = FileSender::new(place.site())?
        // What comes with the example is settled, however young it is.
        .settle(Duration::ZERO);
    let policy =
        Policy::parse("examples/inspect/_headers", include_str!("_headers"), Dialect::Cloudflare)?;
    let inspector = Inspector::new()
        // Whoever runs the example wants to see it; it answers clients on this machine alone all the same.
        .in_release(true)
        .source_root(env!("CARGO_MANIFEST_DIR"))
        .editor("vscode://file{file}:{line}");
    let app = app(files).nest_service("/_head", inspector.service());
    let layer = LetterheadLayer::new()
        .rules(Rules::standard())
        .policy(policy)
        .deny(handlers::shared_cookie)
        .reporter(inspector)
        .reporter(|receipt: &Receipt| eprintln!("{receipt}"));
    // Around the whole router, and a server that says who its clients are.
    Ok(shared::run_with(layer.layer(app), curl_lines, Serve::peer).await)
}

fn app(files: FileSender) -> Router {
    let theme =
        SetResponseHeaderLayer::overriding(SET_COOKIE, HeaderValue::from_static("theme=dark"));
    let language =
        SetResponseHeaderLayer::overriding(VARY, HeaderValue::from_static("accept-language"));
    let quarrel = get(handlers::quarrel).layer(
        ServiceBuilder::new()
            // From here on inwards: each of the first two takes away what another has written.
            .layer(named("language", language))
            .layer(named("theme", theme))
            .layer(named("session", SessionManagerLayer::new(MemoryStore::default())))
            .layer(named("cors", CorsLayer::new().allow_origin(Any).vary([ORIGIN])))
            .layer(named("compression", CompressionLayer::new())),
    );
    Router::new()
        .route("/quarrel", quarrel)
        .route("/orders/{number}", get(orders::order))
        .route("/rows", get(handlers::rows))
        .route("/too-late", get(handlers::too_late))
        .route("/slow", get(handlers::slow))
        .route("/fail", get(handlers::fails))
        .route("/break", get(handlers::breaks))
        .route("/panic", get(handlers::panics))
        .route("/login", get(handlers::login))
        .fallback_service(files)
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "the inspector: http://{addr}/_head/\n\n\
         curl -i http://{addr}/quarrel           # five layers, one head\n\
         curl -i http://{addr}/orders/[136-138]  # which line keeps one of them for a year?\n\
         curl -i http://{addr}/assets/app.js     # a file, with the policy's Cache-Control\n\
         curl -i http://{addr}/rows              # a write that lands\n\
         curl -i http://{addr}/too-late          # one that does not\n\
         curl -i http://{addr}/slow              # a head that goes out at the deadline\n\
         curl -i http://{addr}/fail              # a body that fails at its start: 503\n\
         curl -i http://{addr}/break             # one that fails later: broken off\n\
         curl -i http://{addr}/panic             # 500\n\
         curl -i http://{addr}/login             # denied\n"
    )
}
