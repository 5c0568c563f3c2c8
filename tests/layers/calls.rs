//! Layers that call their inner service more than once, or later: only what they hand on counts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::header::{HeaderValue, SERVER};
use http::{Request, StatusCode};
use letterhead::{Action, Rule, Rules, named};
use tower::layer::layer_fn;
use tower::{Service, ServiceExt as _};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::{ask, get};

/// How a layer uses its inner service.
#[derive(Clone, Copy)]
enum Use {
    /// Again, if it answers 503.
    Retry,
    /// Twice at once; the first answer counts.
    Hedge,
    /// Answers from a cache, and asks for a fresh answer that nobody is given.
    Refresh,
}

#[derive(Clone)]
struct Calling<S>(S, Use);

impl<S> Service<Request<Body>> for Calling<S>
where
    S: Service<Request<Body>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, way) = (self.0.clone(), self.1);
        let again = || {
            let mut again = Request::new(Body::empty());
            *again.uri_mut() = request.uri().clone();
            *again.extensions_mut() = request.extensions().clone();
            inner.clone().oneshot(again)
        };
        let (first, second) = (again(), again());
        Box::pin(async move {
            match way {
                Use::Retry => match first.await? {
                    answer if answer.status() != 503 => Ok(answer),
                    _ => second.await,
                },
                Use::Hedge => {
                    let (first, second) = tokio::join!(first, second);
                    drop(second);
                    first
                }
                Use::Refresh => {
                    drop(first.await?);
                    Ok((StatusCode::OK, [("age", "7")], "cached").into_response())
                }
            }
        })
    }
}

fn stamp(value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(SERVER, HeaderValue::from_static(value))
}

/// A handler that fails at first, with fields that nobody may ever see.
fn flaky() -> Router {
    let calls = Arc::new(AtomicUsize::new(0));
    Router::new()
        .route(
            "/",
            on_get(move || {
                let calls = Arc::clone(&calls);
                async move {
                    if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                        let fields = [("set-cookie", "dead=1"), ("x-dead", "1")];
                        return (StatusCode::SERVICE_UNAVAILABLE, fields, "busy").into_response();
                    }
                    ([("x-alive", "1")], "done").into_response()
                }
            }),
        )
        .layer(named("stamp", stamp("1")))
}

/// Every action that could bring back what is dead.
fn eager() -> Rules {
    Rules::standard()
        .on(Rule::StatusChanged, Action::KeepFirst)
        .on(Rule::Overwritten, Action::KeepFirst)
        .on(Rule::Removed, Action::Merge)
        .on(Rule::HeadReplaced, Action::Merge)
        .on(Rule::ListReplaced, Action::Merge)
}

#[tokio::test]
async fn an_attempt_that_was_given_up_is_nobodys_response() {
    for is_named in [true, false] {
        let router = if is_named {
            flaky().layer(named("retry", layer_fn(|inner| Calling(inner, Use::Retry))))
        } else {
            flaky().layer(layer_fn(|inner| Calling(inner, Use::Retry)))
        };
        let (answer, receipt) = ask(router, eager(), get("/", &[])).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"done"[..]));
        assert_eq!((answer.field("set-cookie"), answer.field("x-dead")), Default::default());
        assert!(receipt.conflicts().is_empty(), "{receipt}");
        assert!(!receipt.explain().contains("dead"), "{}", receipt.explain());
    }
}

#[tokio::test]
async fn a_second_attempt_that_is_answered_early_dropped_nothing() {
    let calls = Arc::new(AtomicUsize::new(0));
    let limit = axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    return next.run(request).await;
                }
                StatusCode::TOO_MANY_REQUESTS.into_response()
            }
        },
    );
    let router =
        flaky().layer(named("limit", limit)).layer(layer_fn(|inner| Calling(inner, Use::Retry)));
    let (answer, receipt) = ask(router, eager(), get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.field("set-cookie").as_str()), (429, ""));
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}

#[tokio::test]
async fn of_two_calls_at_once_the_one_that_is_handed_on_counts() {
    let router = flaky()
        .layer(named("hedge", layer_fn(|inner| Calling(inner, Use::Hedge))))
        .layer(named("outer", stamp("2")));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.field("server").as_str()), (503, "2"));
    let told: Vec<_> = receipt.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["overwritten server: layer stamp, then layer outer; `1` became `2`; reported",]
    );
}

#[tokio::test]
async fn an_answer_from_a_cache_loses_nothing_of_the_fresh_one() {
    let router = flaky().layer(layer_fn(|inner| Calling(inner, Use::Refresh)));
    let (answer, receipt) = ask(router, eager(), get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"cached"[..]));
    assert_eq!(answer.field("set-cookie"), "");
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}

#[tokio::test]
async fn a_sub_request_is_not_the_response() {
    let part = Router::new()
        .route("/part", on_get(|| async { (StatusCode::NOT_FOUND, [("x-part", "1")], "part") }))
        .layer(named("inner", stamp("inner")));
    let page = move |request: Request<Body>| async move {
        let mut sub = get("/part", &[]);
        *sub.extensions_mut() = request.extensions().clone();
        drop(part.oneshot(sub).await);
        "page"
    };
    let router = Router::new().route("/", on_get(page)).layer(named("outer", stamp("outer")));
    let (answer, receipt) = ask(router, eager(), get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.field("server").as_str()), (200, "outer"));
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}

#[tokio::test]
async fn a_head_of_ones_own_is_told_though_it_has_fields_in_common() {
    let handler = || async { ([("access-control-allow-origin", "*"), ("etag", "\"1\"")], "hello") };
    let own = axum::middleware::map_response(|_: Response| async {
        (StatusCode::BAD_GATEWAY, "an answer of its own")
    });
    let router = || Router::new().route("/", on_get(handler)).layer(named("own", own.clone()));
    let (_, receipt) = ask(router(), Rules::standard(), get("/", &[])).await;
    let told: Vec<_> = receipt.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["head-replaced: the handler, then layer own; 200 became 502; 2 fields lost: \
         access-control-allow-origin, etag; reported",]
    );
    let explained = receipt.explain();
    assert!(explained.contains("content-type: text/plain; charset=utf-8\n  set by layer own\n"));
    let (answer, _) = ask(router(), eager(), get("/", &[])).await;
    assert_eq!(answer.field("access-control-allow-origin"), "*");
    assert_eq!((answer.status.as_u16(), answer.field("etag").as_str()), (502, ""));
}
