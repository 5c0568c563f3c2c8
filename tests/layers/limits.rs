//! Very many layers, very many fields, very large values: no panic, bounded memory, and it is said.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get as on_get;
use http::header::{HeaderName, HeaderValue, SERVER};
use letterhead::report::Collector;
use letterhead::{Head, LetterheadLayer, Rule, Rules, named};
use tower::ServiceExt as _;
use tower::util::{BoxCloneSyncService, MapResponseLayer};
use tower::{Layer as _, service_fn};

use crate::ask::{ask, get, the_one};

fn numbered(number: usize) -> HeaderName {
    HeaderName::try_from(format!("x-{number}")).unwrap()
}

/// A thousand services call each other a thousand deep, and debug builds have large frames.
fn with_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_thousand_named_layers_are_each_told() {
    with_a_large_stack(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(a_thousand_layers());
    });
}

async fn a_thousand_layers() {
    let mut service = BoxCloneSyncService::new(service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    }));
    for number in 0..1000 {
        let stamp = MapResponseLayer::new(move |mut response: Response| {
            response.headers_mut().insert(SERVER, HeaderValue::from(number));
            response
        });
        service = BoxCloneSyncService::new(named(format!("layer {number}"), stamp).layer(service));
    }
    let router = Router::new().fallback_service(service);
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.field("server"), "999");
    // The first 256 conflicts are told; every write is in the ledger.
    assert_eq!((receipt.conflicts().len(), receipt.writes().len()), (256, 1000));
}

#[tokio::test]
async fn ten_thousand_fields_and_a_full_map_are_cut_and_counted() {
    for wanted in [10_000, 40_000] {
        let many = MapResponseLayer::new(move |mut response: Response| {
            let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
            for number in 0..wanted {
                if response.headers_mut().try_insert(numbered(number), value.clone()).is_err() {
                    break;
                }
            }
            response
        });
        // Without a router: axum itself panics when its own fields find no room.
        let handler = service_fn(|request: http::Request<Body>| async move {
            let head = Head::of(request.extensions()).unwrap();
            for number in 0..2000 {
                let _ = head.insert(numbered(number), "1");
            }
            Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello")))
        });
        let seen = Collector::new();
        let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
        let app = layer.layer(named("many", many).layer(handler));
        let response = app.oneshot(get("/", &[])).await.unwrap();
        assert!(response.headers().len() >= 10_000, "{}", response.headers().len());
        drop(response);
        let receipt = seen.take().remove(0);
        assert_eq!(receipt.writes().len(), 1024);
        assert!(receipt.writes_cut() > 8_000, "{}", receipt.writes_cut());
        assert!(receipt.to_string().contains("more writes"), "the cut is told");
        assert!(receipt.explain().contains("more writes were not kept"));
    }
}

#[tokio::test]
async fn a_value_of_a_mebibyte_is_told_of_and_not_kept() {
    let large = |byte: u8| {
        MapResponseLayer::new(move |mut response: Response| {
            let value = HeaderValue::from_bytes(&vec![byte; 1 << 20]).unwrap();
            response.headers_mut().insert(SERVER, value);
            response
        })
    };
    let router = Router::new()
        .route("/", on_get(|| async { "hello" }))
        .layer(named("one", large(b'1')))
        .layer(named("two", large(b'2')));
    let (answer, receipt) = ask(router.clone(), Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.fields["server"].len(), 1 << 20);
    assert_eq!(receipt.writes()[1].before().to_string(), "(too large to keep)");
    assert!(receipt.to_string().len() < 4096 && receipt.explain().len() < 4096);
    // Without the values the rule cannot tell what was lost, but that two wrote it it can.
    let conflict = the_one(&receipt, Rule::Overwritten);
    assert_eq!(conflict.second().unwrap().to_string(), "layer two");
    let _ = router.oneshot(get("/", &[])).await.unwrap();
}
