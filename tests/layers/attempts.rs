//! Writes through `Head` where a layer asks its inner service several times: each lands on its own response.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::StatusCode;
use letterhead::report::Collector;
use letterhead::{Fate, Head, LetterheadLayer, Receipt, Refusal, Rule, Rules, named};
use tower::layer::layer_fn;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};

use crate::ask::{Answer, get, read};

/// How a layer uses its inner service.
#[derive(Clone, Copy)]
enum Use {
    /// Again, if it answers with an error.
    Retry,
    /// Twice at once; the first answer counts, and the other call is dropped.
    Hedge,
    /// Asks for the place that the first answer names.
    Follow,
}

#[derive(Clone)]
struct Calling<S>(S, Use);

impl<S> Service<Request> for Calling<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (inner, way) = (self.0.clone(), self.1);
        let copy = |uri: &str| {
            let mut copy = Request::new(Body::empty());
            *copy.uri_mut() = uri.parse().unwrap();
            *copy.extensions_mut() = request.extensions().clone();
            copy
        };
        let path = request.uri().path().to_owned();
        let (second, followed) = (copy(&path), copy("/moved"));
        Box::pin(async move {
            match way {
                Use::Retry => match inner.clone().oneshot(request).await? {
                    answer if answer.status().is_success() => Ok(answer),
                    _ => inner.oneshot(second).await,
                },
                Use::Hedge => {
                    let (one, two) = (inner.clone().oneshot(request), inner.oneshot(second));
                    let (mut one, mut two) = (Box::pin(one), Box::pin(two));
                    tokio::select! {
                        biased;
                        answer = &mut one => answer,
                        answer = &mut two => answer,
                    }
                }
                Use::Follow => match inner.clone().oneshot(request).await? {
                    answer if answer.status().is_redirection() => inner.oneshot(followed).await,
                    answer => Ok(answer),
                },
            }
        })
    }
}

fn calling<S>(way: Use) -> impl tower::Layer<S, Service = Calling<S>> + Clone {
    layer_fn(move |inner| Calling(inner, way))
}

/// The first call writes what is for an error, and each its own cookie.
fn flaky(slow_first: bool) -> Router {
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = move |head: Head| {
        let number = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            let _ = head.append("set-cookie", format!("attempt={number}"));
            let _ = head.insert("x-attempt", number);
            if number > 0 {
                return "second".into_response();
            }
            let _ = head.set_status(StatusCode::BAD_GATEWAY);
            let _ = head.insert("retry-after", "5");
            if slow_first {
                std::future::pending::<()>().await;
            }
            (StatusCode::BAD_GATEWAY, "first").into_response()
        }
    };
    let moved = |head: Head| async move {
        let _ = head.set_status(StatusCode::FOUND);
        let _ = head.insert("location", "/moved");
        let _ = head.append("set-cookie", "old=1");
        "moved"
    };
    Router::new()
        .route("/", on_get(handler.clone()))
        .route("/moved", on_get(handler))
        .route("/old", on_get(moved))
}

/// Asks with and without rules: the answer has to be the same.
async fn both(router: impl Fn() -> Router, path: &str) -> (Answer, Receipt) {
    let bare = LetterheadLayer::new().layer(router()).oneshot(get(path, &[])).await.unwrap();
    let bare = read(bare).await;
    let receipts = Collector::new();
    let watched = LetterheadLayer::new().rules(Rules::standard()).reporter(receipts.clone());
    let watched = watched.layer(router()).oneshot(get(path, &[])).await.unwrap();
    let watched = read(watched).await;
    assert_eq!((bare.status, &bare.body), (watched.status, &watched.body));
    assert_eq!(bare.fields, watched.fields);
    (watched, receipts.take().remove(0))
}

fn fates(receipt: &Receipt, fate: Fate) -> usize {
    receipt.writes().iter().filter(|write| write.fate() == fate).count()
}

#[tokio::test]
async fn an_attempt_that_was_retried_leaves_nothing_on_the_next() {
    let router = || flaky(false).layer(named("retry", calling(Use::Retry)));
    let (answer, receipt) = both(router, "/").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"second"[..]));
    assert_eq!(answer.field("set-cookie"), "attempt=1");
    assert_eq!(
        (answer.field("retry-after"), answer.field("x-attempt")),
        (String::new(), "1".into())
    );
    assert_eq!(fates(&receipt, Fate::Discarded), 4, "{receipt}");
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}

