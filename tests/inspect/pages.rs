//! The pages themselves: where they stand, how they are answered, and that they are no exchanges of the list.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, Response, StatusCode};
use letterhead::inspect::Inspector;
use letterhead::report::{Background, Collector};
use letterhead::{LetterheadLayer, Rules, named};
use tower::{Layer as _, ServiceExt as _};

use crate::client::Server;

fn app() -> Router {
    Router::new()
        .route("/a", get(|| async { "a" }))
        .route("/users/{id}", get(|| async { [("x-one", "1")] }))
}

#[tokio::test]
async fn the_pages_are_no_exchanges_and_disturb_nobody() {
    let others = Collector::new();
    // Also behind another reporter the pages are known by their receipts.
    let behind = Inspector::new();
    let background = Arc::new(Background::new(behind.clone(), 1024).unwrap());
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(others.clone());
    let layer = layer.reporter(Arc::clone(&background));
    let server = Server::with(app(), Inspector::new(), layer).await;
    server.get("/a").await;
    for path in [
        "/_head",
        "/_head/",
        "/_head/1",
        "/_head/1.json",
        "/_head/9",
        "/_head/style.css",
        "/_head/x",
    ] {
        server.get(path).await;
        server.ask(Request::head(path)).await;
        server.ask(Request::post(path)).await;
        server.ask(Request::get(path).header("host", "evil.test")).await;
    }
    server.get("/a").await;
    server.kept(2).await;
    server.ended().await;
    assert!(background.shutdown());
    assert_eq!((behind.len(), background.dropped()), (2, 0));
    let receipts = others.take();
    assert_eq!(receipts.len(), 2 + 4 * 7);
    assert!(receipts.iter().all(|receipt| receipt.conflicts().is_empty()), "{receipts:#?}");
}

