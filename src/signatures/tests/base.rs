//! Values of components, what is covered if nothing is said, parameters, and what cannot be signed.

use std::time::{Duration, SystemTime};

use http::header::HeaderValue;
use http::{Method, StatusCode};

use super::super::base::base;
use super::super::component::list;
use super::super::{Sign, Signer, SigningKey, Unsigned};
use super::{Exchange, map};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn sign() -> Sign {
    Sign::new(SigningKey::ed25519(&[7; 32])).key_id("k").expect("a key id")
}

fn input(sign: &Sign, exchange: &Exchange) -> Result<String, Unsigned> {
    let signed = sign.sign(&exchange.message(), NOW, None)?;
    Ok(signed.input.to_str().expect("ASCII").to_owned())
}

/// The line of one component in the base.
fn line(component: &str, exchange: &Exchange) -> Result<Option<String>, Unsigned> {
    let components = list([component]).expect("a component");
    let text = base(&components, &exchange.message(), "")?.text;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert!(lines.pop().expect("the last line").starts_with("\"@signature-params\": ("));
    Ok(lines.pop())
}

fn check(exchange: &Exchange, component: &str, expected: &str) {
    let found = line(component, exchange).expect("a value");
    assert_eq!(found.as_deref(), Some(expected), "{component}");
}

#[test]
fn fields_are_joined_and_bare_of_blanks() {
    // RFC 9421, sections 2.1 and 2.1.3.
    let exchange = Exchange::of(
        "https://www.example.com/",
        &[
            ("x-ows-header", "   Leading and trailing whitespace.\t"),
            ("cache-control", "max-age=60"),
            ("cache-control", "    must-revalidate"),
            ("example-dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c)"),
            ("example-dict", "d"),
            ("x-empty-header", ""),
            ("example-header", "value, with, lots"),
            ("example-header", "of, commas"),
            ("set-cookie", "a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT"),
            ("set-cookie", "b=\u{e9}"),
            ("x-tab", "a\tb"),
        ],
    );
    check(&exchange, "x-ows-header", "\"x-ows-header\": Leading and trailing whitespace.");
    check(&exchange, "cache-control", "\"cache-control\": max-age=60, must-revalidate");
    check(&exchange, "x-empty-header", "\"x-empty-header\": ");
    check(&exchange, "x-tab", "\"x-tab\": a\tb");
    check(&exchange, "\"cache-control\";sf", "\"cache-control\";sf: max-age=60, must-revalidate");
    let dictionary = "\"example-dict\": a=1,    b=2;x=1;y=2,   c=(a   b   c), d";
    check(&exchange, "example-dict", dictionary);
    check(&exchange, "\"example-dict\";key=\"b\"", "\"example-dict\";key=\"b\": 2;x=1;y=2");
    check(&exchange, "\"example-dict\";key=\"c\"", "\"example-dict\";key=\"c\": (a b c)");
    check(&exchange, "\"example-dict\";key=\"d\"", "\"example-dict\";key=\"d\": ?1");
    assert_eq!(line("\"example-dict\";key=\"e\"", &exchange), Ok(None));
    assert_eq!(line("x-missing", &exchange), Ok(None));
    check(
        &exchange,
        "\"example-header\";bs",
        "\"example-header\";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:",
    );
    check(
        &exchange,
        "\"set-cookie\";bs",
        "\"set-cookie\";bs: :YT0xOyBFeHBpcmVzPVRodSwgMDEgSmFuIDIwOTkgMDA6MDA6MDAgR01U:, :Yj3DqQ==:",
    );
}

