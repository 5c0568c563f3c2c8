//! hyper with every file in memory: the floor of what any server over hyper costs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;

type Files = HashMap<String, Bytes>;

fn load(directory: &Path, prefix: &str, files: &mut Files) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type()?.is_dir() {
            load(&entry.path(), &path, files)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

fn answer(files: &Files, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(bytes) = files.get(request.uri().path()) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Full::new(bytes.clone()));
    // As many fields as a file server sends.
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::LAST_MODIFIED, "Thu, 01 Jan 2026 00:00:00 GMT"),
        (header::ETAG, "\"400-18867251edfa0000\""),
        (header::ACCEPT_RANGES, "bytes"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn main() -> std::io::Result<()> {
    let (root, _) = arguments();
    let mut files = Files::new();
    load(Path::new(&root), "", &mut files)?;
    let files = Arc::new(files);
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let files = Arc::clone(&files);
            let service = service_fn(move |request| {
                std::future::ready(Ok::<_, Infallible>(answer(&files, &request)))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}
