//! Four layers that quarrel over one head: who wrote what, and what each way of settling it gives.

#[path = "shared/mod.rs"]
mod shared;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, SET_COOKIE,
    VARY,
};
use http::{HeaderValue, Request, StatusCode};
use letterhead::serve::RequestBody;
use letterhead::{Action, Head, LetterheadLayer, Receipt, Rule, Rules, named};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

#[tokio::main]
async fn main() -> ExitCode {
    let stacks = ["report", "merge", "reject"].map(|mode| {
        let layer = LetterheadLayer::new().rules(rules(mode)).debug_answers(true).reporter(tell);
        (mode, layer.layer(app()))
    });
    let app = service_fn(move |request: Request<RequestBody>| {
        let mode = request.uri().query().and_then(|query| query.strip_prefix("mode="));
        let wanted = mode.unwrap_or("report").to_owned();
        let stack = stacks.iter().find(|(mode, _)| *mode == wanted).map(|(_, stack)| stack.clone());
        async move {
            let Some(stack) = stack else {
                let text = format!("mode: wanted report, merge or reject, found {wanted:?}\n");
                return Ok((StatusCode::BAD_REQUEST, text).into_response());
            };
            let response = stack.oneshot(request.map(Body::new)).await?;
            Ok::<Response, Infallible>(response.map(Body::new))
        }
    });
    shared::run(app, curl_lines).await
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl http://{addr}/                          # the head, explained\n\
         curl -H 'accept-encoding: gzip' --compressed http://{addr}/\n\
         curl -i 'http://{addr}/?mode=merge'\n\
         curl -i 'http://{addr}/?mode=reject'\n"
    )
}

/// What is done about the quarrels.
fn rules(mode: &str) -> Rules {
    match mode {
        "merge" => Rules::standard()
            .on(Rule::ListReplaced, Action::Merge)
            .on(Rule::StrongTag, Action::Merge)
            .on(Rule::Overwritten, Action::KeepFirst),
        "reject" => Rules::standard()
            .on(Rule::ListReplaced, Action::Reject)
            .on(Rule::StrongTag, Action::Reject)
            .on(Rule::Overwritten, Action::Reject),
        _ => Rules::standard(),
    }
}

fn app() -> Router {
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    let theme =
        SetResponseHeaderLayer::overriding(SET_COOKIE, HeaderValue::from_static("theme=dark"));
    let language =
        SetResponseHeaderLayer::overriding(VARY, HeaderValue::from_static("accept-language"));
    let compression = named("compression", CompressionLayer::new()).owns([
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        ACCEPT_RANGES,
    ]);
    Router::new()
        .route("/", get(handler))
        .layer(compression)
        .layer(named("cors", CorsLayer::new().allow_origin(Any).vary([http::header::ORIGIN])))
        .layer(named("session", sessions))
        // From here on outwards each takes away what another has written.
        .layer(named("theme", theme))
        .layer(named("language", language))
}

/// Answers with the story of the answer's own head.
async fn handler(head: Head, session: Session) -> Response {
    if session.insert("seen", true).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    // The head goes out first; then the whole account is known.
    head.flush();
    let story = async move { Ok::<_, Infallible>(head.explain()) };
    let mut response = Response::new(Body::from_stream(futures_util::stream::once(story)));
    let fields = response.headers_mut();
    fields.insert(ETAG, HeaderValue::from_static("\"v1\""));
    fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://one.example"));
    response
}

fn tell(receipt: &Receipt) {
    for conflict in receipt.conflicts() {
        eprintln!("{} {conflict}", receipt.route().unwrap_or("-"));
    }
}
