//! Judgements at the edges: error answers, refusals, 304s, trailers, options that interact.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use letterhead::report::Collector;
use letterhead::{Action, Class, Expect, Head, LetterheadLayer, Role, Rule, Rules, Shape, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::{ask, get, the_one};

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

fn over(field: HeaderName, text: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(field, value(text))
}

/// A body that fails with ESTALE on its first frame.
fn stale() -> Body {
    let error = std::io::Error::from(std::io::ErrorKind::StaleNetworkFileHandle);
    Body::from_stream(tokio_stream::iter([Err::<Bytes, _>(error)]))
}

#[tokio::test]
async fn no_action_touches_an_error_answer_for_what_the_failed_head_did() {
    let created = axum::middleware::map_response(|mut response: Response| async move {
        *response.status_mut() = StatusCode::CREATED;
        response
    });
    let router = || {
        let handler = || async { ([(CONTENT_TYPE, "text/html"), (ETAG, "\"a\"")], stale()) };
        Router::new()
            .route("/", on_get(handler))
            .layer(named("created", created.clone()))
            .layer(named("tag", over(ETAG, "\"b\"")))
            .layer(named("type", over(CONTENT_TYPE, "text/plain")))
    };
    for action in [Action::KeepFirst, Action::KeepLast, Action::Merge, Action::Reject] {
        let mut rules = Rules::standard();
        for rule in [Rule::StatusChanged, Rule::Overwritten, Rule::Removed] {
            rules = rules.on(rule, action).on_field(rule, ETAG, action);
        }
        let (answer, receipt) = ask(router(), rules, get("/", &[])).await;
        assert_eq!(answer.status, 503, "{action}");
        assert_eq!(answer.field("content-type"), "application/problem+json", "{action}");
        assert_eq!(answer.field("etag"), "", "{action}");
        // It is told all the same.
        assert!(receipt.conflicts().len() >= 2, "{receipt}");
    }
}

#[tokio::test]
async fn a_refusal_has_what_every_error_must_have_and_not_what_it_was_refused_for() {
    let bad = name("x-internal");
    let router = Router::new().route("/", on_get(|| async { ([("x-internal", "db-7")], "hello") }));
    let rules = Rules::standard()
        .forbid(Expect::field(bad))
        .on(Rule::Forbidden, Action::Reject)
        .require(Expect::field(name("x-support")).on_status(500..=599).or(value("call us")));
    let (answer, receipt) = ask(router, rules, get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.field("x-internal").as_str()), (500, ""));
    assert_eq!(answer.field("x-support"), "call us");
    assert!(the_one(&receipt, Rule::Missing).to_string().ends_with("resolved (merge)"));
}

#[tokio::test]
async fn nothing_that_describes_content_is_put_in_where_there_is_none() {
    for (status, expected) in [(200, "text/html"), (304, ""), (204, "")] {
        let status = StatusCode::from_u16(status).unwrap();
        let router = Router::new().route("/", on_get(move || async move { status }));
        let rules = Rules::standard().require(Expect::field(CONTENT_TYPE).or(value("text/html")));
        let (answer, _) = ask(router, rules, get("/", &[])).await;
        assert_eq!(answer.field("content-type"), expected, "{status}");
    }
}

#[tokio::test]
async fn a_trailer_changes_no_field_and_one_that_is_merged_has_its_writer() {
    let handler = || async {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", value("2"));
        trailers.insert("server-timing", value("b"));
        trailers.insert("etag", value("\"2\""));
        let frames = [Ok::<_, std::convert::Infallible>(Frame::<Bytes>::trailers(trailers))];
        Body::new(http_body_util::StreamBody::new(tokio_stream::iter(frames)))
    };
    let router = Router::new()
        .route("/", on_get(handler))
        .layer(named("sum", over(name("x-sum"), "1")))
        .layer(named("timing", over(name("server-timing"), "a")));
    let (answer, receipt) = ask(router.clone(), Rules::standard(), get("/", &[])).await;
    assert_eq!(
        (answer.field("x-sum").as_str(), answer.field("server-timing").as_str()),
        ("1", "a")
    );
    assert_eq!(answer.field("etag"), "");
    assert!(receipt.conflicts().is_empty(), "{receipt}");

    let seen = Collector::new();
    let layer = LetterheadLayer::new()
        .merge_trailers(["x-sum", "server-timing", "etag"].map(name))
        .rules(Rules::standard())
        .reporter(seen.clone());
    let response = layer.layer(router).oneshot(get("/", &[])).await.unwrap();
    assert_eq!(response.headers()["x-sum"], "1");
    assert_eq!(response.headers()["server-timing"], "a");
    assert_eq!(response.headers()["etag"], "\"2\"");
    drop(response);
    let receipt = seen.take().remove(0);
    let merged = receipt.writes().iter().find(|write| write.field() == Some(&http::header::ETAG));
    assert_eq!(merged.unwrap().writer().to_string(), "the body's trailers");
}

#[tokio::test]
async fn a_role_of_ones_own_counts_in_an_error_answer() {
    let field = name("x-row-count");
    let router =
        || Router::new().route("/", on_get(|| async { ([("x-row-count", "7")], stale()) }));
    let (answer, _) = ask(router(), Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.field("x-row-count"), "7", "nobody registered it, so it stays");
    let rules = Rules::standard().class(field, Class::new(Shape::Single, Role::Representation));
    let (answer, _) = ask(router(), rules, get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.field("x-row-count").as_str()), (503, ""));
}

