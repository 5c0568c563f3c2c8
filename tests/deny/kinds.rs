//! Every kind of response, over both protocols, is judged, and replaced where it is denied.

use std::sync::{Arc, Mutex};

use http::StatusCode;
use letterhead::deny::{FinalHead, Verdict};
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{Action, LetterheadLayer, Rule, Rules};

use crate::app::{KINDS, Running, Scratch, Version, app};

const PROBLEM: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#;

fn refused(head: &FinalHead<'_>) -> Vec<String> {
    vec![format!("{} {} as {}", head.method(), head.path(), head.status().as_u16())]
}

#[tokio::test]
async fn every_kind_of_response_can_be_denied_and_nothing_of_it_is_left() {
    let scratch = Scratch::new();
    let receipts = Collector::new();
    let policy = Policy::parse("_headers", "/*\n  X-Set: policy\n", Dialect::Cloudflare).unwrap();
    let layer = LetterheadLayer::new().reporter(receipts.clone()).policy(policy).deny(refused);
    let server = Running::start(app(&scratch).await, layer).await;
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        for kind in &KINDS {
            let answer = client.ask(kind).await;
            let (name, fields) = (kind.name, answer.headers());
            let is_call = name == "gRPC";
            assert_eq!(answer.status(), if is_call { 200 } else { 500 }, "{name} {version:?}");
            assert_eq!(fields["x-set"], "policy", "{name}");
            assert_eq!(fields["cache-control"], "no-store", "{name}");
            for gone in ["x-own", "vary", "etag", "location", "access-control-allow-origin"] {
                assert!(!fields.contains_key(gone), "{name} {version:?} still has {gone}");
            }
            match name {
                "gRPC" => {
                    assert_eq!(fields["grpc-status"], "13", "{version:?}");
                    assert_eq!(fields["content-type"], "application/grpc");
                    assert!(answer.body().is_empty());
                }
                "HEAD" => assert!(answer.body().is_empty()),
                _ => assert_eq!(answer.body(), PROBLEM, "{name} {version:?}"),
            }
        }
    }
    server.ended().await;
    let receipts = receipts.take();
    assert_eq!(receipts.len(), 2 * KINDS.len());
    for (kind, receipt) in KINDS.iter().chain(&KINDS).zip(&receipts) {
        let denied = receipt.denied().unwrap().messages();
        // Once: the answer that took its place is not judged again.
        assert_eq!(denied.len(), 1, "{}", kind.name);
        assert!(denied[0].ends_with(&format!(" as {}", kind.status)), "{denied:?}");
        let failure = receipt.failure().unwrap();
        let failed_before = matches!(kind.name, "first frame fails" | "panic");
        assert_eq!(failure.is_denied(), !failed_before, "{}: {failure}", kind.name);
    }
}

#[tokio::test]
async fn the_answer_has_the_status_that_the_rule_names() {
    let scratch = Scratch::new();
    let layer = LetterheadLayer::new()
        .deny(|_: &FinalHead<'_>| Verdict::deny("one"))
        .deny(|_: &FinalHead<'_>| Verdict::deny("two").status(StatusCode::FORBIDDEN))
        .deny(|_: &FinalHead<'_>| Verdict::deny("three").status(StatusCode::GONE));
    let server = Running::start(app(&scratch).await, layer).await;
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        let answer = client.ask(&KINDS[0]).await;
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.body(), r#"{"type":"about:blank","title":"Forbidden","status":403}"#);
        let call = KINDS.iter().find(|kind| kind.name == "gRPC").unwrap();
        assert_eq!(client.ask(call).await.headers()["grpc-status"], "7");
    }
    server.ended().await;
    // One that is no error is sent as one.
    let layer = LetterheadLayer::new()
        .deny(|_: &FinalHead<'_>| Verdict::deny("one").status(StatusCode::NO_CONTENT));
    let server = Running::start(app(&scratch).await, layer).await;
    assert_eq!(server.client(Version::H1).await.ask(&KINDS[0]).await.status(), 500);
    server.ended().await;
}

#[tokio::test]
async fn the_answer_in_the_place_of_a_rejected_head_is_judged_too() {
    let scratch = Scratch::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let layer = LetterheadLayer::new()
        .rules(
            Rules::standard()
                .require(letterhead::Expect::field(http::header::ETAG))
                .on(Rule::Missing, Action::Reject),
        )
        .deny(move |head: &FinalHead<'_>| {
            all.lock().unwrap().push(head.status().as_u16());
            Verdict::allow()
        });
    let server = Running::start(app(&scratch).await, layer).await;
    assert_eq!(server.client(Version::H1).await.ask(&KINDS[0]).await.status(), 500);
    server.ended().await;
    assert_eq!(*seen.lock().unwrap(), [500]);
}
