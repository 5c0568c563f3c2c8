//! The layer around a whole `Router`, behind `axum::serve`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::serve::ListenerExt as _;
use axum::{Router, ServiceExt as _};
use http::{HeaderValue, Method, StatusCode};
use letterhead::{Head, LetterheadLayer, Outcome};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower::Service;

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::serve::{Act, Body, Receipts, Server, chunks, collected, script, soon};

/// Serves with `axum::serve` whatever it takes.
async fn served<S>(app: S) -> Server
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let serving = axum::serve(listener, app.into_make_service());
    Server::begun(addr, tokio::spawn(async { serving.await.unwrap() }))
}

/// A service around the router that has a hook write to every head, and moves old paths.
fn marked(
    router: Router,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    tower::util::MapRequest::new(router, |mut request: Request| {
        let head = Head::of(request.extensions()).unwrap();
        head.before_commit(|draft| {
            let allow = draft.fields().get("allow").cloned();
            let allow = allow.unwrap_or(HeaderValue::from_static("none"));
            let _ = draft.insert("x-allow", allow);
        })
        .unwrap();
        if request.uri().path() == "/old" {
            *request.uri_mut() = "/in/page".parse().unwrap();
        }
        request
    })
}

fn pages() -> Router {
    let nested = Router::new().route("/page", get(|| async { "nested" }));
    let merged = Router::new().route("/merged", get(|| async { "merged" }));
    Router::new()
        .route("/", get(|| async { "root" }))
        .route("/post", post(|| async { StatusCode::CREATED }))
        .nest("/in", nested)
        .merge(merged)
}

#[tokio::test]
async fn every_answer_of_the_router_is_committed_by_the_layer() {
    let own = pages().fallback(|| async { (StatusCode::NOT_FOUND, "own") });
    for (router, missing) in [(pages(), ""), (own, "own")] {
        let (layer, mut receipts) = collected(LetterheadLayer::new());
        let server = served(layer.around_router(marked(router))).await;
        let h2 = H2::connect(&server).await;
        for (path, status, body, allow) in [
            ("/", 200, "root", "none"),
            ("/in/page", 200, "nested", "none"),
            ("/merged", 200, "merged", "none"),
            // Written anew before the router routes.
            ("/old", 200, "nested", "none"),
            // What no route answers.
            ("/none", 404, missing, "none"),
            ("/in/none", 404, missing, "none"),
            // `Allow` is axum's, and is there before the commit.
            ("/post", 405, "", "POST"),
        ] {
            let one = h1_get(&server, path, "").await;
            assert_eq!((one.status(), one.body.as_str()), (status, body), "{path}");
            assert_eq!(one.field("x-allow"), Some(allow), "{path}");
            let length = body.len().to_string();
            assert_eq!(one.field("content-length"), Some(length.as_str()), "{path}: {}", one.head);
            let two = h2.get(path).await.unwrap();
            assert_eq!((two.status.as_u16(), two.body.as_str()), (status, body), "{path}");
            assert_eq!(two.field("x-allow"), Some(allow), "{path}");
            for _ in 0..2 {
                let seen = receipts.next().await;
                assert_eq!(seen.status.map(|status| status.as_u16()), Some(status), "{path}");
                assert!(matches!(seen.outcome, Outcome::Handed), "{path}: {}", seen.line);
                assert!(seen.notes.is_empty(), "{path}: {:?}", seen.notes);
            }
        }
    }
}

async fn around(router: Router) -> (Server, Receipts) {
    let (layer, receipts) = collected(LetterheadLayer::new());
    (served(layer.around_router(router)).await, receipts)
}

fn body(body: Body) -> Response {
    Response::new(axum::body::Body::new(body))
}

#[tokio::test]
async fn an_answer_that_needs_nothing_is_the_same_as_without_the_layer() {
    let streamed = || async { body(chunks(&["one", "two"])) };
    let router = pages().route("/streamed", get(streamed));
    let bare = served(router.clone()).await;
    let (server, _receipts) = around(router).await;
    let (bare_h2, h2) = (H2::connect(&bare).await, H2::connect(&server).await);
    for path in ["/", "/in/page", "/none", "/in/none", "/streamed", "/post"] {
        assert_eq!(h1_get(&server, path, "").await, h1_get(&bare, path, "").await, "{path}");
        let (mut one, mut other) = (Raw::connect(&server).await, Raw::connect(&bare).await);
        // Two on one connection: the first has left nothing behind.
        for _ in 0..2 {
            one.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
            other.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
            assert_eq!(one.head().await, other.head().await, "{path}");
        }
        let (mut one, mut other) = (Raw::connect(&server).await, Raw::connect(&bare).await);
        one.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        other.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert_eq!((one.head().await, one.rest().await), (other.head().await, other.rest().await));
        for method in [Method::GET, Method::HEAD] {
            let one = h2.request(method.clone(), path).await.unwrap();
            let other = bare_h2.request(method, path).await.unwrap();
            assert_eq!((one.status, &one.fields), (other.status, &other.fields), "{path}");
            assert_eq!((one.body, one.reset), (other.body, None), "{path}");
        }
    }
}

#[tokio::test]
async fn failures_become_statuses_and_late_ones_break_the_response_off() {
    let router = Router::new()
        .route("/first", get(|| async { body(script([Act::Fail("disk on fire".into())])) }))
        .route("/panic", get(|| async { body(script([Act::Panic("in the body")])) }))
        .route(
            "/later",
            get(|| async { body(script([Act::Data("part"), Act::Fail("disk on fire".into())])) }),
        );
    let (server, mut receipts) = around(router).await;
    for path in ["/first", "/panic"] {
        assert_eq!(h1_get(&server, path, "").await.status(), 500, "{path}");
        assert_eq!(h2_get(&server, path).await.unwrap().status, 500, "{path}");
        for _ in 0..2 {
            assert!(matches!(receipts.next().await.outcome, Outcome::Handed), "{path}");
        }
    }
    // The reason of the reset is found through axum's own error.
    assert_eq!(h1_get(&server, "/later", "").await.body, "4\r\npart\r\n");
    let reset = h2_get(&server, "/later").await.unwrap().reset;
    assert_eq!(reset, Some(h2::Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn the_client_of_a_connection_is_known_to_handlers() {
    let who = |ConnectInfo(addr): ConnectInfo<SocketAddr>| async move { addr.ip().to_string() };
    let app = LetterheadLayer::new().around_router(Router::new().route("/", any(who)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    let server = Server::begun(addr, tokio::spawn(async { serving.await.unwrap() }));
    assert_eq!(h1_get(&server, "/", "").await.body, "127.0.0.1");
}

#[tokio::test]
async fn a_graceful_shutdown_waits_for_what_is_held() {
    let (asked, go, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Notify::new());
    let handler = {
        let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
        move || async move {
            asked.notify_one();
            body(script([Act::Wait(go), Act::Data("whole")]))
        }
    };
    let app = LetterheadLayer::new().around_router(Router::new().route("/", get(handler)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = Arc::new(stop);
    let stopped = Arc::clone(&stop);
    let serving = axum::serve(listener, app.into_make_service())
        .with_graceful_shutdown(async move { stopped.notified().await });
    let ended = Arc::new(Notify::new());
    let end = Arc::clone(&ended);
    let server = Server::begun(
        addr,
        tokio::spawn(async move {
            serving.await.unwrap();
            end.notify_one();
        }),
    );
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    soon(asked.notified()).await;
    stop.notify_one();
    go.notify_one();
    let answer = raw.answer().await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "5\r\nwhole\r\n0\r\n\r\n"));
    soon(ended.notified()).await;
}
