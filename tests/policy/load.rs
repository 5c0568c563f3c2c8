//! A policy file that is replaced again and again while many connections ask.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use letterhead::{LetterheadLayer, PolicyFile};

use crate::app::{Running, Scratch, Version, kind};
use crate::figures::figures;

const CONNECTIONS: usize = 64;
const RELOADS: u64 = 200;

/// A policy whose fields all say which version it is; between them stands what would be half of one.
fn text(version: u64) -> String {
    let filling = "  X-Filling: some text that makes the file longer than one page\n".repeat(80);
    format!("/*\n  X-First: {version}\n{filling}/*\n  X-Last: {version}\n")
}

/// Asks until it is told to stop, and says which versions it was given, in order.
async fn ask(server: &Running, version: Version, stop: &AtomicBool) -> Vec<u64> {
    let mut client = server.client(version).await;
    let mut versions = Vec::new();
    let page = kind("page", "/", 200);
    while !stop.load(Ordering::Relaxed) {
        let answer = client.ask(&page).await;
        let (first, last) = (&answer.headers()["x-first"], &answer.headers()["x-last"]);
        assert_eq!(first, last, "half of a policy");
        assert_eq!(&answer.body()[..], b"answered");
        versions.push(first.to_str().unwrap().parse().unwrap());
    }
    versions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_response_has_half_a_policy_and_none_is_dropped_while_it_is_replaced() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let (tell, told) = channel();
    let watch = file.watch(move |reload| {
        let _ = tell.send((Instant::now(), reload.map(letterhead::Reloaded::version)));
    });
    let _watch = watch.unwrap();
    let receipts = Arc::new(Mutex::new(BTreeMap::<u64, usize>::new()));
    let count = Arc::clone(&receipts);
    let layer = LetterheadLayer::new().policy(file.handle()).on_end(move |receipt| {
        *count.lock().unwrap().entry(receipt.policy_version().unwrap()).or_default() += 1;
    });
    let app = Router::new().route("/", get(|| async { "answered" }));
    let server = Arc::new(Running::start(app, layer).await);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|nth| {
            let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
            let version = if nth % 2 == 0 { Version::H1 } else { Version::H2 };
            tokio::spawn(async move { ask(&server, version, &stop).await })
        })
        .collect();

    let reloads = tokio::task::spawn_blocking(move || {
        let (mut version, mut broken, mut taken) = (1, 0, Vec::new());
        for nth in 0..RELOADS {
            let is_broken = nth % 5 == 4;
            let next = text(version + 1);
            // Another length each time: a broken version is told by its text, and once.
            let bad = format!("{next}  Not a field {nth}\n");
            let beside = path.with_extension("new");
            fs::write(&beside, if is_broken { bad } else { next }).unwrap();
            let renamed = Instant::now();
            fs::rename(&beside, &path).unwrap();
            let (at, reload) = told.recv_timeout(Duration::from_secs(30)).unwrap();
            match reload {
                Ok(found) => {
                    version += 1;
                    assert_eq!((found, is_broken), (version, false));
                    taken.push(at.duration_since(renamed));
                }
                Err(error) => {
                    broken += 1;
                    assert!(is_broken, "{error}");
                }
            }
        }
        (version, broken, taken)
    });
    let (version, broken, mut taken) = reloads.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut found = BTreeMap::<u64, usize>::new();
    for client in clients {
        let versions = client.await.unwrap();
        assert!(versions.is_sorted(), "a version came back: {versions:?}");
        for version in versions {
            *found.entry(version).or_default() += 1;
        }
    }
    Arc::into_inner(server).unwrap().ended().await;
    assert_eq!((version, broken), (RELOADS / 5 * 4 + 1, RELOADS / 5));
    assert_eq!(found, *receipts.lock().unwrap(), "answers by version, and receipts");
    taken.sort();
    let (median, last) = (taken[taken.len() / 2], taken[taken.len() - 1]);
    let answers: usize = found.values().sum();
    figures(
        "policy-reload",
        &format!(
            "{RELOADS} reloads, {broken} of them refused, under {CONNECTIONS} connections: {answers} answers of {} \
             versions; from the rename to the new version {median:?} (median), {last:?} (longest)",
            found.len()
        ),
    );
}