#[tokio::test]
async fn of_two_calls_at_once_only_the_one_that_is_handed_on_writes() {
    // The first never answers.
    let router = || flaky(true).layer(named("hedge", calling(Use::Hedge)));
    let (answer, receipt) = both(router, "/").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"second"[..]));
    assert_eq!((answer.field("set-cookie"), answer.field("x-attempt")), {
        ("attempt=1".into(), "1".into())
    });
    assert_eq!(fates(&receipt, Fate::Discarded), 4, "{receipt}");
    // The first answers at once, and the second is never polled.
    let router = || flaky(false).layer(named("hedge", calling(Use::Hedge)));
    let (answer, _) = both(router, "/").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (502, &b"first"[..]));
    assert_eq!(answer.field("set-cookie"), "attempt=0");
}

#[tokio::test]
async fn a_redirect_that_is_followed_leaves_nothing_on_what_is_found() {
    // Around the whole router, because a layer of a route sees that route only.
    let router = || {
        let follow = named("follow", calling(Use::Follow));
        Router::new().fallback_service(follow.layer(flaky(false)))
    };
    let (answer, _) = both(router, "/old").await;
    assert_eq!(answer.status.as_u16(), 502);
    assert_eq!((answer.field("set-cookie").as_str(), answer.field("location").as_str()), {
        ("attempt=0", "")
    });
}

#[tokio::test]
async fn a_retry_outside_of_other_named_layers_is_as_exact() {
    let stamp = || axum::middleware::map_response(|response: Response| async { response });
    let router = || {
        flaky(false)
            .layer(named("inner", stamp()))
            .layer(named("between", stamp()))
            .layer(named("retry", calling(Use::Retry)))
            .layer(named("outer", stamp()))
    };
    let (answer, _) = both(router, "/").await;
    assert_eq!((answer.status.as_u16(), answer.field("set-cookie").as_str()), (200, "attempt=1"));
}

#[tokio::test]
async fn a_buffered_service_writes_as_any_other() {
    let make = || {
        let failed = |error: tower::BoxError| async move { error.to_string() };
        let buffer = ServiceBuilder::new()
            .layer(axum::error_handling::HandleErrorLayer::new(failed))
            .layer(named("buffer", tower::buffer::BufferLayer::new(4)));
        flaky(false).layer(buffer)
    };
    let (answer, _) = both(make, "/").await;
    assert_eq!((answer.status.as_u16(), answer.field("set-cookie").as_str()), (502, "attempt=0"));
}

/// A page that asks for a part with the extensions that it has itself.
fn page(part: Router) -> Router {
    let handler = move |head: Head, request: Request| async move {
        let _ = head.append("set-cookie", "page=1");
        let mut sub = get("/part", &[]);
        *sub.extensions_mut() = request.extensions().clone();
        let part = part.oneshot(sub).await.unwrap();
        format!("page with a part of status {}", part.status().as_u16())
    };
    Router::new().route("/", on_get(handler))
}

fn part() -> Router {
    let handler = |Extension(head): Extension<Head>| async move {
        let placed = head.set_status(StatusCode::NOT_FOUND);
        let _ = head.insert("content-type", "text/css");
        let _ = head.append("set-cookie", "part=1");
        placed.to_string()
    };
    Router::new().route("/part", on_get(handler))
}

#[tokio::test]
async fn what_a_sub_request_writes_is_refused_or_lands_on_its_own_response() {
    let check = async |router: &dyn Fn() -> Router, part: u16| {
        let (answer, receipt) = both(router, "/").await;
        let text = format!("page with a part of status {part}");
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, text.as_bytes()));
        assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.field("set-cookie"), "page=1");
        receipt
    };
    // Without a name the write is refused, with the reason.
    let receipt = check(&|| page(part()), 200).await;
    assert_eq!(fates(&receipt, Fate::Refused(Refusal::CopiedRequest)), 3, "{receipt}");
    // With one it lands on the part.
    let idle = || axum::middleware::map_response(|response: Response| async { response });
    let receipt = check(&|| page(part().layer(named("part", idle()))), 404).await;
    assert_eq!(fates(&receipt, Fate::Discarded), 3, "{receipt}");
    let around = || page(part().layer(named("part", idle()))).layer(named("page", idle()));
    check(&around, 404).await;
}

