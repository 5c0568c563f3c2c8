#!/usr/bin/env bash
# tower-http's compression leaves the digest of the bytes before, and compresses the parts of a range.
#
# Seen on 2026-11-29 with tower-http 0.7.1 (crates.io).
#
# `CompressionLayer` takes Content-Length and Accept-Ranges out and sets Content-Encoding. One would guess that
# it leaves alone, or takes out, what speaks of the bytes that it changes, and that it skips partial content as it
# skips a response with Content-Range. But `Content-Digest` and `Repr-Digest` (RFC 9530: of the content as sent,
# of the selected representation with its coding) stay as they were, so that a client that checks them refuses
# good bytes. A 206 of several parts has its Content-Range inside the parts, and is compressed: the offsets in
# it are of a representation that this is not a part of any more (RFC 9110, section 14.4). So is what says
# `no-transform`, which the layer, standing in the origin, may ignore, and which CDNs heed.
#
# Whom it meets: services with digests or ranges behind `CompressionLayer`, and clients that check digests.
set -euo pipefail
command -v cargo >/dev/null || { echo "wanted cargo, found none"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2024"
[dependencies]
bytes = "1"
http = "=1.4.1"
http-body-util = "=0.1.3"
tokio = { version = "1", features = ["macros", "rt"] }
tower = { version = "=0.5.2", features = ["util"] }
tower-http = { version = "=0.7.1", features = ["compression-gzip"] }
TOML
cat >"$folder/src/main.rs" <<'RS'
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};

async fn ask(status: u16, kind: &'static str) {
    let inner = service_fn(move |_: Request<()>| async move {
        let response = Response::builder()
            .status(status)
            .header("content-type", kind)
            .header("cache-control", "no-transform")
            .header("content-digest", "sha-256=:of-the-bytes-before:")
            .header("repr-digest", "sha-256=:of-the-bytes-before:");
        Ok::<_, std::convert::Infallible>(response.body(Full::new(Bytes::from("line\n".repeat(100)))).unwrap())
    });
    let request = Request::get("/").header("accept-encoding", "gzip").body(()).unwrap();
    let service = tower_http::compression::CompressionLayer::new().layer(inner);
    let response = service.oneshot(request).await.unwrap();
    let has = |name| response.headers().contains_key(name);
    let (coded, content, repr) = (has("content-encoding"), has("content-digest"), has("repr-digest"));
    let bytes = response.into_body().collect().await.unwrap().to_bytes().len();
    println!("{status} {kind}: coded {coded}, content-digest {content}, repr-digest {repr}, shorter {}", bytes < 500);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    ask(200, "text/plain").await;
    ask(206, "multipart/byteranges; boundary=x").await;
}
RS
seen=$(cargo run --quiet --manifest-path "$folder/Cargo.toml")
echo "$seen"
wanted="200 text/plain: coded true, content-digest true, repr-digest true, shorter true
206 multipart/byteranges; boundary=x: coded true, content-digest true, repr-digest true, shorter true"
[ "$seen" = "$wanted" ] || { echo "wanted:"; echo "$wanted"; exit 1; }
