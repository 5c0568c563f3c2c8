//! Layers between the files and the server: whatever they do with the data, the bytes are the file's.

use std::collections::VecDeque;
use std::io::Write as _;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use letterhead::files::{FileData, FileError, ZeroCopy, ZeroCopyBody};
use letterhead::serve::RequestBody;
use letterhead::{Hold, LetterheadLayer};
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::site::{KIB, MIB, Raw, Running, Site, fetch, same};

/// The whole of a file, and then a range of it, through a layer.
async fn check(server: Running, path: &str, content: &[u8]) {
    for _ in 0..2 {
        let (head, body) = fetch(server.addr, path, None).await.unwrap();
        assert_eq!(head.status, 200);
        same(&body, content);
    }
    let (head, body) =
        fetch(server.addr, path, Some(("range", "bytes=70001-990000"))).await.unwrap();
    assert_eq!(head.status, 206);
    same(&body, &content[70_001..=990_000]);
    server.ended().await;
}

/// A body that something is done to, frame by frame.
struct Changed<F> {
    inner: ZeroCopyBody,
    change: F,
    /// Frames that are still to go.
    frames: VecDeque<Frame<FileData>>,
}

impl<F: FnMut(FileData) -> Vec<FileData> + Unpin> Body for Changed<F> {
    type Data = FileData;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<FileData>, FileError>>> {
        let this = &mut *self;
        loop {
            if let Some(frame) = this.frames.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        this.frames.extend((this.change)(data).into_iter().map(Frame::data));
                    }
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
    }
}

/// A server whose bodies go through a `change` of their own, frame by frame, in chunked coding.
async fn changed<F, M>(files: ZeroCopy, make: M) -> Running
where
    F: FnMut(FileData) -> Vec<FileData> + Send + Unpin + 'static,
    M: Fn() -> F + Clone + Send + 'static,
{
    Running::start(service_fn(move |request: Request<RequestBody>| {
        let (files, change) = (files.clone(), make());
        async move {
            let mut response = files.oneshot(request).await?;
            response.headers_mut().remove("content-length");
            let wrap = |inner| Changed { inner, change, frames: VecDeque::new() };
            Ok::<_, BoxError>(response.map(wrap))
        }
    }))
    .await
}

fn copy(mut data: FileData) -> FileData {
    data.copy_to_bytes(data.remaining()).into()
}

#[tokio::test]
async fn one_that_passes_everything_on_leaves_it_to_the_kernel() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let server = changed(site.files.clone().zero_copy(), || |data| vec![data]).await;
    check(server, "file", &content).await;
    assert_eq!(site.spans(), 7);
}

#[tokio::test]
async fn one_that_copies_copies_what_the_file_has() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let server = changed(site.files.clone().zero_copy(), || |data| vec![copy(data)]).await;
    check(server, "file", &content).await;
    assert_eq!(site.spans(), 7);
}

#[tokio::test]
async fn one_that_looks_and_passes_on_sees_what_the_client_gets() {
    let site = Site::new();
    let content = site.file("file", MIB + 5);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let look = move || {
        let told = Arc::clone(&told);
        move |data: FileData| {
            told.lock().unwrap().push(data.chunk().to_vec());
            vec![data]
        }
    };
    let server = changed(site.files.clone().zero_copy(), look).await;
    let (_, body) = fetch(server.addr, "file", None).await.unwrap();
    same(&body, &content);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    // The first frame was read, and a chunk is no more than the beginning of a frame.
    assert_eq!(seen.len(), 2);
    same(&seen[0], &content[..seen[0].len()]);
    let rest = &content[seen[0].len()..];
    same(&seen[1], &rest[..seen[1].len()]);
    assert_eq!(site.spans(), 1);
    server.ended().await;
}

#[tokio::test]
async fn one_that_cuts_data_in_pieces_gets_the_pieces() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    for size in [1, 1000, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 300_000] {
        // Of each frame a piece is copied, and what is left goes on as it is.
        let cut = move |mut data: FileData| {
            let piece = data.copy_to_bytes(size.min(data.remaining()));
            vec![piece.into(), data]
        };
        let server = changed(site.files.clone().zero_copy(), move || cut).await;
        check(server, "file", &content).await;
    }
}

#[tokio::test]
async fn one_that_mixes_copies_and_spans_keeps_the_order() {
    let site = Site::new();
    let content = site.file("file", 7 * MIB + 5);
    let alternate = || {
        let mut turn = 0;
        move |data| {
            turn += 1;
            vec![Bytes::new().into(), if turn % 2 == 0 { copy(data) } else { data }]
        }
    };
    check(changed(site.files.clone().zero_copy(), alternate).await, "file", &content).await;
}

#[tokio::test]
async fn one_that_holds_frames_back_hands_them_on_later() {
    let site = Site::new();
    let content = site.file("file", 5 * MIB + 5);
    let length = content.len();
    // Each frame goes when the next one has come, and the last one with the one before it.
    let late = move || {
        let (mut held, mut left) = (None, length);
        move |data: FileData| {
            left -= data.remaining();
            let mut go: Vec<FileData> = held.replace(data).into_iter().collect();
            if left == 0 {
                go.extend(held.take());
            }
            go
        }
    };
    let server = changed(site.files.clone().zero_copy(), late).await;
    let (_, body) = fetch(server.addr, "file", None).await.unwrap();
    same(&body, &content);
    server.ended().await;
}

