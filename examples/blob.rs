//! A blob from memory, served as a file would be: conditions, ranges, `HEAD`, and the rest; and queries of it.

#[path = "shared/mod.rs"]
mod shared;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::any;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
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
        .route("/lines", any(lines))
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
         curl -i -X DELETE http://{addr}/blob                             # 405\n\
         curl -i -X QUERY --json 42 http://{addr}/blob                    # 405: it takes no queries\n\
         curl -i -X QUERY -H 'Content-Type: text/plain' -d 65535 http://{addr}/lines   # one line\n\
         curl -i -X QUERY -H 'Content-Type: text/plain' -d 0000 http://{addr}/lines \\\n\
         \x20    -H 'If-None-Match: \"lines-65536-0000\"'                      # 304\n\
         curl -i -X QUERY --json 42 http://{addr}/lines                   # 415, and Accept-Query\n"
    )
}

async fn blob(State(blob): State<Blob>, request: Request) -> Response<Content> {
    respond(&Asked::of(&request), &blob.facts, blob.bytes, SystemTime::now())
}

/// The lines that end with the digits in the content of a `QUERY` (RFC 10008); all of them without one.
async fn lines(
    State(blob): State<Blob>,
    method: Method,
    fields: HeaderMap,
    query: Bytes,
) -> Response<Content> {
    let facts = blob.facts.accept_query(HeaderValue::from_static("text/plain"));
    let asked = Asked::new(&method, &fields);
    if method.as_str() != "QUERY" {
        return respond(&asked, &facts, blob.bytes, SystemTime::now());
    }
    // Whether the content is a query is known here alone. That it has no type `respond` sees itself.
    if fields.get(CONTENT_TYPE).is_some_and(|value| value != "text/plain") {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let digits =
        str::from_utf8(&query).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else { return refused(StatusCode::UNPROCESSABLE_ENTITY) };
    let all = blob.bytes.chunks(16).filter(|line| line[..15].ends_with(digits.as_bytes()));
    let found: Bytes = all.flatten().copied().collect();
    // Another query, another result, another tag.
    let facts = match EntityTag::strong(format!("lines-65536-{digits}")) {
        Some(tag) => facts.tag(tag),
        None => facts,
    };
    respond(&asked, &facts, found, SystemTime::now())
}

fn refused(status: StatusCode) -> Response<Content> {
    let mut response = Response::new(Content::default());
    *response.status_mut() = status;
    let types = HeaderValue::from_static("text/plain");
    response.headers_mut().insert("accept-query", types);
    response
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
