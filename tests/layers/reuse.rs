//! What one response leaves behind for the next on its thread is room, never a word.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get as on_get;
use http::header::SERVER;
use http::{Extensions, HeaderName, HeaderValue, Request};
use letterhead::report::Collector;
use letterhead::{Entry, LetterheadLayer, Receipt, Rules, Verb, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::{ask, get};

/// A router whose handler and layer say where the request went.
fn echo() -> Router {
    let handler = |request: Request<Body>| async move {
        let path = HeaderValue::from_str(request.uri().path()).unwrap();
        [(HeaderName::from_static("x-handler"), path)]
    };
    let stamp = from_fn(|request: Request<Body>, next: Next| async move {
        let path = HeaderValue::from_str(request.uri().path()).unwrap();
        let mut response = next.run(request).await;
        response.headers_mut().insert(SERVER, path);
        tokio::task::yield_now().await;
        response
    });
    Router::new().route("/{*path}", on_get(handler)).layer(named("stamp", stamp))
}

/// What layers with names are said to have done.
fn by_layers(receipt: &Receipt) -> impl Iterator<Item = &Entry> {
    receipt.writes().iter().filter(|entry| entry.writer().layer().is_some())
}

/// The values that they wrote.
fn written(receipt: &Receipt) -> Vec<String> {
    by_layers(receipt).map(|entry| entry.after().to_string()).collect()
}

#[tokio::test]
async fn each_response_is_told_with_its_own_writes_alone() {
    let seen = Collector::new();
    let app = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
    let app = app.layer(echo());
    for round in 0..50 {
        // Several at once, so that what is used again is taken and given back out of order; and
        // one that its client gives up after the layer was given its response.
        let path = |number: usize| format!("/{round}/{number}");
        let [one, two, three] = [0, 1, 2].map(|n| app.clone().oneshot(get(&path(n), &[])));
        let mut lost = Box::pin(app.clone().oneshot(get("/lost", &[])));
        let (one, polled, two, three) =
            tokio::join!(one, async { futures_util::poll!(&mut lost).is_pending() }, two, three);
        assert!(polled, "the layer gives its task back once");
        drop((one.unwrap(), two.unwrap(), three.unwrap(), lost));
        let receipts = seen.take();
        assert_eq!(receipts.len(), 4);
        for receipt in &receipts {
            let path = receipt.path().unwrap().to_owned();
            let own = if path == "/lost" { Vec::new() } else { vec![path] };
            assert_eq!(written(receipt), own, "{receipt}");
            assert!(receipt.conflicts().is_empty(), "{receipt}");
        }
    }
}

#[tokio::test]
async fn extensions_that_a_cache_kept_tell_nothing_in_another_exchange() {
    let kept: Arc<Mutex<Option<Extensions>>> = Arc::default();
    let cache = {
        let kept = Arc::clone(&kept);
        from_fn(move |request: Request<Body>, next: Next| {
            let old = kept.lock().unwrap().clone();
            let kept = Arc::clone(&kept);
            async move {
                if let Some(extensions) = old {
                    let mut response = Response::new(Body::from("cached"));
                    *response.extensions_mut() = extensions;
                    return response;
                }
                let response = next.run(request).await;
                *kept.lock().unwrap() = Some(response.extensions().clone());
                response
            }
        })
    };
    let outer = SetResponseHeaderLayer::overriding(SERVER, HeaderValue::from_static("outer"));
    let router = echo().layer(named("cache", cache)).layer(named("outer", outer));
    let (_, first) = ask(router.clone(), Rules::standard(), get("/first", &[])).await;
    assert_eq!(written(&first), ["/first", "outer"]);
    for _ in 0..3 {
        let (answer, receipt) = ask(router.clone(), Rules::standard(), get("/later", &[])).await;
        assert_eq!(
            (answer.body.as_ref(), answer.field("x-handler")),
            (&b"cached"[..], String::new())
        );
        let verbs: Vec<_> = by_layers(&receipt).map(Entry::verb).collect();
        assert_eq!(verbs, [Verb::Answer, Verb::Insert], "{receipt}");
        assert!(!receipt.explain().contains("/first"), "{}", receipt.explain());
        assert!(receipt.conflicts().is_empty(), "{receipt}");
    }
    // Without the cache, what the thread keeps is as good as new.
    let (_, last) = ask(echo(), Rules::standard(), get("/last", &[])).await;
    assert_eq!(written(&last), ["/last"]);
}

#[tokio::test]
async fn other_extensions_of_a_response_stay_with_it() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mark(u8);
    let mark = from_fn(|request: Request<Body>, next: Next| async move {
        let mut response = next.run(request).await;
        response.extensions_mut().insert(Mark(7));
        response
    });
    let seen = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
    for marked in [true, false, true] {
        let router = if marked { echo().layer(mark.clone()) } else { echo() };
        let response = layer.layer(router).oneshot(get("/a", &[])).await.unwrap();
        assert_eq!(response.extensions().get(), marked.then_some(&Mark(7)));
        assert_eq!(response.extensions().len(), usize::from(marked), "and nothing of ours");
        drop(response);
        assert_eq!(written(&seen.take()[0]), ["/a"]);
    }
}
