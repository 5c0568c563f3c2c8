//! How long a signature takes with each algorithm, alone and at the commit of a response; prints medians.
#![expect(clippy::unwrap_used, reason = "in a bench, a panic is the report")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use letterhead::LetterheadLayer;
use letterhead::signatures::{Sign, Signer as _, SigningKey};
use tower::{Layer as _, ServiceExt as _, service_fn};

const TIMES: usize = 5000;

fn main() {
    let keys = [
        SigningKey::ed25519(&[7; 32]),
        SigningKey::from_pem(include_str!("../tests/signatures/p256.pem")).unwrap(),
        SigningKey::from_pem(include_str!("../tests/signatures/p384.pem")).unwrap(),
    ];
    let base = [b'a'; 300];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let without = median(|| runtime.block_on(respond(&LetterheadLayer::new())));
    println!("a response without a signature: {without:?}");
    println!("| algorithm | the key alone | a signed response over an unsigned one |");
    println!("|---|---|---|");
    for key in keys {
        let alone = median(|| drop(black_box(key.sign(&base).unwrap())));
        let layer = LetterheadLayer::new().sign(Sign::new(key.clone()));
        let whole = median(|| runtime.block_on(respond(&layer)));
        println!("| `{}` | {alone:?} | {:?} |", key.algorithm(), whole.saturating_sub(without));
    }
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..TIMES)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[TIMES / 2]
}

async fn respond(layer: &LetterheadLayer) {
    let app = service_fn(|_: Request<Full<Bytes>>| async {
        let response = Response::builder()
            .header("content-type", "text/plain")
            .header("repr-digest", "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
        Ok::<_, Infallible>(response.body(Full::new(Bytes::from_static(b"abc"))).unwrap())
    });
    let request = Request::get("http://a.test/page").body(Full::default()).unwrap();
    black_box(layer.layer(app).oneshot(request).await.unwrap());
}
