//! Files that a program writes in place, with and without a proof that it does not just now.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use letterhead::files::Stability;
use letterhead::{Decision, FileSender, LetterheadLayer, Operation, Recovery};
use tower::Layer as _;

use crate::client::{Raw, h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::serve;

/// Long enough that one write of it takes longer than a request.
const LENGTH: usize = 16 << 20;

/// About as many for each of the two senders.
const REQUESTS: u32 = 1_000;

/// Whether two writes have two times however soon they follow (Linux 6.13).
fn has_a_fine_clock(scratch: &Scratch) -> bool {
    let look = || {
        fs::write(scratch.path("clock"), "tick").unwrap();
        let file = fs::metadata(scratch.path("clock")).unwrap();
        (file.mtime(), file.mtime_nsec())
    };
    (0..100).all(|_| look() != look())
}

#[derive(Debug, Default)]
struct Counts {
    strong: u32,
    strong_mixed: u32,
    weak: u32,
    weak_mixed: u32,
    broken: u32,
}

/// Lets the writer go when it is dropped.
struct Done(Arc<AtomicU32>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(u32::MAX, Ordering::Relaxed);
    }
}

/// What clients get of both ends of a file that is rewritten in place again and again.
async fn downloads(sender: FileSender, scratch: &Arc<Scratch>) -> Counts {
    let answered = Arc::new(AtomicU32::new(0));
    let writing = {
        let (scratch, answered) = (Arc::clone(scratch), Arc::clone(&answered));
        tokio::task::spawn_blocking(move || {
            for letter in (b'a'..=b'z').cycle() {
                let file = fs::File::options().write(true).open(scratch.path("f")).unwrap();
                file.write_all_at(&vec![letter; LENGTH], 0).unwrap();
                drop(file);
                let until = answered.load(Ordering::Relaxed).saturating_add(4);
                // Some requests come while nobody writes.
                while answered.load(Ordering::Relaxed) < until {
                    std::thread::yield_now();
                }
                if until > REQUESTS {
                    break;
                }
            }
        })
    };
    // Whatever happens here, the writer comes to its end.
    let _done = Done(Arc::clone(&answered));
    // The layer around it sees to it that a head goes out before its body is broken off.
    let server = serve(LetterheadLayer::new().layer(sender)).await;
    let lines = format!("range: bytes=0-63,{}-\r\n", LENGTH - 64);
    let mut counts = Counts::default();
    while !writing.is_finished() {
        let mut raw = Raw::connect(&server).await;
        raw.get("/f", &format!("connection: close\r\n{lines}")).await;
        let head = raw.head().await;
        if head.starts_with("HTTP/1.1 200") {
            // It has no validators, so all of it comes, whatever is asked for.
            assert!(!head.contains("\r\netag: "), "{head}");
            counts.weak += 1;
            answered.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let body = raw.rest().await;
        answered.fetch_add(1, Ordering::Relaxed);
        let parts = body.split("\r\n\r\n").skip(1);
        // The letter behind the head of each part.
        let letters: Vec<_> = parts.filter_map(|part| part.get(..1)).collect();
        let [first, last] = letters[..] else {
            counts.broken += 1;
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 206"), "{head}");
        let mixed = u32::from(first != last);
        if head.contains("\r\netag: \"") {
            counts.strong += 1;
            counts.strong_mixed += mixed;
        } else {
            counts.weak += 1;
            counts.weak_mixed += mixed;
        }
    }
    writing.await.unwrap();
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strong_tag_under_proof_is_of_one_version() {
    let scratch = Arc::new(Scratch::new());
    if !has_a_fine_clock(&scratch) {
        return crate::skip::right("a filesystem whose times tell two writes apart");
    }
    scratch.write("f", vec![b'a'; LENGTH]);
    let proved = scratch.cautious().settled(Stability::Proved);
    let with = downloads(proved, &scratch).await;
    let without = downloads(scratch.sender(), &scratch).await;
    println!("rewritten in place, proved: {with:?}");
    println!("rewritten in place, old enough at once: {without:?}");
    assert!(with.strong >= 50 && with.weak >= 50, "{with:?}");
    assert_eq!((with.strong_mixed, without.strong_mixed), (0, 0), "{with:?} {without:?}");
}

#[tokio::test]
async fn a_young_file_is_settled_if_nobody_writes_to_it() {
    let scratch = Scratch::new();
    if !has_a_fine_clock(&scratch) {
        return crate::skip::right("a filesystem whose times tell two writes apart");
    }
    scratch.write("f", "content");
    let by_age = serve(scratch.cautious()).await;
    let proved = serve(scratch.cautious().settled(Stability::Proved)).await;
    assert_eq!(h1_get(&by_age, "/f", "").await.field("etag"), None);
    let strong = h1_get(&proved, "/f", "").await;
    let tag = strong.field("etag").unwrap();
    assert!(tag.starts_with('"'), "{strong:?}");
    assert_eq!(h2_get(&proved, "/f").await.unwrap().field("etag"), Some(tag));
    // So a download can be resumed.
    let rest = h1_get(&proved, "/f", &format!("range: bytes=3-\r\nif-range: {tag}\r\n")).await;
    assert_eq!((rest.status(), rest.body.as_str()), (206, "tent"));
    // While a writer is there it cannot, and all of it comes.
    let writer = fs::File::options().append(true).open(scratch.path("f")).unwrap();
    let rest = h1_get(&proved, "/f", &format!("range: bytes=3-\r\nif-range: {tag}\r\n")).await;
    assert_eq!((rest.status(), rest.body.as_str()), (200, "content"));
    assert_eq!(rest.field("etag"), None);
    drop(writer);
    assert_eq!(h1_get(&proved, "/f", "").await.field("etag"), Some(tag));
}

#[tokio::test]
async fn an_obstacle_to_proof_is_told_once_and_leaves_the_age() {
    let sender = FileSender::new("/proc/self").unwrap().settled(Stability::Proved);
    // The files there are as old as the first look at them.
    let sender = sender.settle(std::time::Duration::from_secs(3600));
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let sender = sender.on_refusal(move |refused| {
        assert_eq!(refused.operation(), Operation::Lease);
        kept.lock().unwrap().push(refused.to_string());
    });
    let server = serve(sender.clone()).await;
    for _ in 0..2 {
        // A file of the process filesystem: it is of no length, and written by nobody knows whom.
        let answer = h1_get(&server, "/limits", "").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.field("etag"), None);
    }
    let line = "limits: wanted to know whether a writer is there, found EOPNOTSUPP (95): \
                next strategy: without a lease the age of the last change counts alone (files on /proc (proc) may \
                be written to where this kernel does not hear of it; as uid ";
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(told.len() == 1 && told[0].starts_with(line), "{told:?}");

    // The application may have it otherwise.
    let busy =
        Decision::Answer { status: http::StatusCode::SERVICE_UNAVAILABLE, retry_after: None };
    let strict = Recovery::standard().on(Operation::Lease, libc::EOPNOTSUPP, busy);
    let server = serve(sender.recovery(strict)).await;
    assert_eq!(h1_get(&server, "/limits", "").await.status(), 503);
}
