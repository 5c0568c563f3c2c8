//! A rule that cannot decide: the head is denied, or goes out where that is declared.

use std::panic::resume_unwind;

use letterhead::LetterheadLayer;
use letterhead::deny::{Deny, FailOpen, FinalHead, Verdict};
use letterhead::report::Collector;

use crate::app::{KINDS, Running, Scratch, Version, app};

/// Panics where it is asked to, without a word on stderr.
fn panics(head: &FinalHead<'_>) -> Verdict {
    if head.path() == "/handler" {
        resume_unwind(Box::new("at its wits' end"));
    }
    Verdict::failed("no idea")
}

/// Panics when it is asked whether it fails open, too.
struct Worse;

impl Deny for Worse {
    fn deny(&self, _: &FinalHead<'_>) -> Verdict {
        Verdict::failed("worse")
    }

    fn fails_open(&self) -> bool {
        resume_unwind(Box::new("no"))
    }
}

#[tokio::test]
async fn a_rule_that_cannot_decide_denies_unless_it_fails_open() {
    let scratch = Scratch::new();
    for version in [Version::H1, Version::H2] {
        let receipts = Collector::new();
        let layer = LetterheadLayer::new().reporter(receipts.clone()).deny(panics);
        let server = Running::start(app(&scratch).await, layer).await;
        let mut client = server.client(version).await;
        for kind in &KINDS[..2] {
            assert_eq!(client.ask(kind).await.status(), 500, "{}", kind.name);
        }
        server.ended().await;
        let denied: Vec<String> =
            receipts.take().iter().map(|receipt| receipt.denied().unwrap().to_string()).collect();
        let could_not = "a deny rule could not decide";
        let expected =
            [format!("{could_not}: panicked: at its wits' end"), format!("{could_not}: no idea")];
        assert_eq!(denied, expected);

        let receipts = Collector::new();
        let layer = LetterheadLayer::new().reporter(receipts.clone()).deny(FailOpen(panics));
        let server = Running::start(app(&scratch).await, layer).await;
        let mut client = server.client(version).await;
        for kind in &KINDS[..2] {
            assert_eq!(client.ask(kind).await.status(), kind.status, "{}", kind.name);
        }
        server.ended().await;
        let notes: Vec<String> =
            receipts.take().iter().map(|receipt| receipt.notes()[0].to_string()).collect();
        assert_eq!(notes, expected);
    }
    let server = Running::start(app(&scratch).await, LetterheadLayer::new().deny(Worse)).await;
    assert_eq!(server.client(Version::H1).await.ask(&KINDS[0]).await.status(), 500);
    server.ended().await;
}
