//! Services that are made for each connection, as `axum::serve` takes them.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use letterhead::serve::Peer;
use tokio::net::{TcpListener, TcpStream};

use crate::client::{H2, Raw, whole};
use crate::running::soon;

#[tokio::test]
async fn a_handler_knows_its_client_by_connect_info() {
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(addr): ConnectInfo<SocketAddr>| async move { addr.to_string() }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(letterhead::serve(listener, service).into_future());
    for _ in 0..2 {
        let mut raw = Raw::connect(addr).await;
        let local = raw.stream.local_addr().unwrap().to_string();
        for _ in 0..2 {
            raw.get("/").await;
            assert_eq!(raw.answer().await, (200, local.clone().into_bytes()));
        }
    }
    let stream = soon(TcpStream::connect(addr)).await.unwrap();
    let local = stream.local_addr().unwrap().to_string();
    let h2 = H2::over(stream).await;
    assert_eq!(whole(h2.get("/").await.unwrap()).await.unwrap(), local.into_bytes());
    task.abort();
}

#[tokio::test]
async fn connect_info_may_be_the_peer() {
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<Peer>| async move { peer.secure.to_string() }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<Peer>();
    let task = tokio::spawn(letterhead::serve(listener, service).into_future());
    let mut raw = Raw::connect(addr).await;
    raw.get("/").await;
    assert_eq!(raw.answer().await, (200, b"false".to_vec()));
    task.abort();
}
