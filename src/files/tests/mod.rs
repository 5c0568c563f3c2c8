//! What is kept in memory: the same answers as from the disk, and never an older version.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;

mod coded;
mod dates;
mod histories;
mod mixed;
#[cfg(target_os = "linux")]
mod opened;
mod turned;
mod watched;

use super::path::FilePath;
use super::request::{PathRequest, Target};
use super::{FileBody, FileFuture, FileSender};
use crate::answer::Coding;

/// A directory that is gone with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("letterhead-kept-{}-{next}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Puts another file in its place at once.
    fn replace(&self, name: &str, content: &[u8]) {
        let (next, path) = (self.0.join(".next"), self.0.join(name));
        fs::write(&next, content).unwrap();
        fs::rename(next, path).unwrap();
    }

    fn sender(&self) -> FileSender {
        FileSender::new(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A request as it will be in a minute, when whatever is on the disk now has settled.
async fn later(sender: &FileSender, method: &str, path: &str, lines: &[(&str, &str)]) -> Received {
    at(sender, method, path, lines, SystemTime::now() + Duration::from_secs(60)).await
}

async fn at(
    sender: &FileSender,
    method: &str,
    path: &str,
    lines: &[(&str, &str)],
    now: SystemTime,
) -> Received {
    let Ok(response) = begun(sender, method, path, lines, now).await;
    Received::of(response).await
}

fn begun(
    sender: &FileSender,
    method: &str,
    path: &str,
    lines: &[(&str, &str)],
    now: SystemTime,
) -> FileFuture {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let read = FilePath::read(path, false);
    let path_request = PathRequest::of(&sender.settings, &request);
    let target = Target::Path(read, Some(path_request));
    sender.start_at(&request, target, now)
}

#[derive(Debug, PartialEq)]
struct Received {
    status: StatusCode,
    fields: HeaderMap,
    promised: Option<u64>,
    body: Bytes,
}

impl Received {
    async fn of(response: Response<FileBody>) -> Self {
        let (parts, body) = response.into_parts();
        let promised = body.size_hint().exact();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(promised, Some(body.len() as u64));
        let mut fields = parts.headers;
        // An error answer leaves it to the server.
        let date = fields.remove("date");
        assert!(date.is_some() || !parts.status.is_success());
        Self { status: parts.status, fields, promised, body }
    }
}

#[tokio::test]
async fn what_is_kept_is_told_as_if_it_were_read() {
    let scratch = Scratch::new();
    let long: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    scratch.write("a.txt", "ten bytes.").write("a.txt.gz", "gzip").write("empty.css", "");
    scratch.write("d/index.html", "<p>").write("long.bin", &long);
    let configured = |sender: FileSender| {
        sender
            .precompressed([Coding::Gzip, Coding::Identity])
            .cache_control("*.txt", "max-age=5".parse().unwrap())
            .fallback("d/index.html")
    };
    let kept = configured(scratch.sender());
    let read = configured(scratch.sender()).cache(0);
    let paths = ["/a.txt", "/empty.css", "/d/", "/d", "/long.bin", "/nothing", "/.hidden"];
    let tag = later(&read, "GET", "/a.txt", &[]).await.fields["etag"].to_str().unwrap().to_owned();
    let lines: &[&[(&str, &str)]] = &[
        &[],
        &[("accept", "text/html")],
        &[("accept", "text/html"), ("accept-encoding", "gzip")],
        &[("accept-encoding", "gzip")],
        &[("accept-encoding", "identity;q=0")],
        &[("range", "bytes=2-4")],
        &[("range", "bytes=0-0,-1")],
        &[("range", "bytes=99999999-")],
        &[("range", "bytes=2-4"), ("if-range", &tag)],
        &[("if-none-match", &tag)],
        &[("if-match", "\"other\"")],
        &[("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")],
        &[("if-modified-since", "Fri, 01 Jan 1999 00:00:00 GMT")],
    ];
    let now = SystemTime::now() + Duration::from_secs(60);
    // The first round reads, the second has what was kept.
    for round in 0..2 {
        for path in paths {
            for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
                for lines in lines {
                    let one = at(&kept, method, path, lines, now).await;
                    let other = at(&read, method, path, lines, now).await;
                    assert_eq!(one, other, "{round} {method} {path} {lines:?}");
                }
            }
        }
    }
    let (kept, read) = (kept.counts(), read.counts());
    assert_eq!((read.kept, read.files), (0, 0), "{read}");
    // a.txt, its sibling, the index and the long one; what is empty has nothing to be kept.
    assert_eq!(kept.files, 4, "{kept}");
    assert!(kept.kept > 100, "{kept}");
    assert!(kept.bytes > 200_000 && kept.bytes < 220_000, "{kept}");
}

#[tokio::test]
async fn only_what_is_settled_and_small_is_kept() {
    let scratch = Scratch::new();
    scratch.write("a", "a").write("big", vec![0; FileSender::CHUNK]);
    let sender = scratch.sender();
    let now = SystemTime::now();
    for _ in 0..2 {
        assert!(!at(&sender, "GET", "/a", &[], now).await.fields.contains_key("etag"));
        later(&sender, "GET", "/big", &[]).await;
    }
    assert_eq!((sender.counts().files, sender.counts().kept), (0, 0));
    // However little is asked of a file, a later write has to be seen by its time.
    let hasty = scratch.sender().settle(Duration::ZERO);
    at(&hasty, "GET", "/a", &[], now).await;
    assert_eq!(hasty.counts().files, 0);
    for kept in 0..2 {
        assert_eq!(later(&sender, "GET", "/a", &[]).await.body, "a");
        assert_eq!((sender.counts().files, sender.counts().kept), (1, kept));
    }
    // Whatever is wanted of it, the whole is kept if it is at hand.
    let revalidated = [("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")];
    for (method, lines) in
        [("GET", [("range", "bytes=0-")].as_slice()), ("HEAD", &[]), ("GET", &revalidated)]
    {
        let other = scratch.sender();
        later(&other, method, "/a", lines).await;
        if other.counts().inline == 0 {
            return crate::skip::place("a filesystem that is read inline");
        }
        assert_eq!(later(&other, "GET", "/a", &[]).await, later(&sender, "GET", "/a", &[]).await);
        assert_eq!((other.counts().files, other.counts().kept), (1, 1), "{method} {lines:?}");
    }
    // A clock that was set back before the file's time tells no later date than its own.
    let before = at(&sender, "GET", "/a", &[], SystemTime::UNIX_EPOCH).await;
    assert_eq!(before.fields["last-modified"], "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[tokio::test]
async fn each_change_of_a_name_is_seen_by_the_next_request() {
    let scratch = Scratch::new();
    scratch.write("a", "one").write("d/b", "b");
    let sender = scratch.sender().precompressed([Coding::Gzip]);
    let gzip = [("accept-encoding", "gzip")];
    for _ in 0..2 {
        assert_eq!(later(&sender, "GET", "/a", &gzip).await.body, "one");
        assert_eq!(later(&sender, "GET", "/new", &[]).await.status, 404);
    }
    assert!(sender.counts().kept >= 1);
    scratch.replace("a", b"two");
    assert_eq!(later(&sender, "GET", "/a", &gzip).await.body, "two");
    // A sibling that was not there, a name that was not there, a name that is gone.
    scratch.write("a.gz", "gz").write("new", "new");
    assert_eq!(later(&sender, "GET", "/a", &gzip).await.fields["content-encoding"], "gzip");
    assert_eq!(later(&sender, "GET", "/new", &[]).await.body, "new");
    fs::remove_file(scratch.0.join("a")).unwrap();
    assert_eq!(later(&sender, "GET", "/a", &gzip).await.status, 404);
    // A directory that takes the place of a file, and one that becomes a link.
    scratch.write("a/index.html", "index");
    assert_eq!(later(&sender, "GET", "/a", &[]).await.status, 308);
    assert_eq!(later(&sender, "GET", "/d/b", &[]).await.body, "b");
    fs::rename(scratch.0.join("d"), scratch.0.join("e")).unwrap();
    assert_eq!(later(&sender, "GET", "/d/b", &[]).await.status, 404);
    std::os::unix::fs::symlink("e", scratch.0.join("d")).unwrap();
    assert_eq!(later(&sender, "GET", "/d/b", &[]).await.body, "b");
    // The same size and the same modification time: the change time tells.
    let a = scratch.0.join("d/b");
    let time = fs::metadata(&a).unwrap().modified().unwrap();
    fs::write(&a, "c").unwrap();
    fs::File::options().write(true).open(&a).unwrap().set_modified(time).unwrap();
    assert_eq!(later(&sender, "GET", "/d/b", &[]).await.body, "c");
}

#[test]
fn no_request_sees_what_was_replaced_before_it_came() {
    const ROUNDS: u64 = 10_000;
    let scratch = Scratch::new();
    scratch.write("a", 0_u64.to_be_bytes());
    let refused = Arc::new(Mutex::new(Vec::new()));
    let sender = scratch.sender().on_refusal({
        let refused = Arc::clone(&refused);
        move |refusal| refused.lock().unwrap().push(refusal.to_string())
    });
    let (written, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let read = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut requests = 0;
        while !over.load(Ordering::Relaxed) {
            let before = written.load(Ordering::SeqCst);
            let received = runtime.block_on(later(&sender, "GET", "/a", &[]));
            let Ok(version) = received.body.as_ref().try_into() else {
                panic!("{received:?} {:?}", refused.lock().unwrap())
            };
            let version = u64::from_be_bytes(version);
            assert!(version >= before, "{version} after {before} was written");
            requests += 1;
        }
        requests
    };
    let requests: u64 = std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for version in 1..=ROUNDS {
            // In turn by rename and in place, where a reader may find it empty.
            scratch.replace("a", &version.to_be_bytes());
            written.store(version, Ordering::SeqCst);
            if version % 64 == 0 {
                std::thread::yield_now();
            }
        }
        over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    let counts = sender.counts();
    println!("{ROUNDS} versions, {requests} requests; {counts}");
    assert!(counts.kept > 0, "{counts}");
}

#[tokio::test]
async fn a_burst_of_requests_for_a_file_that_is_not_at_hand_reads_it_once() {
    let scratch = Scratch::new();
    scratch.write("a", vec![b'a'; 40_000]);
    let file = fs::File::open(scratch.0.join("a")).unwrap();
    let sender = scratch.sender();
    let cold = crate::cold::leaves_memory(&file);
    let burst: Vec<_> = (0..64).map(|_| later(&sender, "GET", "/a", &[])).collect();
    let received = futures_util::future::join_all(burst).await;
    assert!(received.iter().all(|received| received.body.len() == 40_000));
    let counts = sender.counts();
    if !cold || counts.pooled == 0 {
        return crate::skip::place(format_args!(
            "a filesystem that drops what is in its page cache: {counts}"
        ));
    }
    assert_eq!((counts.pooled, counts.files), (1, 1), "{counts}");
    assert_eq!(counts.kept + counts.inline, 63, "{counts}");
}

#[tokio::test]
async fn files_that_may_be_behind_a_network_are_not_kept() {
    let sender = FileSender::new(Path::new("/proc/self")).unwrap();
    // The kernel's own tables: nothing is known of where they are.
    for _ in 0..2 {
        let Ok(response) = sender.send(&Request::new(()), "limits").await;
        assert_eq!(response.status(), 200);
    }
    let counts = sender.counts();
    assert_eq!((counts.kept, counts.inline, counts.waited, counts.pooled), (0, 0, 0, 2));
}

#[tokio::test]
async fn what_is_mounted_below_the_root_is_not_kept() {
    let directory = tempdir_in("/dev/shm");
    let Some(name) = directory else {
        return crate::skip::place("/dev/shm");
    };
    let _gone = Scratch(Path::new("/dev").join(&name));
    fs::write(Path::new("/dev").join(&name).join("a"), "a").unwrap();
    let device = |path| rustix::fs::stat(path).unwrap().st_dev;
    if device("/dev") == device("/dev/shm") {
        return crate::skip::place("a mount of its own at /dev/shm");
    }
    let sender = FileSender::new("/dev").unwrap();
    for _ in 0..3 {
        assert_eq!(later(&sender, "GET", &format!("/{name}/a"), &[]).await.body, "a");
    }
    let counts = sender.counts();
    assert_eq!((counts.files, counts.kept, counts.inline), (0, 0, 0), "{counts}");
}

/// A directory of its own in `parent`, which is below `/dev`: its path from there.
fn tempdir_in(parent: &str) -> Option<String> {
    let path = format!("{parent}/letterhead-kept-{}", std::process::id());
    fs::create_dir(&path).ok()?;
    Some(path.trim_start_matches("/dev/").to_owned())
}

#[tokio::test]
async fn any_budget_will_do() {
    let scratch = Scratch::new();
    scratch.write("a", "a").write("long", vec![7; 3 * FileSender::CHUNK]);
    for (cache, buffers) in [(0, 0), (1, 1), (u64::MAX, usize::MAX)] {
        let sender = scratch.sender().cache(cache).buffers(buffers);
        for _ in 0..2 {
            assert_eq!(later(&sender, "GET", "/a", &[]).await.body, "a");
            let long = later(&sender, "GET", "/long", &[]).await.body;
            assert_eq!(long.len(), 3 * FileSender::CHUNK);
        }
        assert_eq!(sender.counts().kept, u64::from(cache > 1));
    }
}

#[test]
fn nobody_waits_for_a_request_that_is_not_polled() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let listing = scratch.sender().listing(9);
    let mut one = tokio::runtime::Builder::new_current_thread();
    let runtime = one.enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (hold, held) = std::sync::mpsc::channel::<()>();
        drop(tokio::task::spawn_blocking(move || held.recv()));
        // It has gone ahead; whoever began it has other things to do.
        let mut first = Box::pin(later(&listing, "GET", "/d/", &[]));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(later(&listing, "GET", "/d/", &[]));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(hold);
        let received = tokio::time::timeout(Duration::from_secs(20), second).await;
        assert_eq!(received.unwrap().status, 200);
        assert_eq!((first.await.status, listing.counts().waited), (StatusCode::OK, 1));
    });
}
