//! A response carries a link to its page: to who may see it, and never into a cache that others read.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use letterhead::inspect::Inspector;
use letterhead::report::Peer;

use crate::client::Server;

const LINK: &str = "x-debug-token-link";

fn with(name: &'static str, value: &'static str) -> axum::routing::MethodRouter {
    get(move || async move { ([(name, value)], "a").into_response() })
}

fn app() -> Router {
    Router::new()
        .route("/silent", get(|| async { "a" }))
        .route("/private", with("cache-control", "private, max-age=60"))
        .route("/no-store", with("cache-control", "no-store"))
        .route("/public", with("cache-control", "public"))
        .route("/max-age", with("cache-control", "max-age=60"))
        .route("/no-cache", with("cache-control", "no-cache"))
        .route("/some-fields", with("cache-control", "private=\"set-cookie\""))
        .route("/expires", with("expires", "Thu, 01 Jan 2037 00:00:00 GMT"))
        .route("/cdn", with("cdn-cache-control", "max-age=60"))
        .route("/timed", with("server-timing", "db;dur=1"))
        .route("/profiled", with(LINK, "/_profiler/1"))
        .route("/missing", get(|| async { http::StatusCode::NOT_FOUND }))
        .route("/panic", get(|| async { panic!("as it is meant") as () }))
}

fn link(answer: &Response<Bytes>) -> Option<&str> {
    answer.headers().get(LINK).map(|link| link.to_str().unwrap())
}

