//! A server without descriptors waits, and goes on; alone in its process, whose limit it lowers.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use letterhead::serve::Event;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

#[tokio::test]
async fn without_descriptors_accepting_pauses_and_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&failures);
    let app = Router::new().route("/", get(|| async { "hello" }));
    let server = letterhead::serve(listener, app).on_event(move |event| {
        if let Event::AcceptFailed { error, pause } = event {
            told.lock().unwrap().push((error.raw_os_error(), *pause));
        }
    });
    let server = tokio::spawn(server.into_future());

    // The client has its socket before the descriptors go.
    let client = TcpSocket::new_v4().unwrap();
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(hoard.len() > 10, "only {} descriptors were left", hoard.len());
    let mut client = client.connect(addr).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();

    let begun = Instant::now();
    while failures.lock().unwrap().len() < 7 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{failures:?}");
    }
    let spent = begun.elapsed();
    // 5, 10, 20, ... ms: seven of them began within 5 + ... + 160 ms at the earliest.
    assert!(spent >= Duration::from_millis(300), "{spent:?}");
    for (at, (errno, pause)) in failures.lock().unwrap().iter().take(7).enumerate() {
        assert_eq!(*errno, Some(libc::EMFILE));
        assert_eq!(*pause, Duration::from_millis(5 << at));
    }

    hoard.clear();
    let mut answer = String::new();
    let reading = client.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    server.abort();
}
