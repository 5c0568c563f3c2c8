//! Serves N requests of one case in process, for callgrind to say which functions of the crate they enter.
//!
//! `paths CASE N` serves; `paths.py` runs it twice for each case and prints a table.
#![expect(clippy::unwrap_used, reason = "in a bench, a panic is the report")]

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use letterhead::{FileSender, Head, LetterheadLayer, Placed};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

/// A handler that writes one field through the head.
async fn write(request: Request<Empty<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let head = request.extensions().get::<Head>().unwrap();
    let placed = head.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    assert_eq!(placed, Placed::Head);
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

/// Requests `/file` so many times, each to the end of its body.
async fn serve<S, B>(service: S, times: usize)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    for _ in 0..times {
        let request = Request::builder().uri("/file").body(Empty::new()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(response.status().is_success());
        response.into_body().collect().await.unwrap();
    }
}

/// A directory with one file of this length, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn with_file(length: usize) -> Self {
        let path = std::env::temp_dir().join(format!("letterhead-paths-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("file"), vec![b'x'; length]).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test` and `cargo bench` run it without a case.
    let (Some(case), Some(times)) = (args.get(1), args.get(2).and_then(|n| n.parse().ok())) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match case.as_str() {
        "write" => {
            let service = LetterheadLayer::new().layer(service_fn(write));
            runtime.block_on(serve(service, times));
        }
        "kept-file" | "long-file" => {
            let is_long = case == "long-file";
            let directory = Directory::with_file(if is_long { 1 << 20 } else { 1 << 10 });
            let files = FileSender::new(&directory.0).unwrap().settle(Duration::ZERO);
            let files = if is_long { files.cache(0) } else { files };
            runtime.block_on(serve(files, times));
        }
        other => panic!("wanted write, kept-file or long-file, found `{other}`"),
    }
}
