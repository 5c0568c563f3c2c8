//! Sixty-four clients that download without a pause, and what a race of theirs came to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use letterhead::{FileSender, LetterheadLayer};
use tower::Layer as _;

use crate::apart::figures;
use crate::client::{H2, Raw};
use crate::serve::{Server, serve, soon};

const CLIENTS: usize = 64;

/// What a race is about has to happen by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asked by a client before each download.
type GoesOn = dyn Fn() -> bool + Send + Sync;

/// How long each race goes on at least; `LETTERHEAD_RACE_SECONDS` says otherwise.
fn duration() -> Duration {
    let seconds = std::env::var("LETTERHEAD_RACE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(2, |seconds| seconds.parse().unwrap()))
}

/// Content that says in every sixteen bytes which version it is of.
pub(crate) fn version(number: u64, size: usize) -> Vec<u8> {
    format!("{number:015}\n").repeat(size / 16).into_bytes()
}

/// The version that a body is of; `None` for a mixture.
pub(crate) fn version_of(body: &[u8]) -> Option<u64> {
    let is_one = body.len().is_multiple_of(16) && body[16..] == body[..body.len() - 16];
    let first = std::str::from_utf8(&body[..15]).ok()?;
    first.parse().ok().filter(|_| is_one)
}

/// One answer, read to its end.
pub(crate) struct Download {
    pub(crate) status: u16,
    tag: Option<String>,
    promised: usize,
    pub(crate) body: Vec<u8>,
}

impl Download {
    fn is_whole(&self) -> bool {
        self.body.len() == self.promised
    }
}

async fn h1(raw: &mut Raw, path: &str) -> Download {
    raw.get(path, "").await;
    let head = raw.head().await;
    let field = |name| head.split("\r\n").find_map(|line| line.strip_prefix(name));
    let promised = field("content-length: ").unwrap().parse().unwrap();
    let body = raw.up_to(promised).await;
    let tag = field("etag: ").map(str::to_owned);
    Download { status: head[9..12].parse().unwrap(), tag, promised, body }
}

async fn h2(client: &H2, path: &str) -> Download {
    let request = Request::get(format!("http://test{path}")).body(()).unwrap();
    let (response, mut sending) = client.send(request).await;
    sending.send_data(Bytes::new(), true).unwrap();
    let (head, mut content) = soon(response).await.unwrap().into_parts();
    let field = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let promised = field("content-length").unwrap().parse().unwrap();
    let mut body = Vec::new();
    let is_clean = loop {
        match soon(content.data()).await {
            Some(Ok(bytes)) => {
                content.flow_control().release_capacity(bytes.len()).unwrap();
                body.extend_from_slice(&bytes);
            }
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    assert_eq!(is_clean, body.len() == promised, "{} of {promised}", body.len());
    Download { status: head.status.as_u16(), tag: field("etag"), promised, body }
}

/// What the clients of a race got.
#[derive(Default)]
pub(crate) struct Got {
    /// How often each status came.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Bodies that came to their end, with a strong tag and without.
    pub(crate) whole: [u64; 2],
    /// Bodies that were broken off.
    pub(crate) cut: u64,
    /// Whole bodies of more than one version, with a strong tag and without.
    pub(crate) mixed: [u64; 2],
    /// Whole bodies with a strong tag that stood for another version before.
    pub(crate) misnamed: u64,
    /// Whole bodies that were older than what the same client had had before.
    pub(crate) stale: u64,
    /// What the writer did.
    pub(crate) writes: u64,
    versions: BTreeMap<(usize, String), u64>,
}

impl Got {
    /// Counts a download of the file of this number; `last` is the version that its client had before.
    fn take(&mut self, file: usize, download: &Download, judge: Judge, last: &mut u64) {
        *self.statuses.entry(download.status).or_default() += 1;
        if !download.is_whole() {
            self.cut += 1;
            return;
        }
        if download.status != 200 {
            return;
        }
        // Without a tag it promises no more than with a weak one.
        let tag = download.tag.as_deref().unwrap_or("W/");
        let is_weak = tag.starts_with("W/");
        self.whole[usize::from(is_weak)] += 1;
        if download.body.is_empty() {
            return;
        }
        let Some(version) = judge(&download.body) else {
            self.mixed[usize::from(is_weak)] += 1;
            return;
        };
        // Versions are numbered as they are written.
        self.stale += u64::from(version < *last);
        *last = version;
        if !is_weak {
            let first = self.versions.entry((file, tag.to_owned())).or_insert(version);
            self.misnamed += u64::from(*first != version);
        }
    }

    /// Prints what was counted, and fails if a body with a strong tag was not of the one version that
    /// this tag stands for, if an old version came back, or if there was no race.
    pub(crate) fn hold(&self, name: &str) {
        let mut text = format!("{name}: {} writes, answers", self.writes);
        for (status, count) in &self.statuses {
            write!(text, " {status}: {count}").unwrap();
        }
        let ([settled, unsettled], [mixed, unsettled_mixed]) = (self.whole, self.mixed);
        write!(
            text,
            "; whole: {settled} settled ({mixed} mixed), {unsettled} unsettled \
             ({unsettled_mixed} mixed); broken off: {}",
            self.cut
        )
        .unwrap();
        figures(&format!("race, {name}"), &text);
        assert_eq!((mixed, self.misnamed, self.stale), (0, 0, 0), "{text}");
        assert!(self.is_a_race(), "{text}");
    }

    fn is_a_race(&self) -> bool {
        self.writes > 5 && self.whole.iter().sum::<u64>() > 5
    }
}

/// The version of a body; `None` if it is of none that ever was.
pub(crate) type Judge = fn(&[u8]) -> Option<u64>;

/// A race for `paths`: `change` does the n-th write, over and over on a thread of its own.
pub(crate) async fn race(
    sender: FileSender,
    paths: Vec<String>,
    change: impl FnMut(u64) + Send + 'static,
) -> Got {
    run(sender, paths, version_of, |_| true, change).await
}

/// As [`race`], which goes on until `enough` has happened: on a busy machine that takes its time.
pub(crate) async fn race_until(
    sender: FileSender,
    paths: Vec<String>,
    enough: impl Fn(&Got) -> bool + Send + Sync + 'static,
    change: impl FnMut(u64) + Send + 'static,
) -> Got {
    run(sender, paths, version_of, enough, change).await
}

/// As [`race`], with a judge of bodies.
pub(crate) async fn race_judged(
    sender: FileSender,
    paths: Vec<String>,
    judge: Judge,
    change: impl FnMut(u64) + Send + 'static,
) -> Got {
    run(sender, paths, judge, |_| true, change).await
}

async fn run(
    sender: FileSender,
    paths: Vec<String>,
    judge: Judge,
    enough: impl Fn(&Got) -> bool + Send + Sync + 'static,
    mut change: impl FnMut(u64) + Send + 'static,
) -> Got {
    let server = Arc::new(serve(LetterheadLayer::new().layer(sender)).await);
    let got = Arc::new(Mutex::new(Got::default()));
    let over = Arc::new(AtomicBool::new(false));
    let writing = {
        let (over, got) = (Arc::clone(&over), Arc::clone(&got));
        tokio::task::spawn_blocking(move || {
            for write in 1.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                change(write);
                got.lock().unwrap().writes = write;
            }
        })
    };
    let end = Instant::now() + duration();
    let goes_on: Arc<GoesOn> = {
        let got = Arc::clone(&got);
        Arc::new(move || {
            let now = Instant::now();
            let seen = || got.lock().is_ok_and(|got| got.is_a_race() && enough(&got));
            now < end || (now < end + PATIENCE && !seen())
        })
    };
    let paths = Arc::new(paths);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (server, got) = (Arc::clone(&server), Arc::clone(&got));
        let (paths, goes_on) = (Arc::clone(&paths), Arc::clone(&goes_on));
        clients.spawn(async move {
            let file = client / 2 % paths.len();
            let path = paths[file].as_str();
            let mut last = 0;
            let take = |download: &Download| {
                got.lock().unwrap().take(file, download, judge, &mut last);
            };
            let is_h2 = client % 2 == 1;
            downloads(&server, path, is_h2, &*goes_on, take).await;
        });
    }
    let mut outcome = Ok(());
    while let Some(client) = clients.join_next().await {
        outcome = outcome.and(client);
    }
    over.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    outcome.unwrap();
    std::mem::take(&mut *got.lock().unwrap())
}

async fn downloads(
    server: &Server,
    path: &str,
    is_h2: bool,
    goes_on: &GoesOn,
    mut take: impl FnMut(&Download),
) {
    if is_h2 {
        let client = H2::connect(server).await;
        while goes_on() {
            take(&h2(&client, path).await);
        }
        return;
    }
    let mut raw = Raw::connect(server).await;
    while goes_on() {
        let download = h1(&mut raw, path).await;
        take(&download);
        if !download.is_whole() {
            raw = Raw::connect(server).await;
        }
    }
}
