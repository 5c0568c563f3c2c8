//! Of two writes through `Head` the later one stands, and a removal takes back what was written.

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get as on_get;
use http::StatusCode;
use letterhead::{Fate, Head};

use crate::landing::{each, idle};

/// A middleware writes before a handler does; the later write is the handler's.
async fn early_middleware(names: u8) {
    async fn early(Extension(head): Extension<Head>, request: Request, next: Next) -> Response {
        let _ = head.insert("x-who", "early");
        let _ = head.set_status(StatusCode::ACCEPTED);
        let _ = head.insert("content-language", "la");
        let _ = head.remove("etag");
        let _ = head.append("set-cookie", "who=early");
        next.run(request).await
    }
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("set-cookie", "who=handler");
            let _ = head.insert("x-who", "handler");
            let _ = head.set_status(StatusCode::CREATED);
            let _ = head.insert("content-language", "de");
            let _ = head.insert("etag", "\"1\"");
            "made"
        };
        let mut router = Router::new().route("/", on_get(handler));
        if names > 0 {
            router = idle(router, "inner");
        }
        router = router.layer(from_fn(early));
        if names > 1 { idle(router, "outer") } else { router }
    };
    for (answer, told) in each(router, "/").await {
        let field = |name| answer.field(name);
        let seen = [
            field("x-who"),
            answer.status.as_u16().to_string(),
            field("content-language"),
            field("etag"),
            field("set-cookie"),
        ];
        assert_eq!(
            seen,
            ["handler", "201", "de", "\"1\"", "who=handler"],
            "{names} names: {}",
            told.text
        );
        let (mut fates, one) = (told.fates("x-who"), [Fate::Applied, Fate::Overridden]);
        fates.sort_unstable_by_key(|fate| *fate != Fate::Applied);
        assert_eq!(fates, one, "{names} names: {}", told.text);
    }
}

#[tokio::test]
async fn the_later_of_two_writes_stands_without_a_named_layer() {
    early_middleware(0).await;
}

#[tokio::test]
async fn the_later_of_two_writes_stands_within_a_named_layer() {
    early_middleware(1).await;
}

#[tokio::test]
async fn the_later_of_two_writes_stands_between_named_layers() {
    early_middleware(2).await;
}

async fn late_middleware(names: u8) {
    async fn late(Extension(head): Extension<Head>, request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        let _ = head.insert("x-who", "late");
        let _ = head.remove("set-cookie");
        let _ = head.remove("vary");
        response
    }
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("x-who", "handler");
            let _ = head.append("set-cookie", "a=1");
            let _ = head.insert("vary", "accept");
            "made"
        };
        let mut router = Router::new().route("/", on_get(handler));
        if names > 0 {
            router = idle(router, "inner");
        }
        router = router.layer(from_fn(late));
        if names > 1 { idle(router, "outer") } else { router }
    };
    for (answer, told) in each(router, "/").await {
        let seen = [answer.field("x-who"), answer.field("set-cookie"), answer.field("vary")];
        assert_eq!(seen, ["late", "", ""], "{names} names: {}", told.text);
        let (mut fates, one) = (told.fates("x-who"), [Fate::Applied, Fate::Overridden]);
        fates.sort_unstable_by_key(|fate| *fate != Fate::Applied);
        assert_eq!(fates, one, "{names}: {}", told.text);
    }
}

#[tokio::test]
async fn a_removal_takes_back_what_was_written_through_head_without_a_name() {
    late_middleware(0).await;
}

#[tokio::test]
async fn a_removal_takes_back_what_landed_within_a_named_layer() {
    late_middleware(1).await;
}

#[tokio::test]
async fn a_removal_takes_back_what_landed_between_named_layers() {
    late_middleware(2).await;
}
