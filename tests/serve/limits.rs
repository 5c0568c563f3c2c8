//! How many connections, and how large a head.

use std::time::Duration;

use letterhead::serve::Event;

use crate::client::Raw;
use crate::running::{Running, SHORT};

#[tokio::test]
async fn beyond_the_limit_clients_wait_for_a_place() {
    let mut server = Running::start(|serve| serve.max_connections(2).grace(Duration::ZERO)).await;
    let mut first = Raw::connect(server.addr).await;
    let mut second = Raw::connect(server.addr).await;
    first.get("/gate").await;
    assert!(first.head().await.starts_with("http/1.1 200 "));
    second.get("/never").await;
    let mut third = Raw::connect(server.addr).await;
    third.get("/").await;
    assert!(tokio::time::timeout(SHORT, third.head()).await.is_err());
    // Nobody was to go: both have a request under way.
    let told = server.told();
    assert!(matches!(told[..], [Event::Full { asked: 0 }]), "{told:?}");
    server.gate.notify_one();
    first.until("end").await;
    drop(first);
    assert_eq!(third.answer().await.0, 200);
    drop((second, third));
    assert_eq!(server.stopped().await.accepted, 3);
}

/// At the limit one that has no request makes room, and one that has does not.
#[tokio::test]
async fn an_idle_connection_makes_room_for_a_client() {
    let mut server = Running::start(|serve| serve.max_connections(2)).await;
    let mut busy = Raw::connect(server.addr).await;
    busy.get("/gate").await;
    assert!(busy.head().await.starts_with("http/1.1 200 "));
    let mut idle = Raw::connect(server.addr).await;
    idle.get("/").await;
    assert_eq!(idle.answer().await.0, 200);
    let mut newcomer = Raw::connect(server.addr).await;
    newcomer.get("/").await;
    assert_eq!(newcomer.answer().await, (200, b"hello".to_vec()));
    // It ends as any idle connection does.
    assert!(idle.all().await.1.is_ok());
    server.gate.notify_one();
    busy.until("end").await;
    let told = server.told();
    assert!(matches!(told[..], [Event::Full { .. }]), "{told:?}");
    drop((busy, idle, newcomer));
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (3, 0));
}

#[tokio::test]
async fn a_head_beyond_the_buffer_is_refused() {
    let server = Running::start(|serve| serve.buffer(16 * 1024)).await;
    for (length, status) in [(8 * 1024, 200), (32 * 1024, 431)] {
        let mut raw = Raw::connect(server.addr).await;
        raw.send(format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}\r\n\r\n", "a".repeat(length)))
            .await;
        assert_eq!(raw.answer().await.0, status);
    }
}