fn timings(fields: &HeaderMap) -> Vec<&str> {
    fields.get_all("server-timing").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_link_leads_to_the_page_of_its_response() {
    let server = Server::start(app(), Inspector::new()).await;
    for (count, path) in
        ["/silent", "/private", "/no-store", "/missing", "/panic"].iter().enumerate()
    {
        let answer = server.get(path).await;
        server.kept(count + 1).await;
        let page = link(&answer).unwrap_or_else(|| panic!("{path}: no link")).to_owned();
        assert!(page.starts_with("/_head/request-"), "{page}");
        let json = server.json(&format!("{page}.json")).await;
        assert_eq!(json["receipt"]["path"], *path);
        assert_eq!(json["id"], count + 1);
        let list = server.json("/_head/index.json").await;
        for document in [&json, &list["exchanges"][0]] {
            assert_eq!(page, format!("/_head/request-{}", document["request"]));
        }
        let fields = json["head"]["fields"].as_array().unwrap();
        let own = fields.iter().find(|field| field["name"] == LINK).unwrap();
        assert_eq!(own["value"], page.as_str());
        assert_eq!(own["steps"][0]["writer"]["text"], "the letterhead layer", "{own}");
        assert!(server.page(&page).await.contains(path), "{path}");
    }
    server.ended().await;
}

/// An application behind this one may have a profiler of its own.
#[tokio::test]
async fn a_link_that_is_there_stays() {
    let server = Server::start(app(), Inspector::new()).await;
    let answer = server.get("/profiled").await;
    assert_eq!(link(&answer), Some("/_profiler/1"));
    server.ended().await;
}

#[tokio::test]
async fn what_a_shared_cache_may_keep_has_no_link() {
    let server = Server::start(app(), Inspector::new().links_in_server_timing(true)).await;
    for path in [
        "/public",
        "/max-age",
        "/no-cache",
        "/some-fields",
        "/expires",
        "/cdn",
        "/_head/",
        "/_head/x",
    ] {
        let answer = server.get(path).await;
        assert_eq!(link(&answer), None, "{path}");
        assert!(timings(answer.headers()).is_empty(), "{path}");
    }
    server.ended().await;
}

#[tokio::test]
async fn who_may_not_see_the_pages_has_no_link() {
    let server = Server::start(app(), Inspector::new()).await;
    for (name, value) in [
        ("host", "evil.test"),
        ("x-forwarded-for", "192.0.2.1"),
        ("via", "1.1 proxy"),
        ("origin", "http://evil.test"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = server.ask(Request::get("/no-store").header(name, value)).await;
        assert_eq!((answer.status().as_u16(), link(&answer)), (200, None), "{name}");
    }
    server.ended().await;
    let server = Server::start(app(), Inspector::new().links(false)).await;
    assert_eq!(link(&server.get("/no-store").await), None);
    server.ended().await;
}

/// Says at the layer that every client is on another machine.
#[tokio::test]
async fn with_the_token_only_what_no_shared_cache_may_keep_has_one() {
    let inspector = Inspector::new().token("secret").at("/at");
    let layer = letterhead::LetterheadLayer::new().reporter(inspector.clone());
    let service = tower::Layer::layer(&layer, app());
    let ask = |path: &str, cookie: Option<&str>| {
        let mut request = Request::get(path).header("host", "far.test");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        request.extensions_mut().insert(Peer::new("192.0.2.1:4711".parse().unwrap(), false));
        let service = service.clone();
        async move { tower::ServiceExt::oneshot(service, request).await.unwrap() }
    };
    let cookie = "letterhead-inspect=736563726574";
    for (path, cookie, linked) in [
        ("/no-store", Some(cookie), true),
        ("/private", Some(cookie), true),
        ("/silent", Some(cookie), false),
        ("/public", Some(cookie), false),
        ("/no-store", Some("letterhead-inspect=00"), false),
        ("/no-store", None, false),
    ] {
        let answer = ask(path, cookie).await;
        let link = answer.headers().get(LINK).map(|link| link.to_str().unwrap());
        assert_eq!(
            link.is_some_and(|link| link.starts_with("/at/request-")),
            linked,
            "{path} {cookie:?}"
        );
    }
}

#[tokio::test]
async fn server_timing_names_the_page_beside_what_is_there() {
    let server = Server::start(app(), Inspector::new().links_in_server_timing(true)).await;
    let answer = server.get("/timed").await;
    let page = format!("page;desc=\"{}\"", link(&answer).unwrap());
    assert_eq!(timings(answer.headers()), ["db;dur=1", &page]);
    server.ended().await;
}

/// The response to a client on this machine that asks for `path` has this link.
async fn linked(app: &Router, path: &str) -> Option<String> {
    let mut request = Request::get(path).header("host", "localhost");
    let peer = Peer::new("127.0.0.1:4711".parse().unwrap(), false);
    request.extensions_mut().unwrap().insert(peer);
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let fields = answer.headers();
    fields
        .get(LINK)
        .map(|link| link.to_str().unwrap().trim_end_matches(char::is_numeric).to_owned())
}

#[tokio::test]
async fn links_lead_to_where_the_pages_were_asked_for() {
    let nested = |inspector: &Inspector| {
        let app = Router::new()
            .nest("/debug", Router::new().nest_service("/head", inspector.service()))
            .merge(app());
        app.layer(letterhead::LetterheadLayer::new().reporter(inspector.clone()))
    };
    let (unplaced, placed) = (Inspector::new(), Inspector::new().at("/elsewhere"));
    for (inspector, before, behind) in [
        (&unplaced, "/_head/request-", "/debug/head/request-"),
        // What the application says counts more than what is seen.
        (&placed, "/elsewhere/request-", "/elsewhere/request-"),
    ] {
        let app = nested(inspector);
        assert_eq!(linked(&app, "/silent").await.as_deref(), Some(before));
        assert_eq!(linked(&app, "/debug/head/").await, None);
        for _ in 0..2 {
            assert_eq!(linked(&app, "/silent").await.as_deref(), Some(behind));
        }
    }
}

/// Who may not look at the pages does not move the links.
#[tokio::test]
async fn a_request_that_is_refused_says_nothing_of_where_the_pages_are() {
    let inspector = Inspector::new();
    let layer = letterhead::LetterheadLayer::new().reporter(inspector.clone());
    let app = Router::new().nest_service("/debug", inspector.service()).merge(app()).layer(layer);
    let mut request = Request::get("/debug/").header("host", "evil.test");
    let peer = Peer::new("127.0.0.1:4711".parse().unwrap(), false);
    request.extensions_mut().unwrap().insert(peer);
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(linked(&app, "/silent").await.as_deref(), Some("/_head/request-"));
}
