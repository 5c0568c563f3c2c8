//! Who may see the pages, over sockets; the whole table is beside the code.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::inspect::Inspector;
use letterhead::report::Peer;
use tokio::net::{TcpListener, TcpStream};

use crate::app::Client;
use crate::client::{Server, ask};

fn text(answer: &Response<Bytes>) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

fn app() -> Router {
    Router::new().route("/a", get(|| async { "a" }))
}

#[tokio::test]
async fn a_refusal_says_which_condition_failed() {
    let server = Server::start(app(), Inspector::new()).await;
    for (name, value, says) in [
        ("host", "evil.test", "the host that was asked is not 127.0.0.1, [::1] or localhost"),
        ("x-forwarded-for", "192.0.2.1", "the request has the field `x-forwarded-for`"),
        ("via", "1.1 proxy", "the request has the field `via`"),
        ("origin", "http://evil.test", "a page of another origin asks"),
    ] {
        for path in
            ["/_head/", "/_head/1.json", "/_head/style.css", "/_head/events", "/_head/token"]
        {
            let answer = server.ask(Request::get(path).header(name, value)).await;
            assert_eq!(answer.status(), 403, "{name} {path}");
            assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(text(&answer).contains(says), "{}", text(&answer));
        }
    }
    server.ended().await;
}

#[tokio::test]
async fn without_a_peer_the_refusal_says_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app().nest_service("/_head", Inspector::new().service());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = ask(addr, Request::get("/_head/")).await;
    assert_eq!(answer.status(), 403);
    assert!(text(&answer).contains("into_make_service_with_connect_info"), "{}", text(&answer));
    server.abort();
}

#[tokio::test]
async fn axum_says_who_the_peer_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app().nest_service("/_head", Inspector::new().service());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(ask(addr, Request::get("/_head/")).await.status(), 200);
    server.abort();
}

/// As if every client were on another machine.
fn far_away(app: Router) -> Router {
    app.layer(tower::util::MapRequestLayer::new(|mut request: axum::extract::Request| {
        let peer = Peer::new("192.0.2.1:4711".parse().unwrap(), false);
        request.extensions_mut().insert(peer);
        request
    }))
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_cookie_and_others_see_nothing() {
    let inspector = Inspector::new().token("a long one; 'with\" <odd> characters");
    let app = far_away(Router::new().nest_service("/far", inspector.service()));
    let server = Server::start(app, inspector).await;
    for path in ["/far/", "/far/token", "/far/?token=", "/far/?token=wrong", "/far/style.css"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(
            answer.body().is_empty() && !answer.headers().contains_key("content-type"),
            "{path}"
        );
    }
    let query = "token=a+long+one%3B+%27with%22+%3Codd%3E+characters";
    let answer = server.get(&format!("/far/7?{query}")).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/far/7");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (value, rest) = cookie.split_once(';').unwrap();
    assert_eq!(rest, " Path=/far; HttpOnly; SameSite=Strict");
    let answer = server.ask(Request::get("/far/").header("cookie", value)).await;
    assert_eq!(answer.status(), 200);
    let short = &value[..value.len() - 2];
    let answer = server.ask(Request::get("/far/").header("cookie", short)).await;
    assert_eq!(answer.status(), 404);
    // Behind a proxy on this machine there is a form for it.
    let proxied = |path: &str| Request::get(path).header("x-forwarded-for", "192.0.2.1");
    let answer = server.ask(proxied("/_head/")).await;
    assert_eq!(answer.status(), 403);
    assert!(text(&answer).contains("its token opens it: /_head/token"), "{}", text(&answer));
    let answer = server.ask(proxied("/_head/token")).await;
    assert_eq!(answer.status(), 200);
    assert!(text(&answer).contains("<form method=\"get\" action=\"/_head/\""), "{}", text(&answer));
    server.ended().await;
}

#[tokio::test]
async fn on_http_2_the_authority_is_the_host() {
    let server = Server::start(app(), Inspector::new()).await;
    let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
    let h2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
    let (sender, connection) = h2.await.unwrap();
    tokio::spawn(connection);
    let mut client = Client::H2(sender);
    for (uri, fields, status) in [
        ("http://localhost/_head/", &[][..], 200),
        ("http://[::1]:1/_head/index.json", &[], 200),
        ("http://localhost/_head/", &[("forwarded", "for=192.0.2.1")], 403),
        ("http://evil.test/_head/", &[], 403),
        ("http://evil.test/_head/", &[("host", "localhost")], 403),
    ] {
        let mut request = Request::get(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = client.send(request.body(Empty::new()).unwrap()).await;
        assert_eq!(answer.status(), status, "{uri} {fields:?}");
    }
    drop(client);
    server.ended().await;
}

/// What `Location` and the page's links say where the pages stand behind a part of the path that the client chose.
#[tokio::test]
async fn a_part_of_the_path_is_no_other_host() {
    let inspector = Inspector::new().token("token");
    let app = Router::new().nest_service("/{tenant}/pages", inspector.service());
    let server = Server::start(app, inspector).await;
    let answer = server.get("/\\evil.test/pages/?token=token").await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/evil.test/pages/");
    let page = server.page("/\\evil.test/pages/").await;
    assert!(!page.contains('\\') && page.contains("href=\"/evil.test/pages/style.css\""), "{page}");
    server.ended().await;
}
