//! Many writers and readers of one file: no torn head, no lost change, in threads and in processes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use letterhead::store::{Published, Store, StoreError, Strategy, When};

use crate::apart::{CHILD, figures};
use crate::scratch::Scratch;
use crate::writings::ALL;

/// How many there are of each.
const WRITERS: u64 = 8;
const READERS: u64 = 64;

/// How long each race goes on.
fn duration() -> Duration {
    let seconds = std::env::var("LETTERHEAD_RACE_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(2))
}

#[derive(Debug, Default)]
struct Figures {
    changes: AtomicU64,
    replaced: AtomicU64,
    reads: AtomicU64,
}

fn payload() -> Bytes {
    Bytes::from("payload ".repeat(1000))
}

fn count(head: &Response<()>) -> u64 {
    head.headers()["x-count"].to_str().unwrap().parse().unwrap()
}

/// The next head.
fn changed(head: &mut Response<()>) {
    let count = count(head) + 1;
    head.headers_mut().insert("x-count", count.into());
    let filler = "x".repeat(usize::try_from(200 + count % 7 * 300).unwrap());
    head.headers_mut().insert("x-filler", filler.parse().unwrap());
}

/// The same in a new file, tried until nobody comes in between.
async fn replace(store: &Store) -> Result<Published, StoreError> {
    let mut tries = 0;
    loop {
        let stored = store.head("a", None).await?;
        let mut head = stored.head();
        changed(&mut head);
        let response = head.map(|()| Full::new(payload()));
        match store.put("a", When::Generation(stored.generation()), response).await {
            Err(error) if error.is_changed() && !error.is_not_found() && tries < 200 => tries += 1,
            done => return done,
        }
    }
}

/// Counts one up, again and again: sometimes with a new file, mostly in place.
async fn write(store: Store, nth: u64, end: Instant, figures: Arc<Figures>) {
    for round in nth.. {
        if Instant::now() >= end {
            return;
        }
        let done =
            if round % 3 == 0 { replace(&store).await } else { store.modify("a", changed).await };
        match done {
            Ok(published) => {
                assert!(published.durable);
                figures.changes.fetch_add(1, Ordering::Relaxed);
                if published.strategy == Strategy::Replace {
                    figures.replaced.fetch_add(1, Ordering::Relaxed);
                }
            }
            // Others came in between, or had the lock all the time.
            Err(error) => {
                // It is there all the time.
                assert!(!error.is_not_found(), "{error}");
                assert!(error.is_busy() || error.is_changed(), "{error}");
            }
        }
    }
}

/// Whatever is read can be believed, and is never older than what was read before.
async fn read(store: Store, stop: Arc<AtomicBool>, figures: Arc<Figures>) {
    let mut latest = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let stored = store.check("a", Some(latest.0)).await.unwrap();
        let now = (stored.generation(), count(&stored.head()));
        assert!(now >= latest, "{now:?} behind {latest:?}");
        assert_eq!(now.0, now.1 + 1, "a generation for each change");
        latest = now;
        figures.reads.fetch_add(1, Ordering::Relaxed);
    }
}

fn crowd(directory: &Path, writers: u64, readers: u64) -> Arc<Figures> {
    let figures = Arc::new(Figures::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(72)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let end = Instant::now() + duration();
        let stop = Arc::new(AtomicBool::new(false));
        // Some share what they know of the file, as tasks of one server do; others know nothing.
        let shared = Store::open(directory).unwrap();
        let mut reading = tokio::task::JoinSet::new();
        for _ in 0..readers {
            reading.spawn(read(shared.clone(), Arc::clone(&stop), Arc::clone(&figures)));
        }
        let mut writing = tokio::task::JoinSet::new();
        for nth in 0..writers {
            // Each by calls of its own, in each process others.
            let by = ALL[(usize::try_from(nth).unwrap() + std::process::id() as usize) % ALL.len()];
            let own = Store::open(directory).unwrap().writing(by);
            let store = if nth % 2 == 0 { shared.clone() } else { own };
            writing.spawn(write(store, nth, end, Arc::clone(&figures)));
        }
        while let Some(done) = writing.join_next().await {
            done.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        while let Some(done) = reading.join_next().await {
            done.unwrap();
        }
    });
    figures
}

async fn prepared(directory: &Path) -> Store {
    let store = Store::open(directory).unwrap();
    let mut response = Response::new(Full::new(payload()));
    response.headers_mut().insert("x-count", 0.into());
    store.put("a", When::New, response).await.unwrap();
    store
}

fn check(scratch: &Scratch, store: &Store, changes: u64) {
    let runtime = crate::apart::runtime();
    let stored = runtime.block_on(store.check("a", None)).unwrap();
    assert_eq!(count(&stored.head()), changes, "each change that was acknowledged, once");
    assert_eq!(stored.generation(), changes + 1);
    assert_eq!(scratch.names(), ["a"], "nothing is left over");
}

/// The directories that are tried: where temporary files are, and a tmpfs.
fn places() -> Vec<(&'static str, Scratch)> {
    let shm = Path::new("/dev/shm");
    let mut places = vec![("temporary", Scratch::new())];
    if shm.is_dir() {
        places.push(("tmpfs", Scratch::on(shm)));
    }
    places
}

#[test]
fn nothing_is_torn_or_lost_among_threads() {
    let mut lines = String::new();
    for (place, scratch) in places() {
        let store = crate::apart::runtime().block_on(prepared(&scratch.path("")));
        let done = crowd(&scratch.path(""), WRITERS, READERS);
        let changes = done.changes.load(Ordering::Relaxed);
        check(&scratch, &store, changes);
        let reads = done.reads.load(Ordering::Relaxed);
        let replaced = done.replaced.load(Ordering::Relaxed);
        assert!(changes > 3 && replaced > 0 && replaced < changes && reads > 20, "{done:?}");
        let _ = writeln!(
            lines,
            "threads, {place}: {changes} changes ({replaced} by replacing), {reads} reads"
        );
    }
    figures("store-threads.txt", &lines);
}

#[test]
fn nothing_is_torn_or_lost_among_processes() {
    const NAME: &str = "concurrency::nothing_is_torn_or_lost_among_processes";
    if std::env::var(CHILD).is_ok_and(|child| child == NAME) {
        let directory = std::env::var("LETTERHEAD_TEST_DIRECTORY").unwrap();
        let done = crowd(Path::new(&directory), WRITERS / 4, READERS / 4);
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        println!("figures {} {} {}", of(&done.changes), of(&done.replaced), of(&done.reads));
        return;
    }
    let mut lines = String::new();
    for (place, scratch) in places() {
        let store = crate::apart::runtime().block_on(prepared(&scratch.path("")));
        let children: Vec<_> = (0..4)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args([NAME, "--exact", "--nocapture"])
                    .env(CHILD, NAME)
                    .env("LETTERHEAD_TEST_DIRECTORY", scratch.path(""))
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut sums = [0_u64; 3];
        for child in children {
            let output = child.wait_with_output().unwrap();
            let out = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{out}");
            let line = out.lines().find_map(|line| line.split_once("figures ")).unwrap().1;
            for (sum, figure) in sums.iter_mut().zip(line.split(' ')) {
                *sum += figure.parse::<u64>().unwrap();
            }
        }
        let [changes, replaced, reads] = sums;
        check(&scratch, &store, changes);
        assert!(changes > 3 && replaced > 0 && replaced < changes && reads > 20, "{sums:?}");
        let _ = writeln!(
            lines,
            "processes, {place}: {changes} changes ({replaced} by replacing), {reads} reads"
        );
    }
    figures("store-processes.txt", &lines);
}
