//! The list answers what is asked of it.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use letterhead::inspect::Inspector;
use letterhead::{Head, named};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::client::Server;

async fn late(head: Head) -> Response<Body> {
    head.flush();
    let frames = futures_util::stream::once(async move {
        let _ = head.insert("x-late", "1");
        Ok::<_, io::Error>(Bytes::from_static(b"a"))
    });
    let waits = async {
        tokio::task::yield_now().await;
        Ok(Bytes::from_static(b"b"))
    };
    let frames = futures_util::StreamExt::chain(futures_util::stream::once(waits), frames);
    Response::new(Body::from_stream(frames))
}

async fn broken() -> Body {
    let failed = io::Error::other("late");
    Body::from_stream(futures_util::stream::iter([Ok(Bytes::from_static(b"a")), Err(failed)]))
}

fn app() -> Router {
    let vary = SetResponseHeaderLayer::overriding(header::VARY, HeaderValue::from_static("origin"));
    Router::new()
        .route("/quarrel", get(|| async { [("vary", "accept")] }))
        .route_layer(named("eager", vary))
        .route("/plain", get(|| async { "a" }))
        .route("/late", get(late))
        .route("/broken", get(broken))
}

#[tokio::test]
async fn the_list_answers_what_is_asked() {
    let server = Server::start(app(), Inspector::new()).await;
    server.get_in_turn(&["/plain", "/quarrel", "/late", "/broken", "/nowhere"]).await;
    for (query, expected) in [
        ("", &[5, 4, 3, 2, 1][..]),
        ("path=l", &[3, 2, 1]),
        ("path=/plain&status=404", &[]),
        ("status=2xx", &[4, 3, 2, 1]),
        ("status=404", &[5]),
        ("field=Vary", &[2]),
        ("field=vary:+origin", &[2]),
        ("field=vary:accept", &[2]),
        ("field=vary:cookie", &[]),
        ("writer=eager", &[2]),
        ("writer=inspect%2Ffilters.rs", &[3]),
        ("conflict=any", &[3, 2]),
        ("conflict=list-replaced", &[2]),
        ("late=1", &[3]),
        ("outcome=aborted", &[4]),
        ("outcome=handed&late=1&status=2", &[3]),
        ("before=3", &[2, 1]),
        ("before=3&status=5", &[]),
    ] {
        let json = server.json(&format!("/_head/index.json?{query}")).await;
        let ids: Vec<_> = json["exchanges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_u64().unwrap())
            .collect();
        assert_eq!(ids, expected, "{query}");
        let page = server.page(&format!("/_head/?{query}")).await;
        assert_eq!(page.matches("<tr><td><time").count(), expected.len(), "{query}");
    }
    let page = server.page("/_head/?field=vary:+a%26b&late=1&conflict=any&outcome=handed").await;
    for part in [
        "value=\"vary: a&amp;b\"",
        "value=\"1\" checked",
        "<option selected>any",
        "<option selected>handed",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    server.ended().await;
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let server = Server::start(app(), Inspector::new()).await;
    for _ in 0..205 {
        server.get("/plain").await;
    }
    server.kept(205).await;
    let page = server.page("/_head/?status=200").await;
    assert_eq!(page.matches("<tr><td><time").count(), 200);
    assert!(page.contains("<a href=\"/_head/?status=200&amp;before=6\">Older</a>"), "{page}");
    let page = server.page("/_head/?status=200&before=6").await;
    assert_eq!(page.matches("<tr><td><time").count(), 5);
    assert!(!page.contains("Older") && !page.contains("data-events"));
    server.ended().await;
}
