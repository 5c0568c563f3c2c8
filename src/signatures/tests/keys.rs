//! Keys as openssl writes them; nothing of a private one is ever printed.

use ed25519_dalek::Verifier as _;

use super::super::{Algorithm, Sign, Signer as _, SigningKey};

/// Appendix B.1.4 of RFC 9421, `test-key-ed25519`.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
";

/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
const P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvUYutEo6+QdhQFz+
YwSM9hyfU4EZ+Vg2V4wfUfpkXzihRANCAASy55U2T8RmbtSP5Am4OGEGMDVWkT7/
bvtzox5KHCsAdD6F0DguBz98bfI2ypjNchm+4tlh8FEQ7jaw2S8jGjWd
-----END PRIVATE KEY-----
";

/// The same with `P-384`.
const P384: &str = "-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBnBW9GEfllXv3CE+Cu
75GmMnBVfdIqB0pIl2q5zTHYfGjq7oEYdzB0jg67viFurgShZANiAAT0cAfq44ug
S9rMNkUhptvoeE8WzRI4hrPYNvpUJRddRXfdwBfer4UVAX1Qbrcbq+jrerZEniPF
/xXEQJ6dOqd1zDiNJME0vi3izOmmvs4vjgNrUL+j/Dz4Vom6mMfcLew=
-----END PRIVATE KEY-----
";

/// `openssl ecparam -name secp384r1 -genkey`, with its parameters first.
const P384_SEC1: &str = "-----BEGIN EC PARAMETERS-----
BgUrgQQAIg==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDBpKAO5F8vDuWb5cu2/kGA1rXv0IhmEaCyQMf1BgxOOz8xdzAs+NDyu
9XE1SV1TedWgBwYFK4EEACKhZANiAAQTeDauOUSKjUCLz5kqUiq9WbzuG6z6WFT+
O4kwk4Jq+7VOS9cxKeodMvUbKkFA+Z4ft7Yn+KNG6ypwoF6oRh7acmK6TJUu2ZF8
N62VoeRY9SeT5ylZ1zbPpcfYuG5K510=
-----END EC PRIVATE KEY-----
";

/// The same as [`P256`] on a curve that nobody verifies.
const P521: &str = "-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBCr6TKKPVJD0Q0m7Y
XpvCRQY+svFRmWkqoiJet/TlflB8CGu26CQxkXztkOAlIM2gnskqTU8rTGCc4z8W
X/QHm3WhgYkDgYYABAG1ITMlrVAOfaNxcgGYyo4CpZ2DGEvDcoEMx7SsAM8KDTkV
MOQe7W8CwLpq0KAbJ0PU8pnOr+LvISSlgiJyK2k7agEj9bDi+XBZ0/cqleuvRytC
Q7VHT4TUhZ9n+D6RqkKriuBO3PE3ut9CMFyiOc/88gGDHo9GV1pyzVlvQLuaecHj
4w==
-----END PRIVATE KEY-----
";

fn check(pem: &str, expected: Result<Algorithm, &str>) {
    match (SigningKey::from_pem(pem), expected) {
        (Ok(key), Ok(algorithm)) => {
            assert_eq!(key.algorithm(), algorithm);
            let length = if algorithm == Algorithm::EcdsaP384 { 96 } else { 64 };
            assert_eq!(key.sign(b"a").expect("signed").len(), length);
        }
        (Err(error), Err(found)) => assert_eq!(
            error.to_string(),
            format!("wanted a private key in PEM, for Ed25519, P-256 or P-384, found {found}")
        ),
        (found, _) => panic!("{pem}: wanted {expected:?}, found {found:?}"),
    }
}

#[test]
fn keys_are_read_as_openssl_writes_them() {
    check(ED25519, Ok(Algorithm::Ed25519));
    check(P256, Ok(Algorithm::EcdsaP256));
    check(P384, Ok(Algorithm::EcdsaP384));
    check(P384_SEC1, Ok(Algorithm::EcdsaP384));
    check(&format!("a comment\n{ED25519}{P256}"), Ok(Algorithm::Ed25519));
    check(&ED25519.replace('\n', "\r\n"), Ok(Algorithm::Ed25519));
}

