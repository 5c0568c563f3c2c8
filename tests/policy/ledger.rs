//! What the policy writes has its line in the ledger, and what it overrides is a conflict.

use std::sync::{Arc, Mutex};

use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{Action, LetterheadLayer, PolicyHandle, Rule, Rules, Writer};

use crate::app::{KINDS, Running, Scratch, Version, app};

const TEXT: &str = "# A comment.\n/*\n  X-Set: policy\n  X-Own: policy\n";

fn policy(text: &str) -> Policy {
    Policy::parse("_headers", text, Dialect::Cloudflare).unwrap()
}

#[tokio::test]
async fn each_field_names_its_line_and_what_is_overridden_is_a_conflict() {
    let scratch = Scratch::new();
    let receipts = Collector::new();
    let layer = LetterheadLayer::new()
        .rules(Rules::standard())
        .reporter(receipts.clone())
        .policy(policy(TEXT));
    let server = Running::start(app(&scratch).await, layer).await;
    let mut client = server.client(Version::H1).await;
    for kind in &KINDS {
        client.ask(kind).await;
    }
    server.ended().await;
    let receipts = receipts.take();
    assert_eq!(receipts.len(), KINDS.len());
    for (kind, receipt) in KINDS.iter().zip(&receipts) {
        let line = |name: &str| {
            let about = |entry: &&letterhead::Entry| {
                entry.field().is_some_and(|field| field == name)
                    && matches!(entry.writer(), Writer::Policy(_))
            };
            receipt.writes().iter().find(about).map(|entry| entry.writer().to_string())
        };
        assert_eq!(line("x-set").as_deref(), Some("policy _headers:3"), "{}", kind.name);
        assert_eq!(line("x-own").as_deref(), Some("policy _headers:4"), "{}", kind.name);
        assert_eq!(receipt.policy_version(), Some(1), "{}", kind.name);
    }
    // A layer without a name set `x-own` on the handler's answer before.
    let conflicts: Vec<String> = receipts[0].conflicts().iter().map(ToString::to_string).collect();
    assert!(conflicts.iter().any(|text| text.contains("policy _headers:4")), "{conflicts:?}");
}

#[tokio::test]
async fn an_action_for_the_rule_puts_back_what_the_policy_overrode() {
    let scratch = Scratch::new();
    let rules = Rules::standard().on_field(
        Rule::Overwritten,
        http::HeaderName::from_static("x-own"),
        Action::KeepFirst,
    );
    let layer = LetterheadLayer::new().rules(rules).policy(policy(TEXT));
    let server = Running::start(app(&scratch).await, layer).await;
    let answer = server.client(Version::H1).await.ask(&KINDS[0]).await;
    server.ended().await;
    assert_eq!(answer.headers()["x-own"], "own");
    assert_eq!(answer.headers()["x-set"], "policy");
}

#[tokio::test]
async fn the_answer_in_the_place_of_a_rejected_head_has_the_policy_too() {
    let scratch = Scratch::new();
    let rules = Rules::standard().on(Rule::Overwritten, Action::Reject);
    let layer = LetterheadLayer::new().rules(rules).policy(policy(TEXT));
    let server = Running::start(app(&scratch).await, layer).await;
    let answer = server.client(Version::H1).await.ask(&KINDS[0]).await;
    server.ended().await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["x-set"], "policy");
    assert_eq!(answer.headers()["x-own"], "policy");
}

#[tokio::test]
async fn a_response_has_one_version_and_versions_only_grow() {
    let scratch = Scratch::new();
    let handle = PolicyHandle::new(policy("/*\n  X-Set: 1\n  X-Twin: 1\n"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let layer = LetterheadLayer::new()
        .policy(handle.clone())
        .on_end(move |receipt| all.lock().unwrap().push(receipt.policy_version().unwrap()));
    let server = Running::start(app(&scratch).await, layer).await;
    let mut client = server.client(Version::H2).await;
    for version in 1..=20 {
        let answer = client.ask(&KINDS[0]).await;
        assert_eq!(answer.headers()["x-set"], version.to_string());
        assert_eq!(answer.headers()["x-twin"], version.to_string());
        let next = version + 1;
        let text = format!("/*\n  X-Set: {next}\n  X-Twin: {next}\n");
        assert_eq!(handle.replace(policy(&text)), next);
    }
    server.ended().await;
    assert_eq!(*seen.lock().unwrap(), (1..=20).collect::<Vec<u64>>());
}