#[test]
fn parts_of_the_request_are_as_the_client_has_them() {
    let mut exchange = Exchange::of("https://WWW.Example.com:443/a%2Fb/../c?x=%20&y", &[]);
    check(&exchange, "\"@method\";req", "\"@method\";req: GET");
    check(&exchange, "\"@path\";req", "\"@path\";req: /a%2Fb/../c");
    check(&exchange, "\"@query\";req", "\"@query\";req: ?x=%20&y");
    check(&exchange, "\"@authority\";req", "\"@authority\";req: www.example.com");
    let target = "\"@target-uri\";req: https://www.example.com/a%2Fb/../c?x=%20&y";
    check(&exchange, "\"@target-uri\";req", target);
    exchange.is_secure = false;
    check(&exchange, "\"@authority\";req", "\"@authority\";req: www.example.com:443");
    exchange.authority = Some("[::1]:80".to_owned());
    check(&exchange, "\"@authority\";req", "\"@authority\";req: [::1]");
    exchange.authority = Some("me@h:8080".to_owned());
    check(&exchange, "\"@authority\";req", "\"@authority\";req: h:8080");

    // Of a server as a whole.
    let mut exchange = Exchange::of("*", &[]);
    (exchange.method, exchange.authority) = (Method::OPTIONS, Some("h".to_owned()));
    check(&exchange, "\"@path\";req", "\"@path\";req: /");
    check(&exchange, "\"@query\";req", "\"@query\";req: ?");
    check(&exchange, "\"@target-uri\";req", "\"@target-uri\";req: http://h");
    exchange.authority = None;
    assert_eq!(line("\"@authority\";req", &exchange), Err(Unsigned::NoAuthority));
    exchange.authority = Some(String::new());
    assert_eq!(line("\"@target-uri\";req", &exchange), Err(Unsigned::NoAuthority));

    let mut exchange = Exchange::of("http://h", &[]);
    exchange.request_fields = map(&[("x-id", " 1 "), ("x-id", "2")]);
    check(&exchange, "\"@target-uri\";req", "\"@target-uri\";req: http://h/");
    check(&exchange, "\"x-id\";req", "\"x-id\";req: 1, 2");
    assert_eq!(line("x-id", &exchange), Ok(None));
}

#[test]
fn what_proxies_keep_is_covered_and_of_what_nobody_stores_more() {
    let usual = |fields: &[(&str, &str)], expected: &str| {
        let found = input(&sign(), &Exchange::of("http://h/", fields)).expect("signed");
        assert_eq!(found, format!("sig=({expected});created=0;keyid=\"k\""), "{fields:?}");
    };
    let path = "\"@path\";req";
    usual(&[], path);
    usual(&[("content-type", "a/b"), ("etag", "\"1\"")], &format!("\"content-type\" {path}"));
    usual(&[("content-digest", "sha-256=:AA==:")], &format!("\"content-digest\" {path}"));
    let both = [("content-digest", "sha-256=:AA==:"), ("repr-digest", "sha-256=:AA==:")];
    usual(&both, &format!("\"repr-digest\" {path}"));
    usual(&[("cache-control", "no-store")], path);

    let more = sign().all_of_no_store(true);
    let more = |fields: &[(&str, &str)]| input(&more, &Exchange::of("http://h/", fields));
    assert_eq!(
        more(&[("cache-control", "private, No-Store"), ("etag", "\"1\"")]).expect("signed"),
        "sig=(\"@path\";req \"@status\" \"@method\";req \"cache-control\" \"etag\");created=0;keyid=\"k\""
    );
    let stored = more(&[("cache-control", "no-cache"), ("etag", "\"1\"")]).expect("signed");
    assert_eq!(stored, "sig=(\"@path\";req);created=0;keyid=\"k\"");
}

