//! Every kind of response, over both protocols, with every operation.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Response;
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{Conflict, LetterheadLayer, Rule, Rules};

use crate::app::{KINDS, Running, Scratch, Version, app};
use crate::figures::figures;

const TEXT: &str = "\
/*
  X-Set: policy
  X-Own: policy
  @default X-Default: policy
  @default X-Own-Default: policy
  ! X-Gone
  Vary: origin
";

type Holds = fn(&Response<Bytes>) -> bool;

/// What one response is to have, by operation.
const OPERATIONS: [(&str, Holds); 5] = [
    ("set", |answer| values(answer, "x-set") == ["policy"]),
    ("replace", |answer| values(answer, "x-own") == ["policy"]),
    ("default", |answer| values(answer, "x-default") == ["policy"]),
    ("remove", |answer| values(answer, "x-gone").is_empty()),
    ("join", |answer| values(answer, "vary").iter().any(|line| line.contains("origin"))),
];

fn values<'a>(answer: &'a Response<Bytes>, name: &str) -> Vec<&'a str> {
    answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn every_kind_of_response_has_what_the_policy_says() {
    let scratch = Scratch::new();
    let policy = Policy::parse("_headers", TEXT, Dialect::Cloudflare).unwrap();
    let layer = LetterheadLayer::new().policy(policy);
    let server = Running::start(app(&scratch).await, layer).await;
    let mut table = format!("{:18}", "a policy on");
    for version in ["HTTP/1.1", "HTTP/2"] {
        for (name, _) in OPERATIONS {
            write!(table, " {:>16}", format!("{version} {name}")).unwrap();
        }
    }
    let mut missed = Vec::new();
    for kind in &KINDS {
        write!(table, "\n{:18}", kind.name).unwrap();
        for version in [Version::H1, Version::H2] {
            let mut client = server.client(version).await;
            let answer = client.ask(kind).await;
            assert_eq!(answer.status(), kind.status, "{}", kind.name);
            for (name, holds) in OPERATIONS {
                let holds = holds(&answer);
                write!(table, " {:>16}", if holds { "yes" } else { "NO" }).unwrap();
                if !holds {
                    missed.push(format!(
                        "{} {version:?} {name}: {:?}",
                        kind.name,
                        answer.headers()
                    ));
                }
            }
        }
    }
    figures("policy-kinds", &table);
    server.ended().await;
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test]
async fn every_kind_of_response_is_held_to_what_the_policy_requires_and_forbids() {
    let scratch = Scratch::new();
    let text = "/*\n  @require X-Wanted\n  @forbid X-Unwanted\n  X-Unwanted: policy\n";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
    let receipts = Collector::new();
    let layer =
        LetterheadLayer::new().rules(Rules::standard()).reporter(receipts.clone()).policy(policy);
    let server = Running::start(app(&scratch).await, layer).await;
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        for kind in &KINDS {
            client.ask(kind).await;
        }
    }
    server.ended().await;
    let receipts = receipts.take();
    assert_eq!(receipts.len(), 2 * KINDS.len());
    let mut table = String::from("a policy on        @require @forbid");
    for (kind, receipt) in KINDS.iter().chain(&KINDS).zip(&receipts) {
        let has = |rule: Rule, name: &str| {
            let is_about = |conflict: &Conflict| {
                conflict.rule() == rule && conflict.field().is_some_and(|field| field == name)
            };
            receipt.conflicts().iter().any(is_about)
        };
        let found = (has(Rule::Missing, "x-wanted"), has(Rule::Forbidden, "x-unwanted"));
        assert_eq!(found, (true, true), "{}: {:?}", kind.name, receipt.conflicts());
        write!(table, "\n{:18} {:>8} {:>7}", kind.name, "reported", "too").unwrap();
    }
    figures("policy-expectations", &table);
}