#[tokio::test]
async fn sampling_is_apart_from_what_is_watched() {
    type Make = fn(LetterheadLayer, Collector) -> LetterheadLayer;
    let orders: [Make; 2] = [
        |layer, seen| layer.sample(0).rules(Rules::standard()).reporter(seen),
        |layer, seen| layer.rules(Rules::standard()).reporter(seen).sample(0),
    ];
    for make in orders {
        let seen = Collector::new();
        let layer = make(LetterheadLayer::new(), seen.clone());
        let router = Router::new().route("/", on_get(|| async { "hello" }));
        layer.layer(router.clone()).oneshot(get("/", &[])).await.unwrap();
        assert_eq!(seen.take().len(), 0);
        layer.sample(1).layer(router).oneshot(get("/", &[])).await.unwrap();
        assert_eq!(seen.take().len(), 1, "rules and reporters are still there");
    }
}

#[tokio::test]
async fn a_layer_that_owns_the_status_may_change_it() {
    let conditional = axum::middleware::map_response(|mut response: Response| async move {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    });
    let router = || Router::new().route("/", on_get(|| async { "hello" }));
    let owner = named("conditional", conditional.clone()).owns_status().owns([CONTENT_TYPE]);
    let (answer, receipt) = ask(router().layer(owner), Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.status, 304);
    let told: Vec<_> = receipt.conflicts().iter().map(letterhead::Conflict::rule).collect();
    // axum's own length of the content that was there is all that is mended.
    assert!(told.iter().all(|rule| *rule == Rule::Framing), "{receipt}");
    let stranger = router().layer(named("conditional", conditional));
    let (_, receipt) = ask(stranger, Rules::standard(), get("/", &[])).await;
    the_one(&receipt, Rule::StatusChanged);
}

#[tokio::test]
async fn a_nested_router_is_judged_by_the_whole_path() {
    let seen = Collector::new();
    let rules = Rules::standard().require(Expect::field(name("x-api")).on_path("/api/*"));
    let layer = LetterheadLayer::new().rules(rules).reporter(seen.clone());
    let inner = Router::new().route("/users", on_get(|| async { "hello" })).layer(layer);
    let outer = Router::new().nest("/api", inner);
    outer.oneshot(get("/api/users?secret=1", &[])).await.unwrap();
    let receipt = seen.take().remove(0);
    assert_eq!((receipt.path(), receipt.route()), (Some("/api/users"), Some("/api/users")));
    the_one(&receipt, Rule::Missing);
}

#[tokio::test]
async fn a_tag_that_the_handler_asked_for_is_held_against_a_later_coding() {
    async fn handler(head: Head) -> &'static str {
        let _ = head.insert("etag", "\"v1\"");
        "some text that is long enough to be worth a coding of its own"
    }
    let router =
        Router::new().route("/", on_get(handler)).layer(named("gzip", CompressionLayer::new()));
    let rules = Rules::standard().on(Rule::StrongTag, Action::Merge);
    let (answer, _) = ask(router, rules, get("/", &[("accept-encoding", "gzip")])).await;
    assert_eq!(answer.field("etag"), "W/\"v1\"");
}

#[tokio::test]
async fn a_refused_write_or_promise_is_nobodys_field() {
    async fn handler(head: Head) -> Response {
        let _ = head.insert("vary", "bad\n");
        let _ = head.promise("x-sum");
        let _ = head.insert("x-sum", "7");
        let fields = [("vary", "origin")];
        let late = head.clone();
        let frames = tokio_stream::iter(["one", "two"]);
        let body = tokio_stream::StreamExt::map(frames, move |text| {
            if late.wrote_header() {
                let _ = late.insert("x-sum", "8");
            }
            Ok::<_, std::convert::Infallible>(text)
        });
        (fields, Body::from_stream(body)).into_response()
    }
    let twice = SetResponseHeaderLayer::appending(name("vary"), value("origin"));
    let router = Router::new().route("/", on_get(handler)).layer(named("twice", twice));
    let (_, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    let told = the_one(&receipt, Rule::MemberRepeated).to_string();
    assert!(told.starts_with("member-repeated vary: the handler, then layer twice"), "{told}");
    // Its author was told that there are no trailers; it is no surprise that there were none.
    assert!(receipt.conflicts().iter().all(|c| c.rule() != Rule::LateWrite), "{receipt}");
    assert!(receipt.explain().contains("x-sum: 7\n  insert by tests/layers/judged.rs:"));
}

#[tokio::test]
async fn a_write_over_any_number_of_lines_leaves_one() {
    for lines in 0..6 {
        let handler = move |head: Head| async move {
            let _ = head.insert("x-rows", "one");
            let mut response = "hello".into_response();
            for line in 0..lines {
                response.headers_mut().append("x-rows", HeaderValue::from(line));
            }
            response
        };
        let router = Router::new().route("/", on_get(handler));
        let (answer, _) = ask(router, Rules::standard(), get("/", &[])).await;
        assert_eq!(answer.field("x-rows"), "one", "{lines} lines before");
    }
}
