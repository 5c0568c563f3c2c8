//! Clients that go away, and a receipt for every one of many mixed requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use letterhead::{Head, Hold, LetterheadLayer, Outcome, Stage};
use tokio::sync::Notify;

use crate::client::{H2, Raw};
use crate::serve::{Act, Body, collected, empty, full, script, serve_layer, soon};

/// A layer that holds for as long as a test may take.
fn patient() -> LetterheadLayer {
    LetterheadLayer::new().hold(Hold::first_frame().deadline(Duration::from_secs(3600)))
}

/// A client that leaves while the response is at this stage; the receipt says so.
async fn check_gone(stage: Stage, h2: bool) {
    let (layer, mut receipts) = collected(patient());
    let reached = Arc::new(Notify::new());
    let tell = Arc::clone(&reached);
    let server = serve_layer(layer, move |_, _| {
        let tell = Arc::clone(&tell);
        async move {
            if stage == Stage::Open {
                tell.notify_one();
                std::future::pending::<()>().await;
            }
            let held = Act::Do(Box::new(move || tell.notify_one()));
            let never = Act::Wait(Arc::new(Notify::new()));
            let first = if stage == Stage::Held { vec![] } else { vec![Act::Data("first")] };
            Response::new(script(first.into_iter().chain([held, never])))
        }
    })
    .await;
    if h2 {
        let client = H2::connect(&server).await;
        let (response, send) = client.send(Request::get("http://test/").body(()).unwrap()).await;
        soon(reached.notified()).await;
        // Dropping both ends of the stream resets it.
        drop((response, send));
        check_receipt(&receipts.next().await, stage);
    } else {
        let mut raw = Raw::connect(&server).await;
        raw.get("/", "").await;
        soon(reached.notified()).await;
        raw.close();
        check_receipt(&receipts.next().await, stage);
    }
    assert!(receipts.is_empty());
}

fn check_receipt(seen: &crate::serve::Seen, stage: Stage) {
    assert!(matches!(seen.outcome, Outcome::Dropped), "{}", seen.line);
    assert_eq!(seen.last_stage, stage, "{}", seen.line);
    assert_eq!(seen.status.is_some(), stage == Stage::Committed, "{}", seen.line);
}

#[tokio::test]
async fn a_client_that_leaves_is_in_the_receipt_with_the_stage() {
    for stage in [Stage::Open, Stage::Held, Stage::Committed] {
        check_gone(stage, false).await;
        check_gone(stage, true).await;
    }
}

const REQUESTS: u64 = 100_000;

/// The kinds of request in the mix; the client leaves in the middle of the last one.
const KINDS: [&str; 9] =
    ["full", "stream", "head", "none", "late", "fail-first", "hold", "fail-later", "leave"];

fn mixed(kind: &str, head: &Head) -> Response<Body> {
    let mut response = Response::new(match kind {
        "stream" => script([Act::Data("one"), Act::Data("two")]),
        "none" | "leave" => empty(),
        "fail-first" => script([Act::Fail("no".into())]),
        "fail-later" => script([Act::Data("one"), Act::Fail("no".into())]),
        _ => full("whole"),
    });
    match kind {
        "none" => *response.status_mut() = StatusCode::NO_CONTENT,
        "late" => {
            let _ = head.insert("x-late", "1");
        }
        "hold" => {
            response.extensions_mut().insert(Hold::up_to(64));
        }
        "leave" => *response.body_mut() = script([Act::Wait(Arc::new(Notify::new()))]),
        _ => {}
    }
    response
}

/// Sends its share over HTTP/1.1 and reconnects where a response ends the connection.
async fn h1_share(server: &crate::serve::Server, requests: u64) {
    let mut raw = Raw::connect(server).await;
    for request in 0..requests {
        // The kinds that cost a connection are rare.
        let rare = request % 20 == 0;
        let kinds = if rare { &KINDS[7..] } else { &KINDS[..7] };
        let kind = kinds[usize::try_from(request / 20 + request).unwrap() % kinds.len()];
        if kind == "head" {
            raw.send("HEAD /head HTTP/1.1\r\nhost: test\r\n\r\n").await;
            assert!(raw.head().await.contains("content-length: 5"));
            continue;
        }
        raw.get(&format!("/{kind}"), "").await;
        match kind {
            "fail-later" => {
                assert!(raw.rest().await.ends_with("3\r\none\r\n"));
                raw = Raw::connect(server).await;
            }
            "leave" => {
                raw.close();
                raw = Raw::connect(server).await;
            }
            _ => {
                let status = raw.answer().await.status();
                let expected = match kind {
                    "none" => 204,
                    "fail-first" => 500,
                    _ => 200,
                };
                assert_eq!(status, expected, "{kind}");
            }
        }
    }
}

async fn h2_share(server: &crate::serve::Server, requests: u64) {
    let client = H2::connect(server).await;
    for request in 0..requests {
        let rare = request % 50 == 0;
        let kinds = if rare { &KINDS[7..] } else { &KINDS[..7] };
        let kind = kinds[usize::try_from(request / 50 + request).unwrap() % kinds.len()];
        if kind == "leave" {
            drop(client.send(Request::get("http://test/leave").body(()).unwrap()).await);
            continue;
        }
        let method = if kind == "head" { Method::HEAD } else { Method::GET };
        match client.request(method, &format!("/{kind}")).await {
            Ok(answer) => assert_eq!(answer.reset.is_some(), kind == "fail-later", "{kind}"),
            // The linger is a bound: on a loaded machine the reset may overtake the head.
            Err(error) => assert!(error.is_reset() && kind == "fail-later", "{kind}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_a_hundred_thousand_mixed_requests_has_its_receipt() {
    let (started, ended, alive) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(()));
    let (count, all) = (Arc::clone(&ended), Arc::new(Notify::new()));
    let done = Arc::clone(&all);
    // Shorter than usual: how the hundreds of broken streams end is not what is asked here.
    let layer = LetterheadLayer::new().linger(Duration::from_millis(5)).on_end(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        done.notify_one();
    });
    let (begun, token) = (Arc::clone(&started), Arc::clone(&alive));
    let server = serve_layer(layer, move |request: Request<Incoming>, head: Head| {
        begun.fetch_add(1, Ordering::SeqCst);
        let token = Arc::clone(&token);
        async move {
            // A circle, if anything forgot to cut it.
            let held = head.clone();
            head.after_end(move |_| drop((held, token))).unwrap();
            mixed(request.uri().path().trim_start_matches('/'), &head)
        }
    })
    .await;
    let server = Arc::new(server);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8 {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let share = REQUESTS / 8;
            if client % 2 == 0 {
                h1_share(&server, share).await;
            } else {
                h2_share(&server, share).await;
            }
        });
    }
    clients.join_all().await;
    // A request whose client left at once may never have been begun; one that was has a receipt.
    let begun = || started.load(Ordering::SeqCst);
    assert!(begun() > REQUESTS * 9 / 10, "only {} requests were begun", begun());
    soon(async {
        while ended.load(Ordering::SeqCst) < begun() {
            all.notified().await;
        }
    })
    .await;
    assert_eq!(ended.load(Ordering::SeqCst), begun());
    drop(Arc::try_unwrap(server).ok().expect("the clients are gone"));
    // This test and the handler hold one each; a connection that is going down may hold the handler.
    soon(async {
        while Arc::strong_count(&alive) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
