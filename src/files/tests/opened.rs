//! What is kept open for the kernel to send: the same answers, never an older version, and few descriptors.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, SystemTime};

use bytes::Buf as _;
use http::Request;
use http_body::Body as _;
use tower_service::Service as _;

use super::{Received, Scratch, begun};
use crate::answer::Coding;
use crate::files::cache::Cache;
use crate::files::close;
use crate::files::{FileSender, ZeroCopy};
use crate::sys::span;

const LONG: usize = 300_000;

/// As where the kernel may send what is not read.
async fn offered(
    sender: &FileSender,
    method: &str,
    path: &str,
    lines: &[(&str, &str)],
    now: SystemTime,
) -> Received {
    let Ok(response) = span::offering(|| begun(sender, method, path, lines, now)).await;
    Received::of(response).await
}

/// How many descriptors of this process are of files below this directory.
fn open(root: &Path) -> usize {
    let root = root.canonicalize().unwrap();
    let links = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets.filter(|target| target.starts_with(&root) && *target != root).count()
}

fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn content(seed: u8) -> Vec<u8> {
    (0..=250).cycle().take(LONG).map(|at: u8| at ^ seed).collect()
}

impl Scratch {
    fn spanning(&self) -> FileSender {
        self.sender().zero_copy().0
    }
}

/// A runtime with one thread that may block.
fn with_one_thread<F: Future>(work: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(1).build().unwrap().block_on(async {
        // What would wait for the one thread, which waits for this, waits no longer than that.
        tokio::time::timeout(Duration::from_secs(60), work).await.unwrap()
    })
}

#[tokio::test]
async fn what_is_kept_open_is_told_as_if_it_were_opened() {
    let scratch = Scratch::new();
    scratch.write("a", content(0)).write("b", content(1)).write("b.gz", content(2));
    let configured = |sender: FileSender| sender.precompressed([Coding::Gzip]);
    let kept = configured(scratch.spanning());
    let read = configured(scratch.spanning()).cache(0);
    let now = soon();
    for round in 0..3 {
        for path in ["/a", "/b"] {
            for lines in [&[][..], &[("accept-encoding", "gzip")][..]] {
                let found = offered(&kept, "GET", path, lines, now).await;
                assert_eq!(
                    found,
                    offered(&read, "GET", path, lines, now).await,
                    "{path} {lines:?}"
                );
                assert_eq!(found.body.len(), LONG);
            }
            // Not all of it, or not there: that is opened.
            let lines = [("range", "bytes=1000-200000")];
            let found = offered(&kept, "GET", path, &lines, now).await;
            assert_eq!(found, offered(&read, "GET", path, &lines, now).await);
            let found = offered(&kept, "HEAD", path, &[], now).await;
            assert_eq!(found, offered(&read, "HEAD", path, &[], now).await);
            let found = super::at(&kept, "GET", path, &[], now).await;
            assert_eq!(found, super::at(&read, "GET", path, &[], now).await);
        }
        // `a` with and without a wish, `b` with and without its sibling. That `a` has none was found out by the first.
        assert_eq!(kept.counts().kept, 4 * round + 1);
        assert_eq!((kept.counts().files, open(&scratch.0)), (3, 3));
    }
    drop(kept);
    assert_eq!(open(&scratch.0), 0);
}

