//! Responses that may be only so fast, clients that may be only so slow, and so many files open.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use letterhead::files::FileBody;
use letterhead::{FileSender, LetterheadLayer, Outcome};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _};

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::{collected, serve, soon};

async fn begin(sender: &FileSender, path: &str, lines: &[(&str, &str)]) -> FileBody {
    let mut request = Request::get(path);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let response = sender.clone().oneshot(request.body(()).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    response.into_body()
}

async fn frame(body: &mut FileBody) -> Option<Result<Bytes, letterhead::files::FileError>> {
    body.frame().await.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn a_throttled_response_takes_its_time() {
    let scratch = Scratch::new();
    let text: Vec<u8> = (0..30_000_u32).map(|at| (at % 251) as u8).collect();
    scratch.write("f", &text);
    let sender = scratch.sender().throttle(10_000);
    for (lines, from, to) in [(&[][..], 0, 30_000), (&[("range", "bytes=10000-")], 10_000, 30_000)]
    {
        // Read, and kept.
        for _ in 0..2 {
            let start = Instant::now();
            let mut body = begin(&sender, "/f", lines).await;
            let (mut got, mut most) = (Vec::new(), 0);
            while let Some(bytes) = frame(&mut body).await {
                let bytes = bytes.unwrap();
                got.extend_from_slice(&bytes);
                // Never more than the time allows, but for what goes at once.
                let allowed = start.elapsed().as_millis() as usize * 10 + 1_250;
                assert!(got.len() <= allowed, "{} of {allowed}", got.len());
                assert_eq!(body.size_hint().exact(), Some((to - from - got.len()) as u64));
                most = most.max(bytes.len());
            }
            assert_eq!(got, text[from..to]);
            assert_eq!(most, 1_250);
            // And no slower than that: 1250 bytes went at once.
            let expected = Duration::from_micros((to - from - 1_250) as u64 * 100);
            let late = start.elapsed().abs_diff(expected);
            assert!(late <= Duration::from_millis(30), "{late:?}");
            assert!(body.is_end_stream());
        }
    }
}

#[tokio::test]
async fn on_the_wire_a_throttled_response_is_whole_and_errors_are_not_throttled() {
    let scratch = Scratch::new();
    scratch.write("f", "x".repeat(300_000)).write("404", "y".repeat(50_000));
    let sender = scratch.sender().throttle(1_000_000);
    let server = serve(sender.error_page(http::StatusCode::NOT_FOUND, "404")).await;
    let start = Instant::now();
    let answer = h1_get(&server, "/f", "").await;
    assert_eq!((answer.field("content-length"), answer.body.len()), (Some("300000"), 300_000));
    assert!(start.elapsed() >= Duration::from_millis(170), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(h2_get(&server, "/f").await.unwrap().body.len(), 300_000);
    assert!(start.elapsed() >= Duration::from_millis(170), "{:?}", start.elapsed());
    let head = H2::connect(&server).await.request(Method::HEAD, "/f").await.unwrap();
    assert_eq!(head.field("content-length"), Some("300000"));
    let slow =
        serve(scratch.sender().throttle(1).error_page(http::StatusCode::NOT_FOUND, "404")).await;
    assert_eq!(h1_get(&slow, "/missing", "").await.body.len(), 50_000);
}

/// How often the file is open in this process.
fn open(scratch: &Scratch, name: &str) -> usize {
    let path = scratch.path(name);
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors.filter(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path)).count()
}

/// Until what was begun on other threads is done.
async fn closed(scratch: &Scratch, name: &str) {
    let close = async {
        while open(scratch, name) > 0 {
            tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
        }
    };
    soon(close).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_loses_its_file() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 4 * FileSender::CHUNK]);
    let sender = scratch.sender().least_rate(100_000, Duration::from_secs(10));
    let mut body = begin(&sender, "/f", &[]).await;
    // Nobody is late who was not given anything yet.
    tokio::time::advance(Duration::from_secs(3600)).await;
    frame(&mut body).await.unwrap().unwrap();
    // 256 KiB may last 2.6 s at this rate, and ten more.
    for _ in 0..2 {
        tokio::time::advance(Duration::from_millis(12_600)).await;
        tokio::task::yield_now().await;
        assert_eq!(open(&scratch, "f"), 1);
        frame(&mut body).await.unwrap().unwrap();
    }
    tokio::time::advance(Duration::from_millis(12_700)).await;
    closed(&scratch, "f").await;
    assert!(!body.is_end_stream());
    let error = frame(&mut body).await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "wanted a client that takes 100000 bytes a second, found a slower one"
    );
    assert!(frame(&mut body).await.is_none());
    assert_eq!(body.size_hint().exact(), Some(FileSender::CHUNK as u64));

    // One that has all that there is may take as long as it likes with it.
    let mut body = begin(&sender, "/f", &[("range", "bytes=0-99")]).await;
    frame(&mut body).await.unwrap().unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert!(frame(&mut body).await.is_none());
    // Time for which a response is throttled is not the client's.
    let both = sender.clone().throttle(8_192);
    let body = begin(&both, "/f", &[("range", "bytes=0-299999")]).await;
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 300_000);
    // A client that leaves frees it at once.
    let mut body = begin(&sender, "/f", &[]).await;
    frame(&mut body).await.unwrap().unwrap();
    assert_eq!(open(&scratch, "f"), 1);
    drop(body);
    closed(&scratch, "f").await;
}

