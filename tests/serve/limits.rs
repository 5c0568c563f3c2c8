//! How many connections, and how large a head.

use crate::client::Raw;
use crate::running::{Running, SHORT};

#[tokio::test]
async fn beyond_the_limit_clients_wait_for_a_place() {
    let server = Running::start(|serve| serve.max_connections(2)).await;
    let mut first = Raw::connect(server.addr).await;
    let mut second = Raw::connect(server.addr).await;
    for raw in [&mut first, &mut second] {
        raw.get("/").await;
        assert_eq!(raw.answer().await.0, 200);
    }
    let mut third = Raw::connect(server.addr).await;
    third.get("/").await;
    assert!(tokio::time::timeout(SHORT, third.head()).await.is_err());
    drop(first);
    assert_eq!(third.answer().await.0, 200);
    second.get("/").await;
    assert_eq!(second.answer().await.0, 200);
    drop((second, third));
    assert_eq!(server.stopped().await.accepted, 3);
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