#[tokio::test]
async fn parts_that_an_extractor_copied_write_to_their_own_response() {
    async fn handler(parts: http::request::Parts) -> &'static str {
        let head = Head::of(&parts.extensions).expect("a layer");
        let _ = head.insert("x-parts", "1");
        "hello"
    }
    let (answer, receipt) = both(|| Router::new().route("/", on_get(handler)), "/").await;
    assert_eq!(answer.field("x-parts"), "1");
    assert!(receipt.conflicts().is_empty(), "{receipt}");
}

#[tokio::test]
async fn attempts_of_a_layer_without_a_name_that_disagree_are_reported() {
    let router = || flaky(false).layer(calling(Use::Retry));
    let (_, receipt) = both(router, "/").await;
    let found: Vec<_> =
        receipt.conflicts().iter().filter(|c| c.rule() == Rule::OtherAttempt).collect();
    let fields: Vec<_> = found.iter().map(|c| c.field().map(ToString::to_string)).collect();
    assert_eq!(fields, [Some("set-cookie".into()), Some("x-attempt".into())], "{receipt}");
    assert!(found[0].to_string().contains("written for two copies of one request"), "{}", found[0]);
}

/// A named layer answers by itself, with a field in common with the response that it was given.
fn answering() -> Router {
    async fn handler(head: Head) -> &'static str {
        let _ = head.insert("x-author", "handler");
        let _ = head.insert("etag", "\"of-the-handler\"");
        let _ = head.set_status(StatusCode::CREATED);
        "of the handler"
    }
    let other = tower::util::MapResponseLayer::new(|_: Response| {
        let fields = [("x-author", "handler"), ("x-answered", "1")];
        (StatusCode::ACCEPTED, fields, "of the layer").into_response()
    });
    Router::new().route("/", on_get(handler)).layer(named("answering", other))
}

#[tokio::test]
async fn what_a_layer_threw_away_with_a_response_is_discarded_whoever_watches() {
    let (answer, watched) = both(answering, "/").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (202, &b"of the layer"[..]));
    assert_eq!((answer.field("x-author"), answer.field("etag")), ("handler".into(), String::new()));
    let bare = Collector::new();
    let layer = LetterheadLayer::new().on_end({
        let bare = bare.clone();
        move |receipt: &Receipt| letterhead::report::Reporter::report(&bare, receipt)
    });
    read(layer.layer(answering()).oneshot(get("/", &[])).await.unwrap()).await;
    let of_handler = |receipt: &Receipt| -> Vec<_> {
        let writes = receipt.writes().iter().filter(|write| write.writer().location().is_some());
        writes.map(|write| (write.field().cloned(), write.status(), write.fate())).collect()
    };
    let bare = bare.take().remove(0);
    assert_eq!(of_handler(&watched), of_handler(&bare), "{watched}\n{bare}");
    assert_eq!((fates(&bare, Fate::Discarded), fates(&bare, Fate::Applied)), (2, 1), "{bare}");
    // Whose fields were lost is known nevertheless.
    let lost = watched.conflicts().iter().find(|conflict| conflict.rule() == Rule::HeadReplaced);
    let lost = lost.map(ToString::to_string).unwrap_or_default();
    assert!(lost.contains("attempts.rs"), "{watched}");
}

#[tokio::test]
async fn the_policy_of_an_attempt_that_never_answered_holds_for_the_error() {
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = move |head: Head| {
        let number = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            let _ = head.append("set-cookie", format!("attempt={number}"));
            let _ = head.insert("x-frame-options", "DENY");
            let _ = head.insert("etag", "\"v1\"");
            if number == 1 {
                std::future::pending::<()>().await;
            }
            (StatusCode::BAD_GATEWAY, "first").into_response()
        }
    };
    let time_out = tower_http::timeout::TimeoutLayer::with_status_code(
        StatusCode::SERVICE_UNAVAILABLE,
        Duration::from_millis(30),
    );
    let router = Router::new()
        .route("/", on_get(handler))
        .layer(named("retry", calling(Use::Retry)))
        .layer(named("time-out", time_out));
    let receipts = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(receipts.clone());
    let answer = read(layer.layer(router).oneshot(get("/", &[])).await.unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.field("set-cookie").as_str()), (503, "attempt=1"));
    assert_eq!(
        (answer.field("x-frame-options").as_str(), answer.field("etag").as_str()),
        ("DENY", "")
    );
    let receipt = receipts.take().remove(0);
    assert_eq!((fates(&receipt, Fate::Discarded), fates(&receipt, Fate::Superseded)), (3, 1));
}