#[tokio::test]
async fn on_the_wire_a_client_that_does_not_read_loses_its_file() {
    let scratch = Scratch::new();
    let size = 64_u64 << 20;
    let file = fs::File::create(scratch.path("f")).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(b"the end", size - 7).unwrap();
    drop(file);
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let sender = scratch.sender().least_rate(100_000_000, Duration::from_millis(100));
    let server = serve(layer.layer(sender)).await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/f", "").await;
    assert!(raw.head().await.contains("\r\ncontent-length: 67108864\r\n"));
    closed(&scratch, "f").await;
    assert!((raw.rest().await.len() as u64) < size);
    let receipt = receipts.next().await;
    let Outcome::Aborted(error) = receipt.outcome else { panic!("{}", receipt.line) };
    let cause = std::error::Error::source(&error).expect("why it was broken off").to_string();
    assert!(cause.contains("a slower one"), "{cause}");

    let h2 = H2::connect(&server).await;
    let (response, _stream) = h2.send(Request::get("http://test/f").body(()).unwrap()).await;
    let mut body = soon(response).await.unwrap().into_body();
    closed(&scratch, "f").await;
    let reset = loop {
        match soon(body.data()).await {
            Some(Ok(chunk)) => body.flow_control().release_capacity(chunk.len()).unwrap(),
            Some(Err(error)) => break error.reason(),
            None => panic!("a clean end"),
        }
    };
    assert_eq!(reset, Some(h2::Reason::INTERNAL_ERROR));
    // One that reads is served to the end.
    let patient = serve(scratch.sender().least_rate(1_000, Duration::from_secs(20))).await;
    let whole = h1_get(&patient, "/f", "").await;
    assert!(whole.body.len() as u64 == size && whole.body.ends_with("the end"));
}

#[tokio::test]
async fn no_more_files_are_open_than_may_be() {
    let scratch = Scratch::new();
    scratch.write("large", vec![b'a'; 4 * FileSender::CHUNK]).write("small", "content");
    scratch.write("kept", "kept").write("other", "other");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let sender = scratch
        .sender()
        .open_files(2)
        .on_refusal(move |refused| kept.lock().unwrap().push(refused.to_string()));
    let server = serve(sender.clone()).await;
    // What was read to its end is closed, however long its body is there.
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(begin(&sender, "/small", &[]).await);
    }
    while sender.counts().kept == 0 {
        assert_eq!(h1_get(&server, "/kept", "").await.status(), 200);
    }
    let one = begin(&sender, "/large", &[]).await;
    let two = begin(&sender, "/large", &[]).await;
    for path in ["/large", "/other"] {
        let answer = h1_get(&server, path, "").await;
        assert_eq!((answer.status(), answer.field("retry-after")), (503, Some("1")));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(h2_get(&server, path).await.unwrap().status.as_u16(), 503);
    }
    assert_eq!(h1_get(&server, "/kept", "").await.body, "kept");
    let line = "large: wanted a file beneath the root, found as many files open as may be: \
                503, retry after 1 s: it may be had in a moment";
    assert_eq!(told.lock().unwrap().first().map(String::as_str), Some(line));
    drop(one);
    assert_eq!(h1_get(&server, "/large", "").await.body.len(), 4 * FileSender::CHUNK);
    assert_eq!(two.collect().await.unwrap().to_bytes().len(), 4 * FileSender::CHUNK);
    assert_eq!(h2_get(&server, "/large").await.unwrap().status.as_u16(), 200);
}