#[tokio::test]
async fn one_that_collects_the_whole_body_has_the_whole_file() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let files = site.files.clone().zero_copy();
    let server = Running::start(service_fn(move |request: Request<RequestBody>| {
        let files = files.clone();
        async move {
            let (head, body) = files.oneshot(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::from_parts(head, Full::new(body)))
        }
    }))
    .await;
    check(server, "file", &content).await;
}

#[tokio::test]
async fn one_that_compresses_compresses_the_file() {
    let site = Site::new();
    let content: Vec<u8> = (0..250_000).flat_map(|line: u32| line.to_le_bytes()).collect();
    std::fs::write(site.path("data.txt"), &content).unwrap();
    let app = CompressionLayer::new().gzip(true).layer(site.files.clone().zero_copy());
    // As it is, the server sees a body of bytes, and nothing is handed out unread; here it is.
    let as_data = |frame: Frame<Bytes>| frame.map_data(FileData::from);
    let app = service_fn(move |request: Request<RequestBody>| {
        let app = app.clone();
        async move {
            let response = app.oneshot(request).await?;
            Ok::<_, BoxError>(response.map(|body| body.map_frame(as_data)))
        }
    });
    let server = Running::start(app).await;
    let field = Some(("accept-encoding", "gzip"));
    let (head, body) = fetch(server.addr, "data.txt", field).await.unwrap();
    assert_eq!(head.headers["content-encoding"], "gzip");
    let mut gunzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = gunzip.stdin.take().unwrap();
    let feed = thread::spawn(move || stdin.write_all(&body).unwrap());
    let out = gunzip.wait_with_output().unwrap();
    feed.join().unwrap();
    same(&out.stdout, &content);
    // It was handed out unread, and read by the layer.
    assert!(site.spans() > 0);
    // Without the layer's doing it passes.
    check(server, "data.txt", &content).await;
}

#[tokio::test]
async fn letterhead_holds_and_replays_spans() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    for hold in [Hold::none(), Hold::first_frame(), Hold::up_to(64 << 20)] {
        let header = http::HeaderValue::from_static("here");
        let app = SetResponseHeaderLayer::overriding(http::header::SERVER, header)
            .layer(site.files.clone().zero_copy());
        let app = LetterheadLayer::new().hold(hold).layer(app);
        let before = site.spans();
        check(Running::start(app).await, "file", &content).await;
        assert!(site.spans() > before);
    }
}

/// A body of another's data, with trailers.
struct Trailed(ZeroCopyBody, Option<HeaderMap>);

impl Body for Trailed {
    type Data = FileData;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<FileData>, FileError>>> {
        match std::task::ready!(Pin::new(&mut self.0).poll_frame(cx)) {
            None => Poll::Ready(self.1.take().map(|trailers| Ok(Frame::trailers(trailers)))),
            frame => Poll::Ready(frame),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[tokio::test]
async fn chunked_coding_stands_around_each_span() {
    let site = Site::new();
    let content = site.file("file", 2 * MIB + 5);
    let files = site.files.clone().zero_copy();
    let server = Running::start(service_fn(move |request: Request<RequestBody>| {
        let files = files.clone();
        async move {
            let mut response = files.oneshot(request).await?;
            response.headers_mut().remove("content-length");
            response.headers_mut().insert("trailer", "x-end".parse()?);
            let trailers = HeaderMap::from_iter([("x-end".parse()?, "here".parse()?)]);
            Ok::<_, BoxError>(response.map(|body| Trailed(body, Some(trailers))))
        }
    }))
    .await;
    let mut raw = Raw::connect(server.addr).await;
    for _ in 0..3 {
        raw.get("file", "te: trailers\r\n").await;
        let head = raw.head().await;
        assert!(head.head.contains("transfer-encoding: chunked"), "{head:?}");
        let (body, trailers) = raw.chunks().await;
        same(&body, &content);
        assert_eq!(trailers, "x-end: here\r\n\r\n");
    }
    assert_eq!(site.spans(), 6);
    server.ended().await;
}

#[tokio::test]
async fn a_router_stands_behind_the_files() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let large = Bytes::from(crate::site::noise(2 * MIB));
    let answer = large.clone();
    let router: axum::Router = axum::Router::new()
        .route("/hello", axum::routing::get(|| async { "hello" }))
        .route("/large", axum::routing::post(move || async move { answer }));
    let server = Running::start(site.files.clone().zero_copy().or(router)).await;
    let (_, body) = fetch(server.addr, "hello", None).await.unwrap();
    assert_eq!(body, "hello");
    let (head, _) = fetch(server.addr, "missing", None).await.unwrap();
    assert_eq!(head.status, 404);
    let mut raw = Raw::connect(server.addr).await;
    for _ in 0..2 {
        raw.get("file", "").await;
        same(&raw.answer().await.body, &content);
        raw.send("POST /large HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").await;
        same(&raw.answer().await.body, &large);
    }
    check(server, "file", &content).await;
}