#[test]
fn parameters_stand_in_their_order() {
    let sign = sign().expires_after(Duration::from_secs(60)).tag("a\"b\\c").expect("a tag");
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1999);
    let signed = sign.sign(&Exchange::of("/", &[]).message(), now, Some([0; 16]));
    assert_eq!(
        signed.expect("signed").input,
        "sig=(\"@path\";req);created=1;expires=61;nonce=\"AAAAAAAAAAAAAAAAAAAAAA==\";keyid=\"k\";tag=\"a\\\"b\\\\c\""
    );
    for bad in ["\u{e9}", "a\n", "\u{7f}"] {
        assert!(sign.clone().tag(bad).is_err() && sign.clone().key_id(bad).is_err(), "{bad:?}");
    }
    for bad in ["", "A", "1", "a b", "a,b"] {
        assert!(sign.clone().label(bad).is_err(), "{bad:?}");
    }
}

/// A key that does not sign.
struct Broken(bool);

impl Signer for Broken {
    fn key_id(&self) -> String {
        "broken".to_owned()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        assert!(!self.0, "the module is gone");
        Err("no session".into())
    }
}

#[test]
fn what_cannot_be_signed_says_why() {
    let check = |sign: &Sign, fields: &[(&str, &str)], expected: &str| {
        let error = input(sign, &Exchange::of("http://h/", fields)).expect_err("unsigned");
        assert_eq!(error.to_string(), expected);
    };
    check(
        &sign(),
        &[("content-type", "text/pl\u{e4}in")],
        "wanted ASCII in \"content-type\", found other bytes: cover it with `;bs`",
    );
    check(
        &sign().cover(["\"priority\";sf"]).expect("known"),
        &[("priority", "u=(")],
        "wanted a structured field for \"priority\";sf, found no value",
    );
    check(
        &sign(),
        &[("signature-input", "sig=(")],
        "wanted to add to the signature-input that is there, found no value in it",
    );
    check(&Sign::new(Broken(false)), &[], "the key did not sign: no session");
    check(&Sign::new(Broken(true)), &[], "the key did not sign: it panicked: the module is gone");

    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let exchange = Exchange::of("/", &[]);
    let error = sign().sign(&exchange.message(), early, None).expect_err("too early");
    assert_eq!(error, Unsigned::Clock);
}

#[test]
fn another_signature_keeps_its_label() {
    let exchange = Exchange::of(
        "http://h/",
        &[("signature-input", "sig=();created=1"), ("signature", "sig=:AA==:")],
    );
    let found = input(&sign(), &exchange).expect("signed");
    assert_eq!(found, "sig-2=(\"@path\";req);created=0;keyid=\"k\"");
    // One of another signer may be covered itself.
    let cover = sign().cover(["\"signature\";key=\"sig\""]).expect("a member");
    let found = input(&cover, &exchange).expect("signed");
    assert_eq!(found, "sig-2=(\"signature\";key=\"sig\");created=0;keyid=\"k\"");
}

#[test]
fn odd_messages_panic_nowhere() {
    let mut random = fastrand::Rng::with_seed(9421);
    let names = ["a", "priority", "set-cookie", "signature", "signature-input", "content-type"];
    let cover = [
        "\"a\";bs",
        "\"priority\";sf",
        "\"a\";key=\"a\"",
        "\"set-cookie\";bs",
        "content-type",
        "@status",
        "\"@target-uri\";req",
        "\"signature\";key=\"sig\"",
    ];
    let sign = sign().cover(cover).expect("components");
    for _ in 0..2000 {
        let mut exchange = Exchange::of("http://h/", &[]);
        for _ in 0..random.usize(..6) {
            let alphabet = b"ab=(),;:?@%\"\\ 01-.\t\xe4*s";
            let bytes: Vec<u8> =
                (0..random.usize(..12)).map(|_| alphabet[random.usize(..alphabet.len())]).collect();
            let name = names[random.usize(..names.len())];
            exchange.fields.append(name, HeaderValue::from_bytes(&bytes).expect("a value"));
        }
        exchange.status = StatusCode::from_u16(random.u16(200..600)).expect("a status");
        if let Ok(signed) = sign.sign(&exchange.message(), NOW, None) {
            assert!(signed.input.to_str().is_ok_and(|text| text.starts_with("sig")));
        }
    }
}