#[test]
fn what_is_no_key_says_what_it_is() {
    check("", Err("none"));
    check("-----BEGIN PRIVATE KEY-----\nMC4C", Err("a block that does not end"));
    check("-----BEGIN ", Err("none"));
    check(P521, Err("a key of another kind, or a damaged one"));
    check(&ED25519.replace("MC4C", "MC4D"), Err("a key of another kind, or a damaged one"));
    check(&P384_SEC1.replace("MIGk", "MIGl"), Err("a key on another curve, or a damaged one"));
    check(&ED25519.replace("PRIVATE", "PUBLIC"), Err("none"));
    check(&ED25519.replace("PRIVATE", "ENCRYPTED PRIVATE"), Err("one that is encrypted"));
    check(&ED25519.replace("PRIVATE", "RSA PRIVATE"), Err("one of RSA or DSA"));
}

#[test]
fn a_public_key_is_a_jwk_and_its_thumbprint_the_id() {
    let key = SigningKey::from_pem(ED25519).expect("a key");
    // Of draft-meunier-web-bot-auth-architecture, appendix A.1, which has this key.
    assert_eq!(key.id(), "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
    assert_eq!(
        key.public_jwk(),
        r#"{"kty":"OKP","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs","kid":"poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U","use":"sig"}"#
    );
    let jwk = SigningKey::from_pem(P256).expect("a key").public_jwk();
    assert!(jwk.contains(r#""crv":"P-256","x":"sueVNk_EZm7Uj-QJuDhhBjA1VpE-_277c6MeShwrAHQ","y":"PoXQOC4HP3xt8jbKmM1yGb7i2WHwURDuNrDZLyMaNZ0","#), "{jwk}");
    let jwk = SigningKey::from_pem(P384).expect("a key").public_jwk();
    assert!(jwk.contains(r#""crv":"P-384","x":"9HAH6uOLoEvazDZFIabb6HhPFs0SOIaz2Db6VCUXXUV33cAX3q-FFQF9UG63G6vo","y":"#), "{jwk}");
}

#[test]
fn a_signature_is_that_of_the_key() {
    let key = SigningKey::from_pem(ED25519).expect("a key");
    let bytes = key.sign(b"base").expect("signed");
    let public = ed25519_dalek::SigningKey::from_bytes(&[
        0x9f, 0x83, 0x62, 0xf8, 0x7a, 0x48, 0x4a, 0x95, 0x4e, 0x6e, 0x74, 0x0c, 0x5b, 0x4c, 0x0e,
        0x84, 0x22, 0x91, 0x39, 0xa2, 0x0a, 0xa8, 0xab, 0x56, 0xff, 0x66, 0x58, 0x6f, 0x6a, 0x7d,
        0x29, 0xc5,
    ])
    .verifying_key();
    let signature = ed25519_dalek::Signature::from_slice(&bytes).expect("64 bytes");
    public.verify(b"base", &signature).expect("by this key");
}

#[test]
fn nothing_of_a_key_is_printed() {
    // Any four bytes of the seed, in hex or as numbers.
    let seed: [u8; 32] = std::array::from_fn(|at| 0xa0 + u8::try_from(at).expect("small"));
    let key = SigningKey::ed25519(&seed);
    let sign = Sign::new(key.clone());
    for text in [format!("{key:?}"), format!("{key:#?}"), format!("{sign:?}"), key.public_jwk()] {
        let text = text.to_lowercase();
        assert!(!text.contains("a0a1a2a3") && !text.contains("161, 162, 163"), "{text}");
        assert!(!text.contains("okgio6") && text.contains(&key.id().to_lowercase()), "{text}");
    }
}
