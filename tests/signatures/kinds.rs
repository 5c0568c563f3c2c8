//! Every kind of response, over both protocols, with every algorithm and profile.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use letterhead::LetterheadLayer;
use letterhead::deny::FinalHead;
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::signatures::{Sign, SigningKey};
use letterhead::{KeyDirectory, Note, Rules};

use crate::app::{Scratch, app};
use crate::client::{Kind, Running, Version};
use crate::figures::figures;
use crate::record::Record;
use crate::verify::{holds, signatures};

const fn kind(name: &'static str, path: &'static str, status: u16) -> Kind {
    Kind { name, method: "GET", path, fields: &[], status }
}

/// All of them.
pub(crate) const KINDS: [Kind; 33] = [
    kind("handler", "/text", 200),
    Kind { method: "HEAD", ..kind("HEAD of a handler", "/text", 200) },
    kind("query", "/text?a=%20b&c", 200),
    kind("no-store", "/fresh", 200),
    kind("cookies", "/cookies", 200),
    kind("odd fields", "/odd", 200),
    kind("content-digest", "/digest", 200),
    kind("204", "/bare", 204),
    Kind { method: "POST", ..kind("201", "/posted", 201) },
    kind("405", "/posted", 405),
    kind("late write", "/late", 200),
    kind("failed hook", "/hook", 500),
    kind("stream", "/stream", 200),
    kind("first frame fails", "/fails", 503),
    kind("panic", "/panics", 500),
    kind("time-out", "/pending", 408),
    kind("redirect", "/moved", 303),
    kind("gRPC, trailers", "/grpc", 200),
    Kind { fields: &[("te", "trailers")], ..kind("gRPC, TE", "/grpc", 200) },
    Kind { fields: &[("accept-encoding", "gzip")], ..kind("coded by a layer", "/coded", 200) },
    kind("denied", "/denied", 500),
    kind("store", "/stored", 200),
    Kind { fields: &[("range", "bytes=1-2")], ..kind("store, range", "/stored", 206) },
    kind("file", "/files/a.txt", 200),
    Kind { method: "HEAD", ..kind("HEAD of a file", "/files/a.txt", 200) },
    Kind {
        fields: &[("want-repr-digest", "sha-256=9")],
        ..kind("file, digest", "/files/a.txt", 200)
    },
    Kind {
        fields: &[("range", "bytes=1-2"), ("want-repr-digest", "sha-256=9")],
        ..kind("206", "/files/a.txt", 206)
    },
    Kind {
        fields: &[("range", "bytes=0-1,200000-200004")],
        ..kind("multipart", "/files/big.bin", 206)
    },
    Kind { fields: &[("range", "bytes=9-")], ..kind("416", "/files/a.txt", 416) },
    Kind { fields: &[("if-match", "\"x\"")], ..kind("412", "/files/a.txt", 412) },
    Kind { fields: &[("accept-encoding", "gzip")], ..kind("sibling", "/files/both.css", 200) },
    kind("large file, odd name", "/files/50%25%20sure.txt", 200),
    kind("fallback service", "/nowhere", 418),
];

const NOT_SIGNED: Kind =
    Kind { fields: &[("if-none-match", "*")], ..kind("304", "/files/a.txt", 304) };

/// Ways to sign, each with the key's id and tag.
fn ways() -> Vec<(&'static str, SigningKey, Sign)> {
    let p256 = SigningKey::from_pem(include_str!("p256.pem")).unwrap();
    let p384 = SigningKey::from_pem(include_str!("p384.pem")).unwrap();
    let ed25519 = SigningKey::ed25519(&SEED);
    let usual = Sign::new(ed25519.clone()).key_id("ed25519").unwrap();
    let more = Sign::new(p256.clone()).key_id("p256").unwrap();
    let more = more.nonce(true).expires_after(Duration::from_secs(3600)).all_of_no_store(true);
    let all = Sign::new(p384.clone()).key_id("p384").unwrap().cover([
        "@status",
        "\"@method\";req",
        "\"@path\";req",
        "\"@query\";req",
        "\"@authority\";req",
        "\"@target-uri\";req",
        "content-type",
        "content-length",
        "etag",
        "cache-control",
        "\"cache-control\";sf",
        "\"set-cookie\";bs",
        "x-lines",
        "\"x-lines\";bs",
        "x-empty",
        "x-tab",
        "x-padded",
        "\"priority\";key=\"u\"",
        "\"priority\";key=\"i\"",
        "\"range\";req",
        "content-range",
        "vary",
        "x-policy",
    ]);
    vec![("ed25519", ed25519, usual), ("p256", p256, more), ("p384", p384, all.unwrap())]
}

const SEED: [u8; 32] = [7; 32];

/// The layer with everything that may still write, or with nothing.
fn layers() -> [(&'static str, LetterheadLayer, Collector); 2] {
    let (bare, full) = (Collector::new(), Collector::new());
    let text = "/*\n  X-Policy: yes\n  ! X-Gone\n";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
    let deny = |head: &FinalHead<'_>| {
        head.fields().contains_key("x-secret").then(|| "a secret".to_owned())
    };
    [
        ("alone", LetterheadLayer::new().deny(deny), bare),
        (
            "with rules, policy and reporter",
            LetterheadLayer::new()
                .rules(Rules::standard())
                .reporter(full.clone())
                .policy(policy)
                .deny(deny),
            full,
        ),
    ]
}

