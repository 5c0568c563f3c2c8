//! What the programs of the bench share: arguments, one line that says where a server listens, heads and keys.

use std::net::SocketAddr;

use http::Response;
use letterhead::store::{KeyRing, SigningKey};

/// The root directory, and the variant if there is a choice: `SERVER ROOT [VARIANT]`.
pub fn arguments() -> (String, String) {
    let mut args = std::env::args().skip(1);
    let root = args.next().expect("usage: SERVER ROOT [VARIANT]");
    (root, args.next().unwrap_or_default())
}

/// A free port of the loopback.
pub fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Says where the server listens; the script waits for this line.
pub fn say(addr: SocketAddr) {
    println!("listening on {addr}");
}

/// Runs a server on one thread, beside what it does on the pool for blocking work.
pub fn run<F: Future>(server: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(server)
}

/// What each stored response has, beside what a store adds.
pub const FIELDS: [(&str, &str); 3] = [
    ("content-type", "application/octet-stream"),
    ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("x-content-type-options", "nosniff"),
];

/// A response with those fields.
pub fn stored<B>(body: B) -> Response<B> {
    let mut response = Response::builder();
    for (name, value) in FIELDS {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

/// How heads are signed, by the name of the directory that has them.
pub const KEYS: [&str; 3] = ["unsigned", "ed25519", "p384"];

/// The keys of such a directory.
pub fn keys(name: &str) -> KeyRing {
    let ring = KeyRing::new();
    match name {
        "unsigned" => ring,
        "ed25519" => ring.sign_with(SigningKey::ed25519("bench", &[7; 32])),
        "p384" => ring.sign_with(SigningKey::ecdsa_p384("bench", &[7; 48]).unwrap()),
        other => panic!("wanted one of {KEYS:?}, found `{other}`"),
    }
}
