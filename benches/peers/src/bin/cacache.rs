//! cacache behind `letterhead::serve`: a head in the index, a payload that is checked when it is read.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use letterhead::serve::RequestBody;
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;

/// The response of an entry, whose fields are pairs.
fn answer(entry: &cacache::Metadata, content: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(content)));
    for pair in entry.metadata.as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (pair[0].as_str(), pair[1].as_str()) {
            let name = HeaderName::try_from(name).unwrap();
            response.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
        }
    }
    response
}

fn main() -> std::io::Result<()> {
    let (directory, variant) = arguments();
    let cache = Arc::new(PathBuf::from(directory).join("cacache"));
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        let inline = variant == "inline";
        let service = tower::service_fn(move |request: Request<RequestBody>| {
            let cache = Arc::clone(&cache);
            async move {
                let key = request.uri().path().trim_start_matches('/');
                let (entry, content) = if inline {
                    // Where it blocks: the least that it can cost.
                    let entry = cacache::metadata_sync(&*cache, key).unwrap().unwrap();
                    let content = cacache::read_hash_sync(&*cache, &entry.integrity).unwrap();
                    (entry, content)
                } else {
                    let entry = cacache::metadata(&*cache, key).await.unwrap().unwrap();
                    let content = cacache::read_hash(&*cache, &entry.integrity).await.unwrap();
                    (entry, content)
                };
                Ok::<_, Infallible>(answer(&entry, content))
            }
        });
        letterhead::serve(listener, service).await
    })
    .map(drop)
}