#[tokio::test]
async fn every_kind_of_response_is_signed_and_a_304_is_not() {
    let scratch = Scratch::new();
    let router: Router = app(&scratch).await;
    let mut record = Record::default();
    let mut table = String::new();
    for (id, key, sign) in ways() {
        record.key(id, &key);
        let thumbprint = key.id().to_owned();
        record.key(&thumbprint, &key);
        let router = router.clone().route_service(KeyDirectory::PATH, KeyDirectory::new([key]));
        for (name, layer, receipts) in layers() {
            let sign = sign.clone().tag("letterhead-test").unwrap();
            let server = Running::start(router.clone().layer(layer.sign(sign))).await;
            for version in [Version::H1, Version::H2] {
                let mut client = server.client(version).await;
                for kind in &KINDS {
                    let response = client.ask(kind).await;
                    let what = format!("{} {version:?}, {id}, {name}", kind.name);
                    assert_eq!(response.status(), kind.status, "{what}");
                    let all = signatures(&response);
                    assert_eq!(all.len(), 1, "{what}: {:?}", response.headers());
                    if id == "ed25519" {
                        assert!(holds(kind, &response, SEED), "{what}: {:?}", response.headers());
                    }
                    record.exchange(&what, (kind, version), &response, (id, "letterhead-test"));
                }
                let directory = kind("directory", KeyDirectory::PATH, 200);
                let response = client.ask(&directory).await;
                let what = format!("directory {version:?}, {id}, {name}");
                let tag = "http-message-signatures-directory";
                record.exchange(&what, (&directory, version), &response, (&thumbprint, tag));
                record.exchange(&what, (&directory, version), &response, (id, "letterhead-test"));
                let response = client.ask(&NOT_SIGNED).await;
                assert_eq!(response.status(), NOT_SIGNED.status);
                assert!(signatures(&response).is_empty(), "{:?}", response.headers());
            }
            server.ended().await;
            for receipt in receipts.take() {
                let is_unsigned = |note: &Note| matches!(note, Note::Unsigned(_));
                assert!(!receipt.notes().iter().any(is_unsigned), "{:?}", receipt.notes());
            }
        }
    }
    writeln!(table, "signed responses of {} kinds: {}", KINDS.len(), record.len()).unwrap();
    figures("signatures", &table);
    record.save();
}

#[tokio::test]
async fn what_is_covered_by_default_is_what_proxies_keep() {
    let scratch = Scratch::new();
    let (_, _, sign) = ways().remove(0);
    let server = Running::start(app(&scratch).await.layer(LetterheadLayer::new().sign(sign))).await;
    let mut client = server.client(Version::H1).await;
    for (path, fields, expected) in [
        ("/text", &[][..], "\"content-type\" \"@path\";req"),
        ("/bare", &[], "\"@path\";req"),
        ("/digest", &[], "\"content-digest\" \"content-type\" \"@path\";req"),
        ("/fresh", &[], "\"content-type\" \"@path\";req"),
        (
            "/files/a.txt",
            &[("want-repr-digest", "sha-256=1")],
            "\"repr-digest\" \"content-type\" \"@path\";req",
        ),
    ] {
        let asked = Kind { fields, ..kind("", path, 200) };
        let response = client.ask(&asked).await;
        let (label, input, _) = signatures(&response).remove(0);
        assert_eq!(label, "sig");
        let (list, parameters) = input.split_once(')').unwrap();
        assert_eq!(list, format!("({expected}"), "{path}");
        let (created, rest) = parameters[";created=".len()..].split_once(';').unwrap();
        assert!(created.parse::<u64>().unwrap() > 1_700_000_000);
        assert_eq!(rest, "keyid=\"ed25519\"");
    }
    server.ended().await;
}

#[tokio::test]
async fn a_signature_from_inside_stays_and_layers_inside_sign_as_well() {
    let scratch = Scratch::new();
    let sign = |id: &str, tag: &str| {
        Sign::new(SigningKey::ed25519(&SEED)).key_id(id).unwrap().tag(tag).unwrap()
    };
    let router = app(&scratch).await.layer(LetterheadLayer::new().sign(sign("k", "inner")));
    // An outer layer without a signer has the inner one's.
    let server = Running::start(router.clone().layer(LetterheadLayer::new())).await;
    for path in ["/text", "/panics", "/nowhere"] {
        let asked = kind("", path, 0);
        let response = server.client(Version::H1).await.ask(&asked).await;
        assert!(path == "/panics" || holds(&asked, &response, SEED), "{:?}", response.headers());
    }
    server.ended().await;
    let outer = LetterheadLayer::new().sign(sign("k", "outer")).sign(sign("l", "second"));
    let server = Running::start(router.layer(outer)).await;
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        let asked = kind("", "/signed-inside", 200);
        let response = client.ask(&asked).await;
        let all = signatures(&response);
        let labels: Vec<_> = all.iter().map(|(label, ..)| label.as_str()).collect();
        assert_eq!(labels, ["sig", "sig-2", "sig-3", "sig-4"]);
        for ((_, input, _), tag) in all.iter().zip(["inside", "inner", "outer", "second"]) {
            assert!(input.ends_with(&format!(";tag=\"{tag}\"")), "{input}");
        }
        assert!(holds(&asked, &response, SEED));
    }
    server.ended().await;
}