#[tokio::test]
async fn every_answer_is_bounded_in_what_a_browser_may_do_with_it() {
    let server = Server::start(app(), Inspector::new()).await;
    server.get("/a").await;
    server.kept(1).await;
    for (path, status, kind) in [
        ("/_head", 200, "text/html; charset=utf-8"),
        ("/_head/", 200, "text/html; charset=utf-8"),
        ("/_head/1", 200, "text/html; charset=utf-8"),
        ("/_head/index.json", 200, "application/json"),
        ("/_head/1.json", 200, "application/json"),
        ("/_head/2.json", 404, "application/json"),
        ("/_head/2", 404, "text/html; charset=utf-8"),
        ("/_head/token", 404, "text/html; charset=utf-8"),
        ("/_head/style.css", 200, "text/css; charset=utf-8"),
        ("/_head/script.js", 200, "text/javascript; charset=utf-8"),
    ] {
        let got = server.get(path).await;
        assert_eq!(
            (got.status().as_u16(), &got.headers()["content-type"]),
            (status, &kind.parse().unwrap()),
            "{path}"
        );
        let head = server.ask(Request::head(path)).await;
        assert_eq!(head.status(), got.status(), "{path}");
        assert!(head.body().is_empty() && !got.body().is_empty(), "{path}");
        assert_eq!(got.headers()["content-length"], got.body().len().to_string(), "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(got.headers()[name], head.headers()[name], "{path}");
        }
        let fields = got.headers();
        assert_eq!(fields["cache-control"], "no-store");
        assert_eq!(fields["x-content-type-options"], "nosniff");
        assert_eq!(fields["referrer-policy"], "no-referrer");
        assert_eq!(fields["cross-origin-resource-policy"], "same-origin");
        let policy = fields["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    for method in [Method::POST, Method::PUT, Method::OPTIONS] {
        let answer = server.ask(Request::builder().method(method).uri("/_head/")).await;
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
    }
    let accepts = |accept| Request::get("/_head/1").header("accept", accept);
    for (accept, kind) in [
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html, application/json;q=0.9", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
    ] {
        assert_eq!(server.ask(accepts(accept)).await.headers()["content-type"], kind, "{accept}");
    }
    server.ended().await;
}

#[tokio::test]
async fn the_service_finds_its_place_wherever_it_is_put() {
    let inspector = Inspector::new();
    let peer = letterhead::report::Peer::new("127.0.0.1:1".parse().unwrap(), false);
    let asked = |path: &str| {
        let mut request =
            Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
        request.extensions_mut().insert(peer);
        request
    };
    let link = |base: &str| format!("href=\"{base}/style.css\"");
    let page = async |app: Router, path: &str| {
        let answer = app.oneshot(asked(path)).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    };
    let nested = |at: &str| Router::new().nest_service(at, inspector.service());
    let fallback = || Router::new().fallback_service(inspector.service());
    for (app, path, base) in [
        (nested("/_head"), "/_head", "/_head"),
        (nested("/_head"), "/_head/", "/_head"),
        (nested("/debug/heads"), "/debug/heads", "/debug/heads"),
        (nested("/{who}/heads"), "/a'b/heads/", "/a&#39;b/heads"),
        (fallback(), "/_head", "/_head"),
        (fallback(), "/_head/", "/_head"),
    ] {
        let (status, text) = page(app, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(text.contains(&link(base)), "{path}: {text}");
    }
    // What is not under the place is nobody's, the root of the application among it.
    for path in ["/", "/index.json", "/1", "/_header", "//evil.test/_head/"] {
        assert_eq!(page(fallback(), path).await.0, 404, "{path}");
    }
    // Without axum, too.
    let answer = inspector.service().oneshot(asked("/_head/")).await;
    let answer: Result<Response<_>, Infallible> = answer;
    assert_eq!(answer.unwrap().status(), 200);
    let layer = LetterheadLayer::new().layer(inspector.at("/x/").service());
    assert_eq!(layer.oneshot(asked("/x/index.json")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_exchange_has_the_one_before_and_the_line_that_asks_again() {
    let server = Server::start(app(), Inspector::new()).await;
    server.get_in_turn(&["/users/2", "/a", "/users/2?secret=1"]).await;
    let json = server.json("/_head/3.json").await;
    assert_eq!(json["receipt"]["path"], "/users/2");
    let curl = format!("curl -i --globoff --path-as-is http://{}/users/2", server.addr);
    assert_eq!(json["curl"], curl);
    assert_eq!(json["difference"]["id"], 1);
    assert_eq!(json["difference"]["fields"], serde_json::json!([]));
    let page = server.page("/_head/3").await;
    assert!(page.contains(&curl) && !page.contains("secret"));
    server.ended().await;
}

#[tokio::test]
async fn an_exchange_says_what_is_different_from_the_one_before_and_how_long_it_took() {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let count = || async {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let status = if count == 1 { StatusCode::OK } else { StatusCode::ACCEPTED };
        let gone = if count == 1 { "x-first" } else { "x-later" };
        (status, [("x-count", count.to_string()), (gone, "1".to_owned())])
    };
    // A name inside of the router has the route known, so that the paths need not be the same.
    let nothing = tower::util::MapRequestLayer::new(|request: axum::extract::Request| request);
    let app = Router::new().route("/count/{id}", get(count)).route_layer(named("nothing", nothing));
    let server = Server::start(app, Inspector::new()).await;
    server.get_in_turn(&["/count/1", "/count/2"]).await;
    let json = server.json("/_head/2.json").await;
    let expected = serde_json::json!({
        "id": 1,
        "status_before": 200,
        "status_after": 202,
        "fields": [
            {"name": "x-count", "before": ["1"], "after": ["2"]},
            {"name": "x-first", "before": ["1"], "after": []},
            {"name": "x-later", "before": [], "after": ["1"]},
        ],
    });
    assert_eq!(json["difference"], expected);
    assert_eq!(json["receipt"]["route"], "/count/{id}");
    assert_eq!(server.json("/_head/1.json").await["difference"], serde_json::Value::Null);
    let page = server.page("/_head/2").await;
    for part in [
        "<th scope=\"row\">x-count</th><td><code>1</code></td><td><code>2</code></td>",
        "<th scope=\"row\">x-first</th><td><code>1</code></td><td><em>not there</em></td>",
        "<td><span class=\"status s2\">200</span></td><td><span class=\"status s2\">202</span></td>",
        "<svg class=\"bar\"",
        "<dt>Peer</dt><dd>127.0.0.1:",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(json["receipt"]["times"]["ended"].is_u64(), "{json}");
    server.ended().await;
}

/// Which of two layers of one name wrote what is told by a number, in the page and in its JSON.
#[tokio::test]
async fn two_layers_of_one_name_are_told_apart() {
    let stamp = |value| {
        let value = http::HeaderValue::from_static(value);
        let layer =
            tower_http::set_header::SetResponseHeaderLayer::overriding(http::header::SERVER, value);
        named("stamp", layer)
    };
    let app = Router::new()
        .route("/a", get(|| async { "a" }))
        .layer(stamp("inner"))
        .layer(stamp("outer"));
    let server = Server::start(app, Inspector::new()).await;
    server.get_in_turn(&["/a"]).await;
    let page = server.page("/_head/1").await;
    assert!(page.contains("layer stamp#1") && page.contains("layer stamp#2"), "{page}");
    let json = server.json("/_head/1.json").await;
    let conflict = &json["conflicts"][0];
    assert_eq!(conflict["first"]["text"], "layer stamp#1", "{conflict}");
    assert_eq!(conflict["second"]["text"], "layer stamp#2", "{conflict}");
    server.ended().await;
}
