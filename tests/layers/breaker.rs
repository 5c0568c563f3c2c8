//! Writes through `Head` in stacks that were built to make them land wrongly.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::{HeaderName, HeaderValue, StatusCode};
use letterhead::report::Collector;
use letterhead::{Fate, Head, LetterheadLayer, Receipt, Refusal, Rules, Writer, named};
use tower::{Layer as _, ServiceExt as _};

use crate::ask::{Answer, get, read};

/// What a receipt says of the writes through `Head`.
#[derive(Debug)]
struct Told {
    writes: Vec<(Option<HeaderName>, Fate)>,
    text: String,
}

impl Told {
    fn of(receipt: &Receipt) -> Self {
        let place = |write: &&letterhead::Entry| matches!(write.writer(), Writer::Place(_));
        let writes = receipt.writes().iter().filter(place);
        let writes = writes.map(|write| (write.field().cloned(), write.fate())).collect();
        let lines: Vec<_> = receipt.writes().iter().map(ToString::to_string).collect();
        Self { writes, text: format!("{receipt}\n{}\n{:?}", lines.join("\n"), receipt.conflicts()) }
    }

    fn fates(&self, field: &'static str) -> Vec<Fate> {
        let name = (field != "status").then(|| HeaderName::from_static(field));
        self.writes.iter().filter(|(field, _)| *field == name).map(|(_, fate)| *fate).collect()
    }
}

/// Asks without and with rules.
async fn each(router: impl Fn() -> Router, path: &str) -> [(Answer, Told); 2] {
    let ask = async |watched: bool| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&told);
        let mut layer = LetterheadLayer::new()
            .on_end(move |receipt| keep.lock().unwrap().push(Told::of(receipt)));
        if watched {
            layer = layer.rules(Rules::standard()).reporter(Collector::new());
        }
        let answer = layer.layer(router()).oneshot(get(path, &[])).await.unwrap();
        let answer = read(answer).await;
        let told = told.lock().unwrap().remove(0);
        (answer, told)
    };
    [ask(false).await, ask(true).await]
}

fn idle(router: Router, name: &'static str) -> Router {
    router.layer(named(name, map_response(|response: Response| async { response })))
}

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

#[tokio::test]
async fn an_attempt_does_not_read_what_another_attempt_wrote() {
    async fn twice(request: Request, next: Next) -> Response {
        let mut second = get("/", &[]);
        *second.extensions_mut() = request.extensions().clone();
        drop(next.clone().run(request).await);
        next.run(second).await
    }
    let router = || {
        let handler = |head: Head| async move {
            let seen = format!("{:?} {:?}", head.get("x-id"), head.status());
            if head.get("x-id").is_none() {
                let _ = head.insert("x-id", "1");
            }
            if head.status().is_none() {
                let _ = head.set_status(StatusCode::CREATED);
            }
            seen
        };
        Router::new().route("/", on_get(handler)).layer(named("twice", from_fn(twice)))
    };
    for (answer, told) in each(router, "/").await {
        assert_eq!(answer.body, "None None", "{}", told.text);
        assert_eq!((answer.field("x-id").as_str(), answer.status.as_u16()), ("1", 201));
    }
}

/// A page asks a part with a copy of its own extensions.
fn sub(request: &Request) -> Request {
    let mut sub = get("/", &[]);
    *sub.extensions_mut() = request.extensions().clone();
    sub
}

#[tokio::test]
async fn a_part_with_a_name_does_not_open_the_page_to_a_part_without_one() {
    let part = || {
        let handler = |Extension(head): Extension<Head>| async move {
            head.insert("x-part", "1").to_string()
        };
        Router::new().route("/", on_get(handler))
    };
    let router = || {
        let page = move |request: Request| async move {
            let named = idle(part(), "part").oneshot(sub(&request)).await.unwrap();
            drop(named);
            let other = part().oneshot(sub(&request)).await.unwrap();
            drop(request);
            read(other).await.body
        };
        Router::new().route("/", on_get(page))
    };
    for (answer, told) in each(router, "/").await {
        assert_eq!(answer.field("x-part"), "", "{}", told.text);
        let fates = told.fates("x-part");
        assert!(fates.contains(&Fate::Refused(Refusal::CopiedRequest)), "{}", told.text);
    }
}

#[tokio::test]
async fn what_landed_on_a_response_that_a_named_layer_threw_away_is_discarded() {
    async fn cover(request: Request, next: Next) -> Response {
        drop(next.run(request).await);
        "covered".into_response()
    }
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("x-id", "1");
            let _ = head.append("set-cookie", "a=1");
            let _ = head.set_status(StatusCode::CREATED);
            "made"
        };
        idle(
            Router::new().route("/", on_get(handler)).layer(named("cover", from_fn(cover))),
            "outer",
        )
    };
    for (answer, told) in each(router, "/").await {
        assert_eq!((answer.field("x-id").as_str(), answer.status.as_u16()), ("", 200));
        for field in ["x-id", "set-cookie", "status"] {
            assert_eq!(told.fates(field), [Fate::Discarded], "{field}: {}", told.text);
        }
    }
}

