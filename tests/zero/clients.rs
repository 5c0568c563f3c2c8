//! Clients that take their time, or leave.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;

use crate::site::{MIB, Raw, Running, Site, same, soon};

/// How many descriptors of this process are of that file.
fn open(path: &Path) -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|to| to == path)
        .count()
}

/// Waits until a file is closed.
async fn closed(path: &Path) {
    let begun = Instant::now();
    while open(path) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it stays open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_takes_little_at_a_time_gets_it_all() {
    let site = Site::new();
    let content = site.file("file", 9 * MIB + 321);
    let server = Running::start(site.files.clone().zero_copy()).await;
    let mut raw = Raw::small(server.addr).await;
    raw.get("file", "").await;
    let length = raw.head().await.length;
    let mut body = raw.taken();
    let mut piece = [0; 3000];
    while body.len() < length {
        let read = soon(raw.stream.read(&mut piece)).await.unwrap();
        assert!(read > 0, "closed after {} bytes", body.len());
        body.extend_from_slice(&piece[..read]);
    }
    same(&body, &content);
    assert!(site.spans() > 0);
    // The connection is as good as new.
    raw.get("file", "range: bytes=5-999999\r\n").await;
    same(&raw.answer().await.body, &content[5..=999_999]);
    server.ended().await;
}

#[tokio::test]
async fn many_at_once_get_each_their_own() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let contents: Vec<_> =
        (0..8).map(|at| site.file(&at.to_string(), (at + 1) * 150_001)).collect();
    let contents = std::sync::Arc::new(contents);
    let clients = (0..8).map(|at| {
        let (addr, contents) = (server.addr, std::sync::Arc::clone(&contents));
        tokio::spawn(async move {
            let mut raw =
                if at % 2 == 0 { Raw::connect(addr).await } else { Raw::small(addr).await };
            for turn in 0..5 {
                let which = (at + turn) % 8;
                raw.get(&which.to_string(), "").await;
                same(&raw.answer().await.body, &contents[which]);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    server.ended().await;
}

#[tokio::test]
async fn a_file_is_closed_when_it_was_sent() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB);
    let path = site.path("file").canonicalize().unwrap();
    let server = Running::start(site.files.clone().cache(0).zero_copy()).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "").await;
    same(&raw.answer().await.body, &content);
    // The connection is kept.
    closed(&path).await;
    drop(raw);
    server.ended().await;
}

#[tokio::test]
async fn a_file_is_closed_when_its_client_leaves() {
    let site = Site::new();
    site.file("file", 10 * MIB);
    let path = site.path("file").canonicalize().unwrap();
    let mut server = Running::start(site.files.clone().cache(0).zero_copy()).await;
    let mut raw = Raw::small(server.addr).await;
    raw.get("file", "").await;
    assert!(raw.more().await);
    assert_eq!(open(&path), 1);
    drop(raw);
    closed(&path).await;
    let event = server.event().await;
    assert!(!event.contains("wanted"), "{event}");
    // Others are served.
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "range: bytes=0-99999\r\n").await;
    assert_eq!(raw.answer().await.body.len(), 100_000);
    drop(raw);
    server.ended().await;
}

#[tokio::test]
async fn one_that_takes_nothing_is_cut() {
    let site = Site::new();
    site.file("file", 10 * MIB);
    let path = site.path("file").canonicalize().unwrap();
    let files = site.files.clone().cache(0).zero_copy();
    let short = Duration::from_millis(300);
    let mut server = Running::with(files, |serve| serve.write_timeout(short)).await;
    let mut raw = Raw::small(server.addr).await;
    raw.get("file", "").await;
    let event = server.event().await;
    assert!(event.contains("took too little"), "{event}");
    closed(&path).await;
    server.ended().await;
}
