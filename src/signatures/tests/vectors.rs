//! The examples of RFC 9421 that are about responses.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use p256::ecdsa::signature::Verifier as _;

use super::super::base::base;
use super::super::component::list;
use super::super::{Sign, SigningKey};
use super::{Exchange, map};
use crate::field::structured::{Bare, Item};

/// Appendix B.1.3.
const TEST_KEY_ECC_P256: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFKbhfNZfpDsW43+0+JjUr9K+bTeuxopu653+hBaXGA7oAoGCCqGSM49
AwEHoUQDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM
4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END EC PRIVATE KEY-----
";

/// Appendix B.2, `test-response`.
fn test_response() -> Exchange {
    let mut exchange = Exchange::of(
        "https://example.com/foo?param=Value&Pet=dog",
        &[
            ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
            ("content-type", "application/json"),
            (
                "content-digest",
                "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
            ),
            ("content-length", "23"),
        ],
    );
    exchange.method = Method::POST;
    exchange.request_fields = map(&[
        ("content-type", "application/json"),
        (
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("content-length", "18"),
    ]);
    exchange
}

fn verify(signature: &str, text: &str) {
    let Ok(Item { bare: Bare::Bytes(bytes), .. }) = Item::parse(signature.as_bytes()) else {
        panic!("wanted bytes, found {signature}");
    };
    let secret = p256::SecretKey::from_sec1_pem(TEST_KEY_ECC_P256).expect("the RFC's key");
    let key = p256::ecdsa::SigningKey::from(secret);
    let signature = p256::ecdsa::Signature::from_slice(&bytes).expect("two numbers");
    key.verifying_key().verify(text.as_bytes(), &signature).expect("it is the RFC's base");
}

/// The base is the RFC's, its signature is over it, and so is one of ours.
fn check(
    exchange: &Exchange,
    cover: &[&str],
    (created, parameters): (u64, &str),
    expected: &str,
    signature: &str,
) {
    let components = list(cover.iter().copied()).expect("components");
    let made = base(&components, &exchange.message(), parameters).expect("a base");
    assert_eq!(made.text, expected);
    verify(signature, &made.text);

    let key = SigningKey::from_pem(TEST_KEY_ECC_P256).expect("the RFC's key");
    let sign = Sign::new(key).key_id("test-key-ecc-p256").and_then(|sign| sign.label("ours"));
    let sign = sign.and_then(|sign| sign.cover(cover.iter().copied())).expect("options");
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(created * 1000 + 999);
    let signed = sign.sign(&exchange.message(), now, None).expect("signed");
    let input = signed.input.to_str().expect("ASCII");
    assert_eq!(input, format!("ours={}", made.input));
    let ours = signed.signature.to_str().expect("ASCII").strip_prefix("ours=").expect("the label");
    verify(ours, &made.text);
}

#[test]
fn a_response_with_ecdsa_p256_as_in_appendix_b_2_4() {
    check(
        &test_response(),
        &["@status", "content-type", "content-digest", "content-length"],
        (1_618_884_473, ";created=1618884473;keyid=\"test-key-ecc-p256\""),
        "\"@status\": 200\n\
         \"content-type\": application/json\n\
         \"content-digest\": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n\
         \"content-length\": 23\n\
         \"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"",
        ":wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:",
    );
}

#[test]
fn a_response_that_is_bound_to_its_request_as_in_section_2_4() {
    let mut exchange = test_response();
    exchange.status = StatusCode::SERVICE_UNAVAILABLE;
    exchange.fields = map(&[
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("content-type", "application/json"),
        ("content-length", "62"),
        (
            "content-digest",
            "sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:",
        ),
    ]);
    check(
        &exchange,
        &[
            "@status",
            "content-digest",
            "content-type",
            "\"@authority\";req",
            "\"@method\";req",
            "\"@path\";req",
            "\"content-digest\";req",
        ],
        (1_618_884_479, ";created=1618884479;keyid=\"test-key-ecc-p256\""),
        "\"@status\": 503\n\
         \"content-digest\": sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:\n\
         \"content-type\": application/json\n\
         \"@authority\";req: example.com\n\
         \"@method\";req: POST\n\
         \"@path\";req: /foo\n\
         \"content-digest\";req: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n\
         \"@signature-params\": (\"@status\" \"content-digest\" \"content-type\" \"@authority\";req \"@method\";req \"@path\";req \"content-digest\";req);created=1618884479;keyid=\"test-key-ecc-p256\"",
        ":dMT/A/76ehrdBTD/2Xx8QuKV6FoyzEP/I9hdzKN8LQJLNgzU4W767HK05rx1i8meNQQgQPgQp8wq2ive3tV5Ag==:",
    );
}
