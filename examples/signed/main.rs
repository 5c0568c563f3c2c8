//! Responses that are signed at their commit, and the directory of the keys that sign them.

#[path = "../shared/mod.rs"]
mod shared;

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderName};
use letterhead::answer::DigestAlgorithm;
use letterhead::signatures::{Sign, SigningKey};
use letterhead::{KeyDirectory, LetterheadLayer};
use sha2::{Digest as _, Sha256};

/// The key of RFC 9421, appendix B.1.4: everybody has it. Make another one: `openssl genpkey -algorithm ed25519`.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
";

#[tokio::main]
async fn main() -> ExitCode {
    let key = match SigningKey::from_pem(KEY) {
        Ok(key) => key,
        Err(error) => {
            eprintln!("the key: {error}");
            return ExitCode::FAILURE;
        }
    };
    let app = Router::new()
        .route("/", get(page))
        .route("/fresh", get(|| async { ([(CACHE_CONTROL, "no-store")], "only now\n") }))
        .route("/moved", get(|| async { Redirect::to("/") }))
        .route("/fails", get(fails))
        .route_service(KeyDirectory::PATH, KeyDirectory::new([key.clone()]));
    let layer = LetterheadLayer::new()
        .sign(Sign::new(key).all_of_no_store(true))
        .on_end(|receipt| eprintln!("{receipt}"));
    shared::run(app.layer(layer), curl_lines).await
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl -i http://{addr}/\n\
         curl -i http://{addr}/fresh\n\
         curl -i http://{addr}/fails\n\
         curl -i http://{addr}{}\n\
         python3 examples/signed/verify.py http://{addr}/    # wants http-message-signatures of PyPI\n",
        KeyDirectory::PATH
    )
}

/// The content is signed by its digest.
async fn page() -> ([(HeaderName, http::HeaderValue); 1], &'static str) {
    const CONTENT: &str = "signed\n";
    let digest = DigestAlgorithm::Sha256.field_value(&Sha256::digest(CONTENT));
    ([(HeaderName::from_static("content-digest"), digest)], CONTENT)
}

/// An error answer of the layer is signed like any other response.
async fn fails() -> Body {
    let error = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
    Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(error)]))
}
