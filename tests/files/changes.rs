//! Files that change while they are sent: two versions never mix, and a broken body never ends.

use std::error::Error as _;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use letterhead::files::{FileBody, OnChange};
use letterhead::{FileSender, LetterheadLayer, Outcome};
use tower::{Layer as _, ServiceExt as _};

use crate::client::{H2, Raw, h1_get};
use crate::scratch::{Scratch, set_modified};
use crate::serve::{collected, serve, soon};

const SIZE: usize = 3 * FileSender::CHUNK;

/// A sender of one file of three chunks.
fn three_chunks() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; SIZE]);
    scratch
}

async fn begun(scratch: &Scratch) -> FileBody {
    begun_by(scratch.sender()).await
}

async fn begun_by(sender: FileSender) -> FileBody {
    let request = Request::get("/f").body(()).unwrap();
    let response = sender.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = chunk(&mut body).await.unwrap().unwrap();
    assert_eq!(first.len(), FileSender::CHUNK);
    body
}

async fn chunk(body: &mut FileBody) -> Option<Result<Bytes, letterhead::files::FileError>> {
    body.frame().await.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

/// Does this behind the first chunk; then the rest comes, or nothing but this error.
async fn check(change: impl FnOnce(&Path), expected: Result<(), &str>) {
    let scratch = three_chunks();
    let mut body = begun(&scratch).await;
    change(&scratch.path("f"));
    assert_eq!(body.size_hint().exact(), Some(2 * FileSender::CHUNK as u64));
    match expected {
        Ok(()) => {
            let rest = body.collect().await.unwrap().to_bytes();
            assert!(rest.len() == SIZE - FileSender::CHUNK && rest.iter().all(|b| *b == b'a'));
        }
        Err(message) => {
            let error = chunk(&mut body).await.unwrap().unwrap_err();
            let wanted = "wanted the rest of the version that was opened, found ";
            assert_eq!(error.to_string(), format!("{wanted}{message}"));
            assert!(error.source().is_none());
            // It is not over: what was promised has not come.
            assert!(!body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some(2 * FileSender::CHUNK as u64));
        }
    }
}

fn writer(path: &Path) -> File {
    File::options().write(true).open(path).unwrap()
}

#[tokio::test]
async fn a_write_breaks_the_body_off() {
    let written = Err("a file that was written to");
    check(|f| writer(f).write_all_at(b"b", 0).unwrap(), written).await;
    check(|f| writer(f).set_len(5).unwrap(), written).await;
    check(|f| writer(f).set_len(SIZE as u64 - 1).unwrap(), written).await;
    check(|f| set_modified(f, SystemTime::now()), written).await;
    check(|f| writer(f).write_all_at(b"b", SIZE as u64).unwrap(), Err("a longer file")).await;
    // A write whose time was set back: the change time tells.
    let set_back = |f: &Path| {
        writer(f).write_all_at(b"b", SIZE as u64 - 1).unwrap();
        set_modified(f, crate::scratch::settled());
    };
    check(set_back, Err("a change that nothing explains")).await;
}

#[tokio::test]
async fn what_leaves_the_bytes_alone_breaks_nothing() {
    check(|_| {}, Ok(())).await;
    check(|f| fs::remove_file(f).unwrap(), Ok(())).await;
    check(|f| fs::set_permissions(f, fs::Permissions::from_mode(0o600)).unwrap(), Ok(())).await;
    check(|f| fs::hard_link(f, f.with_extension("link")).unwrap(), Ok(())).await;
    // Another file takes over the name; the opened one is sent to its end.
    let replaced = |f: &Path| {
        let next = f.with_extension("next");
        fs::write(&next, "another version").unwrap();
        fs::rename(next, f).unwrap();
    };
    check(replaced, Ok(())).await;
}

#[tokio::test]
async fn a_log_may_grow_and_nothing_else() {
    let growing = |scratch: &Scratch| scratch.sender().on_change("/f", OnChange::AllowGrowth);
    let append = |scratch: &Scratch, size: usize| {
        writer(&scratch.path("f")).write_all_at(b"more", size as u64).unwrap();
    };
    // It is sent as long as it was.
    let scratch = three_chunks();
    let mut body = begun_by(growing(&scratch)).await;
    append(&scratch, SIZE);
    assert_eq!(chunk(&mut body).await.unwrap().unwrap().len(), FileSender::CHUNK);
    append(&scratch, SIZE + 4);
    assert_eq!(chunk(&mut body).await.unwrap().unwrap().len(), FileSender::CHUNK);
    assert!(chunk(&mut body).await.is_none());

    // What it has grown to counts from then on.
    let scratch = three_chunks();
    let mut body = begun_by(growing(&scratch)).await;
    append(&scratch, SIZE);
    chunk(&mut body).await.unwrap().unwrap();
    writer(&scratch.path("f")).set_len(SIZE as u64).unwrap();
    let error = chunk(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("found a file that was written to"), "{error}");

    // Other files may not.
    let scratch = three_chunks();
    let sender = scratch.sender().on_change("*.log", OnChange::AllowGrowth);
    let mut body = begun_by(sender).await;
    append(&scratch, SIZE);
    assert!(chunk(&mut body).await.unwrap().is_err());
}

#[tokio::test]
async fn on_the_wire_a_broken_file_never_ends_cleanly() {
    // More than sockets and windows take, so that the change comes in the middle.
    let scratch = Scratch::new();
    let size = 64_u64 << 20;
    File::create(scratch.path("f")).unwrap().set_len(size).unwrap();
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve(layer.layer(scratch.sender())).await;

    let mut raw = Raw::connect(&server).await;
    raw.get("/f", "").await;
    let head = raw.head().await;
    assert!(head.contains("\r\ncontent-length: 67108864\r\n"), "{head}");
    writer(&scratch.path("f")).set_len(size - 1).unwrap();
    let rest = raw.rest().await.len() as u64;
    assert!(rest < size, "{rest}");
    let receipt = receipts.next().await;
    assert!(matches!(receipt.outcome, Outcome::Aborted(_)), "{}", receipt.line);

    let h2 = H2::connect(&server).await;
    let request = Request::get("http://test/f").body(()).unwrap();
    let (response, _stream) = h2.send(request).await;
    let mut body = soon(response).await.unwrap().into_body();
    writer(&scratch.path("f")).set_len(size - 2).unwrap();
    let mut got = 0;
    let reset = loop {
        match soon(body.data()).await {
            Some(Ok(chunk)) => {
                body.flow_control().release_capacity(chunk.len()).unwrap();
                got += chunk.len() as u64;
            }
            Some(Err(error)) => break error.reason(),
            None => panic!("a clean end after {got} bytes"),
        }
    };
    assert_eq!(reset, Some(h2::Reason::INTERNAL_ERROR));
    assert!(got < size - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_all_the_time_is_always_one_version() {
    let scratch = std::sync::Arc::new(Scratch::new());
    let version = |letter: u8| vec![letter; FileSender::CHUNK + usize::from(letter)];
    scratch.write("f", version(b'a'));
    let server = serve(scratch.sender()).await;
    let writing = {
        let scratch = std::sync::Arc::clone(&scratch);
        tokio::task::spawn_blocking(move || {
            for round in 0..600 {
                let letter = b'a' + u8::try_from(round % 26).unwrap();
                fs::write(scratch.path("next"), version(letter)).unwrap();
                fs::rename(scratch.path("next"), scratch.path("f")).unwrap();
            }
        })
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut rounds = 0;
    while !writing.is_finished() || rounds < 100 {
        let answer = h1_get(&server, "/f", "").await;
        assert_eq!(answer.status(), 200, "{}", answer.head);
        let letter = answer.body.as_bytes()[0];
        assert_eq!(answer.body.len(), FileSender::CHUNK + usize::from(letter));
        assert!(answer.body.bytes().all(|byte| byte == letter));
        let length = answer.body.len().to_string();
        assert_eq!(answer.field("content-length"), Some(length.as_str()));
        seen.insert(letter);
        rounds += 1;
    }
    writing.await.unwrap();
    assert!(seen.len() > 1, "the writer never came in between");
}