#[tokio::test]
async fn no_request_gets_a_version_that_was_there_before() {
    let scratch = Scratch::new();
    scratch.write("a", content(0));
    let (sender, now) = (scratch.spanning(), soon());
    for _ in 0..2 {
        assert!(offered(&sender, "GET", "/a", &[], now).await.body == content(0));
    }
    assert_eq!(sender.counts().kept, 1);
    scratch.replace("a", &content(1));
    assert!(offered(&sender, "GET", "/a", &[], now).await.body == content(1));
    assert_eq!((sender.counts().kept, open(&scratch.0)), (1, 1), "the old one is closed");
    // Who may open it has changed: it is opened again.
    fs::set_permissions(scratch.0.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(offered(&sender, "GET", "/a", &[], now).await.body == content(1));
    assert_eq!(sender.counts().kept, 1);
    // Of the same length, in place.
    let file = fs::File::options().write(true).open(scratch.0.join("a")).unwrap();
    file.write_all_at(&content(2), 0).unwrap();
    drop(file);
    assert!(offered(&sender, "GET", "/a", &[], soon()).await.body == content(2));
    fs::remove_file(scratch.0.join("a")).unwrap();
    assert_eq!(offered(&sender, "GET", "/a", &[], now).await.status, 404);
    assert_eq!(open(&scratch.0), 0);
}

/// A thread that may block, and is kept from what it is given to do until this lets it go on.
struct Busy(std::sync::mpsc::Sender<()>, tokio::task::JoinHandle<()>);

impl Busy {
    fn new() -> Self {
        let (go, wait) = std::sync::mpsc::channel();
        Self(go, tokio::task::spawn_blocking(move || wait.recv().unwrap()))
    }

    async fn go_on(self) {
        self.0.send(()).unwrap();
        self.1.await.unwrap();
        // What was handed over meanwhile is done before this.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
}

/// To close the last descriptor of a file without a name gives back its room on the disk, in one go.
#[test]
fn a_file_that_lost_its_name_is_closed_where_that_may_block() {
    let scratch = Scratch::new();
    let long = usize::try_from(close::LONG).unwrap();
    scratch.write("a", vec![b'a'; long]).write("b", vec![b'b'; long]);
    let (sender, now) = (scratch.spanning(), soon());
    with_one_thread(async {
        for path in ["/a", "/b"] {
            assert_eq!(offered(&sender, "GET", path, &[], now).await.body.len(), long);
        }
        assert_eq!(open(&scratch.0), 2);
        fs::remove_file(scratch.0.join("a")).unwrap();
        let busy = Busy::new();
        let cache = sender.settings.shared.cache.as_ref().unwrap();
        let later = now + Duration::from_secs(10);
        for name in [b"a", b"b"] {
            let kept = cache.fresh(sender.settings.root(), name, Coding::Identity, later, true);
            assert!(kept.is_none());
        }
        // Only `b` was closed here.
        assert_eq!((sender.counts().files, open(&scratch.0)), (0, 1));
        busy.go_on().await;
        assert_eq!(open(&scratch.0), 0);
    });
}

/// However it is sent, and wherever that ends.
#[test]
fn nobody_who_is_sent_a_long_file_closes_it_on_the_runtimes_thread() {
    let long = usize::try_from(close::LONG).unwrap();
    for (is_span, is_whole) in [(false, false), (false, true), (true, false), (true, true)] {
        let scratch = Scratch::new();
        scratch.write("a", vec![b'a'; long]);
        let sender = scratch.spanning().cache(0);
        with_one_thread(async {
            let mut zero = ZeroCopy(sender);
            let request = Request::get("/a").body(()).unwrap();
            let response = span::offering(|| zero.call(request)).await.unwrap();
            fs::remove_file(scratch.0.join("a")).unwrap();
            let busy = Busy::new();
            let mut body = response.into_body();
            let mut next = async || {
                let poll = |cx: &mut Context<'_>| {
                    let mut poll = || Pin::new(&mut body).poll_frame(cx);
                    if is_span { span::offering(poll) } else { poll() }
                };
                Some(std::future::poll_fn(poll).await?.unwrap().into_data().unwrap().remaining())
            };
            let mut had = 0;
            while had < if is_whole { long } else { 1 << 20 } {
                had += next().await.unwrap();
            }
            drop(body);
            assert_eq!(open(&scratch.0), 1, "{is_span} {is_whole}");
            busy.go_on().await;
            assert_eq!(open(&scratch.0), 0, "{is_span} {is_whole}");
        });
    }
}

#[tokio::test]
async fn a_file_is_opened_anew_after_a_while_or_when_the_clock_was_set_back() {
    let scratch = Scratch::new();
    scratch.write("a", content(0));
    let (sender, now) = (scratch.spanning(), soon());
    let mut kept = Vec::new();
    for seconds in [0, 0, 9, 10, 19, 20, 5] {
        let now = now + Duration::from_secs(seconds);
        assert_eq!(offered(&sender, "GET", "/a", &[], now).await.body.len(), LONG);
        kept.push(sender.counts().kept);
    }
    assert_eq!(kept, [0, 1, 2, 2, 3, 3, 3]);
}

#[tokio::test]
async fn there_are_few_of_them() {
    let scratch = Scratch::new();
    let names: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
    for name in &names {
        scratch.write(name, content(0));
    }
    let now = soon();
    let open_by = async |sender: &FileSender| {
        for name in &names {
            offered(sender, "GET", &format!("/{name}"), &[], now).await;
        }
        open(&scratch.0)
    };
    let sender = scratch.spanning();
    assert!((16..=64).contains(&open_by(&sender).await), "{}", sender.counts());
    drop(sender);
    // However much room and however few descriptors there are, on machines of two cores and of many.
    for shards in [1, 8, 1024] {
        for budget in [FileSender::CACHE, 1 << 30, 1 << 50] {
            let mut sender = scratch.spanning();
            let cache = Cache::with(budget, None, 40, shards);
            let shared = Arc::get_mut(&mut Arc::get_mut(&mut sender.settings).unwrap().shared);
            shared.unwrap().cache = Some(cache);
            let found = open_by(&sender).await;
            assert!((16..=40).contains(&found), "{found}: {budget} {shards}");
        }
    }
    // A budget too small for one, and a sender that counts who is sent a file.
    assert_eq!(open_by(&scratch.spanning().cache(8 * 1024 * 1024)).await, 0);
    assert_eq!(open_by(&scratch.spanning().open_files(4)).await, 0);
}
