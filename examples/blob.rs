//! A blob from memory, served as a file would be: conditions, ranges, `HEAD`, and the rest.

#[path = "shared/mod.rs"]
mod shared;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::any;
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response};
use letterhead::LetterheadLayer;
use letterhead::answer::{Asked, Content, EntityTag, Facts, respond};

/// What a database would hand out: the bytes, and what is known of them.
#[derive(Clone)]
struct Blob {
    facts: Facts,
    bytes: Bytes,
}

#[tokio::main]
async fn main() -> ExitCode {
    let app = Router::new()
        // Every method: `respond` answers those that there are not.
        .route("/blob", any(blob))
        .with_state(generated())
        .layer(LetterheadLayer::new().on_end(|receipt| eprintln!("{receipt}")));
    shared::run(app, curl_lines).await
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl -I http://{addr}/blob                                       # its validators\n\
         curl -i -r 32-63 http://{addr}/blob                              # the third line and the fourth\n\
         curl -i -r -16 http://{addr}/blob                                # the last one\n\
         curl -i -r 0-15,1048560- http://{addr}/blob                      # the first and the last\n\
         curl -i -r 1048576- http://{addr}/blob                           # behind the end: 416\n\
         curl -i -H 'If-None-Match: \"lines-65536\"' http://{addr}/blob     # 304\n\
         curl -i -H 'If-Match: \"other\"' http://{addr}/blob                # 412\n\
         curl -i -r 0-15 -H 'If-Range: \"lines-65536\"' http://{addr}/blob  # the part\n\
         curl -s -r 0-15 -H 'If-Range: \"other\"' http://{addr}/blob | wc -c   # the whole\n\
         curl -i -X DELETE http://{addr}/blob                             # 405\n"
    )
}

async fn blob(State(blob): State<Blob>, request: Request) -> Response<Content> {
    respond(&Asked::of(&request), &blob.facts, blob.bytes, SystemTime::now())
}

/// 1 MiB of numbered lines, 16 bytes each.
fn generated() -> Blob {
    let lines = (0..65_536).flat_map(|line| format!("{line:015}\n").into_bytes());
    let bytes: Bytes = lines.collect();
    let facts = Facts::new(bytes.len() as u64)
        .last_modified(SystemTime::now())
        .content_type(HeaderValue::from_static("text/plain"))
        .field(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A strong tag: the same lines, the same tag.
    let facts = match EntityTag::strong("lines-65536") {
        Some(tag) => facts.tag(tag),
        None => facts,
    };
    Blob { facts, bytes }
}
