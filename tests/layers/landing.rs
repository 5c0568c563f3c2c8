//! Writes through `Head` in stacks that were built to make them land wrongly.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::Response;
use axum::routing::get as on_get;
use http::{HeaderName, HeaderValue, StatusCode};
use letterhead::report::Collector;
use letterhead::{Fate, Head, LetterheadLayer, Receipt, Refusal, Rules, Writer, named};
use tower::{Layer as _, ServiceExt as _};

use crate::ask::{Answer, get, read};

/// What a receipt says of the writes through `Head`.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) writes: Vec<(Option<HeaderName>, Fate)>,
    pub(crate) text: String,
}

impl Told {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        let place = |write: &&letterhead::Entry| matches!(write.writer(), Writer::Place(_));
        let writes = receipt.writes().iter().filter(place);
        let writes = writes.map(|write| (write.field().cloned(), write.fate())).collect();
        let lines: Vec<_> = receipt.writes().iter().map(ToString::to_string).collect();
        Self { writes, text: format!("{receipt}\n{}\n{:?}", lines.join("\n"), receipt.conflicts()) }
    }

    pub(crate) fn fates(&self, field: &'static str) -> Vec<Fate> {
        let name = (field != "status").then(|| HeaderName::from_static(field));
        self.writes.iter().filter(|(field, _)| *field == name).map(|(_, fate)| *fate).collect()
    }
}

/// Asks without and with rules.
pub(crate) async fn each(router: impl Fn() -> Router, path: &str) -> [(Answer, Told); 2] {
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

pub(crate) fn idle(router: Router, name: &'static str) -> Router {
    router.layer(named(name, map_response(|response: Response| async { response })))
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