#[tokio::test]
async fn a_write_that_goes_out_is_not_called_discarded() {
    async fn strip(mut response: Response) -> Response {
        response.extensions_mut().clear();
        response
    }
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("x-id", "1");
            "made"
        };
        idle(Router::new().route("/", on_get(handler)), "inner").layer(map_response(strip))
    };
    for (answer, told) in each(router, "/").await {
        assert_eq!(answer.field("x-id"), "1");
        assert_eq!(told.fates("x-id"), [Fate::Applied], "{}", told.text);
    }
}

#[tokio::test]
async fn a_kept_response_of_an_earlier_exchange_brings_no_writes_back() {
    let kept: Arc<Mutex<Option<http::response::Parts>>> = Arc::default();
    let cache = {
        let kept = Arc::clone(&kept);
        move |request: Request, next: Next| {
            let kept = Arc::clone(&kept);
            async move {
                let path = request.uri().path().to_owned();
                let response = next.run(request).await;
                let mut kept = kept.lock().unwrap();
                if path == "/first" {
                    let (parts, body) = response.into_parts();
                    *kept = Some(parts.clone());
                    return Response::from_parts(parts, body);
                }
                let mut parts = kept.clone().unwrap();
                parts.headers.remove("x-id");
                parts.headers.remove("set-cookie");
                Response::from_parts(parts, "cached".into())
            }
        }
    };
    let handler = |head: Head| async move {
        let _ = head.insert("x-id", "1");
        let _ = head.append("set-cookie", "a=1");
        "made"
    };
    let router = Router::new().fallback(handler).layer(named("cache", from_fn(cache)));
    for watched in [false, true] {
        let mut layer = LetterheadLayer::new();
        if watched {
            layer = layer.rules(Rules::standard()).reporter(Collector::new());
        }
        let app = layer.layer(router.clone());
        let first = read(app.clone().oneshot(get("/first", &[])).await.unwrap()).await;
        assert_eq!(first.field("x-id"), "1");
        let second = read(app.oneshot(get("/second", &[])).await.unwrap()).await;
        assert_eq!((second.field("x-id").as_str(), second.field("set-cookie").as_str()), ("", ""));
    }
}

#[tokio::test]
async fn an_outer_layer_may_forbid_a_cache_what_a_handler_allowed() {
    async fn forbid(mut response: Response) -> Response {
        response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        response.headers_mut().insert("vary", HeaderValue::from_static("*"));
        response
    }
    for is_named in [false, true] {
        let router = || {
            let handler = |head: Head| async move {
                let _ = head.insert("cache-control", "public, max-age=60");
                let _ = head.insert("vary", "accept");
                "made"
            };
            let router = Router::new().route("/", on_get(handler));
            let router = if is_named { idle(router, "inner") } else { router };
            router.layer(map_response(forbid))
        };
        for (answer, told) in each(router, "/").await {
            assert!(answer.field("cache-control").contains("no-store"), "{}", told.text);
            assert!(!answer.field("cache-control").contains("public"), "{}", told.text);
            assert_eq!(answer.field("vary"), "*", "{}", told.text);
        }
    }
}

#[tokio::test]
async fn what_an_error_needs_stands_on_a_body_that_fails_first() {
    for is_named in [false, true] {
        let router = || {
            let handler = |head: Head| async move {
                let _ = head.insert("retry-after", "7");
                let _ = head.insert("www-authenticate", "Basic");
                let _ = head.insert("cache-control", "private, max-age=60");
                let _ = head.insert("etag", "\"1\"");
                let _ = head.set_status(StatusCode::CREATED);
                let failed = futures_util::stream::iter([Err::<bytes::Bytes, _>(
                    std::io::Error::other("no"),
                )]);
                axum::body::Body::from_stream(failed)
            };
            let router = Router::new().route("/", on_get(handler));
            if is_named { idle(router, "inner") } else { router }
        };
        for (answer, told) in each(router, "/").await {
            assert_eq!(answer.status.as_u16(), 500);
            let seen = ["retry-after", "www-authenticate", "etag"].map(|name| answer.field(name));
            assert_eq!(seen, ["7", "Basic", ""], "{}", told.text);
            assert!(answer.field("cache-control").contains("no-store"));
            assert_eq!(told.fates("retry-after"), [Fate::Applied], "{}", told.text);
            assert_eq!(told.fates("etag"), [Fate::Replaced], "{}", told.text);
            assert_eq!(told.fates("status"), [Fate::Replaced], "{}", told.text);
        }
    }
}

/// A value whose drop asks for the head, or panics.
struct Owner(Option<Head>, bool);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(head) = &self.0 {
            let _ = (head.get("x-id"), head.status(), head.explain());
        }
        assert!(!self.1, "planned");
    }
}

