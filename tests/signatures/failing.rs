//! A signer that fails never makes a response worse, unless it is asked to.

use std::error::Error;

use axum::Router;
use axum::routing::get;
use letterhead::report::{Collector, JsonLines, Reporter as _};
use letterhead::signatures::{OnFailure, Sign, Signer, SigningKey};
use letterhead::{LetterheadLayer, Note, Rules};

use crate::client::{Kind, Running, Version};
use crate::verify::signatures;

/// A key that does not sign.
struct Broken(bool);

impl Signer for Broken {
    fn key_id(&self) -> String {
        "broken".to_owned()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        if self.0 {
            // Not said on stderr: it is meant.
            std::panic::resume_unwind(Box::new("the module is gone"));
        }
        Err("no session".into())
    }
}

const PAGE: Kind = Kind { name: "page", method: "GET", path: "/", fields: &[], status: 200 };

fn app(layer: LetterheadLayer) -> Router {
    let page = || async { ([("priority", "u=("), ("vary", "origin")], "page") };
    Router::new().route("/", get(page)).layer(layer)
}

#[tokio::test]
async fn it_goes_out_unsigned_and_is_noted_or_becomes_a_503() {
    let ed25519 = || Sign::new(SigningKey::ed25519(&[7; 32]));
    for (sign, reason) in [
        (Sign::new(Broken(false)), "the key did not sign: no session"),
        (Sign::new(Broken(true)), "the key did not sign: it panicked: the module is gone"),
        (
            ed25519().cover(["\"priority\";sf"]).unwrap(),
            "wanted a structured field for \"priority\";sf, found no value",
        ),
    ] {
        for (on_failure, status) in [(OnFailure::SendUnsigned, 200), (OnFailure::Refuse, 503)] {
            for is_watched in [false, true] {
                let receipts = Collector::new();
                let mut layer = LetterheadLayer::new().sign(sign.clone().on_failure(on_failure));
                if is_watched {
                    layer = layer.rules(Rules::standard()).reporter(receipts.clone());
                }
                let server = Running::start(app(layer)).await;
                for version in [Version::H1, Version::H2] {
                    let mut client = server.client(version).await;
                    let response = client.ask(&PAGE).await;
                    assert_eq!(response.status(), status);
                    assert!(signatures(&response).is_empty());
                    let fields = response.headers();
                    let is_whole = status == 200;
                    let is_problem = fields["content-type"] == "application/problem+json";
                    assert_eq!(is_problem, !is_whole, "{fields:?}");
                    assert_eq!(
                        fields.get("cache-control").is_some_and(|v| v == "no-store"),
                        !is_whole
                    );
                    assert_eq!(response.body() == "page", is_whole);
                    let head = client.ask(&Kind { method: "HEAD", ..PAGE }).await;
                    assert_eq!(head.status(), status);
                }
                server.ended().await;
                for receipt in receipts.take() {
                    let noted = Note::Unsigned(reason.to_owned());
                    assert!(receipt.notes().contains(&noted), "{:?}", receipt.notes());
                    assert_eq!(noted.as_str(), "unsigned");
                    assert_eq!(noted.to_string(), format!("not signed: {reason}"));
                    let is_refused = receipt.failure().is_some_and(letterhead::Error::is_unsigned);
                    assert_eq!(is_refused, status == 503);
                    assert_eq!(receipt.status().unwrap(), status);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_receipt_says_anything_of_the_key() {
    let seed: [u8; 32] = std::array::from_fn(|at| 0xa0 + u8::try_from(at).unwrap());
    let receipts = Collector::new();
    let sign = Sign::new(SigningKey::ed25519(&seed));
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(receipts.clone());
    let layer = layer.debug_field(true).sign(sign);
    let shown = format!("{layer:?}");
    let server = Running::start(app(layer)).await;
    let response = server.client(Version::H1).await.ask(&PAGE).await;
    server.ended().await;
    let receipts = receipts.take();
    assert_eq!(receipts.len(), 1);
    let lines = JsonLines::new(Vec::new());
    lines.report(&receipts[0]);
    let json = String::from_utf8(lines.into_inner()).unwrap();
    for text in [shown, format!("{:?}", receipts[0]), format!("{:?}", response.headers()), json] {
        let text = text.to_lowercase();
        // Of the seed in hex, as numbers, in base64.
        for part in ["a0a1a2a3", "160, 161, 162", "okgio6"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    let signer = receipts[0]
        .writes()
        .iter()
        .find(|entry| matches!(entry.writer(), letterhead::Writer::Signer));
    assert_eq!(signer.unwrap().field().unwrap(), "signature-input");
}
