//! The directory of keys: a JWK set that is signed with each of them.

use axum::Router;
use letterhead::signatures::SigningKey;
use letterhead::{KeyDirectory, LetterheadLayer};
use serde_json::Value;

use crate::client::{Kind, Running, Version};
use crate::verify::signatures;

const KEYS: Kind =
    Kind { name: "keys", method: "GET", path: KeyDirectory::PATH, fields: &[], status: 200 };

#[tokio::test]
async fn the_keys_are_published_and_signed_with_each_of_them() {
    let p256 = SigningKey::from_pem(include_str!("p256.pem")).unwrap();
    let ed25519 = SigningKey::ed25519(&[7; 32]);
    let directory = KeyDirectory::new([ed25519.clone(), p256.clone()]);
    let app = Router::new().route_service(KeyDirectory::PATH, directory);
    let server = Running::start(app.layer(LetterheadLayer::new())).await;
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        let response = client.ask(&KEYS).await;
        assert_eq!(response.status(), 200);
        let fields = response.headers();
        assert_eq!(fields["content-type"], "application/http-message-signatures-directory+json");
        let keys: Value = serde_json::from_slice(response.body()).unwrap();
        let ids: Vec<_> = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap())
            .collect();
        assert_eq!(ids, [ed25519.id(), p256.id()]);
        let all = signatures(&response);
        for ((label, input, _), (key, expected)) in
            all.iter().zip([(&ed25519, "sig"), (&p256, "sig-2")])
        {
            assert_eq!(label, expected);
            let covered = r#"("@authority";req "content-type" "content-digest");created="#;
            assert!(input.starts_with(covered), "{input}");
            let end = format!(r#";keyid="{}";tag="http-message-signatures-directory""#, key.id());
            assert!(input.ends_with(&end) && input.contains(";expires="), "{input}");
        }
        let head = client.ask(&Kind { method: "HEAD", ..KEYS }).await;
        assert_eq!(head.headers()["content-length"], fields["content-length"]);
        assert!(head.body().is_empty() && signatures(&head).len() == 2);
        let posted = client.ask(&Kind { method: "POST", ..KEYS }).await;
        assert_eq!(
            (posted.status().as_u16(), &posted.headers()["allow"]),
            (405, &"GET, HEAD".parse().unwrap())
        );
    }
    server.ended().await;
}