fn owned(head: Option<Head>, panics: bool) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from_owner(Owner(head, panics))).unwrap()
}

#[tokio::test]
async fn a_value_may_ask_for_the_head_as_it_is_dropped() {
    async fn change(Extension(head): Extension<Head>, request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        let _ = head.insert("x-id", owned(Some(head.clone()), false));
        response
    }
    async fn twice(request: Request, next: Next) -> Response {
        let mut second = get("/", &[]);
        *second.extensions_mut() = request.extensions().clone();
        drop(next.clone().run(request).await);
        next.run(second).await
    }
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("x-id", owned(Some(head.clone()), false));
            let _ = head.insert("x-id", owned(Some(head.clone()), false));
            let _ = head.insert("content-length", owned(Some(head.clone()), false));
            let _ = head.append("set-cookie", owned(Some(head.clone()), false));
            let _ = head.remove("x-id");
            let _ = head.insert("x-id", owned(Some(head.clone()), false));
            "made"
        };
        idle(
            Router::new()
                .route("/", on_get(handler))
                .layer(named("twice", from_fn(twice)))
                .layer(from_fn(change)),
            "outer",
        )
    };
    for (answer, _) in each(router, "/").await {
        assert_eq!(answer.field("x-id"), "owned");
    }
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_landed_value_stays_with_it() {
    async fn never(request: Request, next: Next) -> Response {
        drop(next.run(request).await);
        std::future::pending().await
    }
    let handler = |head: Head| async move {
        let _ = head.insert("x-id", owned(None, true));
        "made"
    };
    for names in [false, true] {
        let router = Router::new().route("/", on_get(handler));
        let router = if names { idle(router, "inner") } else { router };
        let app = LetterheadLayer::new().layer(router.layer(from_fn(never)));
        let dropped = tokio::spawn(async move {
            let mut answer = Box::pin(app.oneshot(get("/", &[])));
            let _ = futures_util::poll!(&mut answer);
            drop(answer);
        });
        assert!(dropped.await.is_ok(), "{names}");
    }
}

#[tokio::test]
async fn lists_that_one_author_wrote_twice_have_what_was_written_last() {
    let router = || {
        let handler = |head: Head| async move {
            let _ = head.insert("server-timing", "a;dur=1");
            let _ = head.insert("server-timing", "b;dur=2");
            let _ = head.insert("link", "</a>; rel=preload");
            let _ = head.insert("link", "</b>; rel=preload");
            format!("{:?} {:?}", head.get_all("server-timing"), head.get_all("link"))
        };
        Router::new().route("/", on_get(handler))
    };
    for (answer, told) in each(router, "/").await {
        let seen = [answer.field("server-timing"), answer.field("link")];
        assert_eq!(seen, ["b;dur=2", "</b>; rel=preload"], "{}", told.text);
    }
}

#[tokio::test]
async fn parts_that_were_extracted_beside_the_request_write_to_the_page() {
    let router = || {
        let handler = |parts: http::request::Parts, request: Request| async move {
            let head = Head::of(&parts.extensions).unwrap();
            let placed = head.insert("x-id", "1").to_string();
            drop(request);
            placed
        };
        Router::new().route("/", on_get(handler))
    };
    for (answer, told) in each(router, "/").await {
        assert_eq!(answer.field("x-id"), "1", "{}", told.text);
    }
}

#[tokio::test]
async fn each_write_is_in_the_receipt_once() {
    for names in 0..3 {
        let router = || {
            let handler = |head: Head| async move {
                for number in 0..5 {
                    let _ = head.append("x-list", number);
                }
                let _ = head.insert("vary", "accept");
                let _ = head.insert("x-id", "1");
                let _ = head.set_default("x-default", "1");
                let _ = head.remove("x-none");
                let _ = head.set_status(StatusCode::CREATED);
                "made"
            };
            let mut router = Router::new().route("/", on_get(handler));
            for name in ["a", "b", "c"].into_iter().take(names) {
                router = idle(router, name);
            }
            router
        };
        for (answer, told) in each(router, "/").await {
            assert_eq!(answer.status.as_u16(), 201);
            assert_eq!(told.writes.len(), 10, "{names}: {}", told.text);
            let applied = told.writes.iter().filter(|(_, fate)| *fate == Fate::Applied).count();
            assert_eq!(applied, 10, "{names}: {}", told.text);
        }
    }
}

#[tokio::test]
async fn many_names_and_more_writes_than_there_is_room_for() {
    let router = || {
        let handler = |head: Head| async move {
            let placed =
                (0..1100).filter(|n| head.append("x-list", *n) == letterhead::Placed::Head);
            placed.count().to_string()
        };
        let mut router = Router::new().route("/", on_get(handler));
        for _ in 0..70 {
            router = idle(router, "one");
        }
        router
    };
    for (answer, _) in each(router, "/").await {
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"1024"[..]));
        assert_eq!(answer.fields.get_all("x-list").iter().count(), 1024);
    }
}
