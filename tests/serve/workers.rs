//! Threads that share a port.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use letterhead::serve::{Cut, Workers};

use crate::client::Raw;
use crate::running::{Running, SHORT, soon};

#[tokio::test]
async fn each_thread_serves_on_its_own() {
    let workers = Workers::bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
    let addr = workers.local_addr();
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&threads);
    let app = Router::new().route(
        "/",
        get(move || async move {
            let thread = std::thread::current();
            assert_eq!(thread.name(), Some("letterhead-serve"));
            seen.lock().unwrap().insert(thread.id());
            "hello"
        }),
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = letterhead::serve(workers, app).shutdown_on(async move {
        let _ = stopped.await;
    });
    let task = tokio::spawn(server.into_future());
    let mut clients = 0;
    // The kernel picks by the client's port; with 200 clients each thread has had one.
    while threads.lock().unwrap().len() < 3 {
        let mut raw = Raw::connect(addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await.0, 200);
        clients += 1;
        assert!(clients < 200, "{} threads", threads.lock().unwrap().len());
    }
    stop.send(()).unwrap();
    let served = soon(task).await.unwrap().unwrap();
    assert_eq!((served.accepted, served.cut), (clients, 0));
    // The threads are gone, and their listeners with them.
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn their_shutdown_finishes_cuts_and_counts() {
    let workers = Workers::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let addr = workers.local_addr();
    let mut server = Running::on(workers, addr, |serve| serve.grace(SHORT));
    let mut stuck = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::connect(addr).await;
        raw.get("/gate").await;
        raw.until("begin").await;
        stuck.push(raw);
    }
    server.gate.notify_one();
    server.stop();
    for _ in 0..3 {
        assert_eq!(server.cut().await, Cut::Deadline);
    }
    let mut whole = 0;
    for mut raw in stuck {
        whole += usize::from(raw.rest().await.ends_with("0\r\n\r\n"));
    }
    assert_eq!(whole, 1);
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (4, 3));
}

#[tokio::test]
async fn dropped_they_stop() {
    let workers = Workers::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let addr = workers.local_addr();
    let server = Running::on(workers, addr, |serve| serve);
    let mut raw = Raw::connect(addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    server.task.abort();
    assert!(!raw.rest().await.ends_with("0\r\n\r\n"));
    while tokio::net::TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = Workers::bind(taken.local_addr().unwrap(), 2).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
