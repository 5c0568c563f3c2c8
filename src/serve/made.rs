//! axum's services that are made for each connection, and know its client.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::{Connected, IntoMakeServiceWithConnectInfo};
use tower_service::Service;

use super::Peer;
use super::connections::Connections;
use super::http_service::HttpService;

/// One service for each connection.
#[derive(Debug)]
pub enum ForEach {}

impl Connected<Peer> for SocketAddr {
    fn connect_info(peer: Peer) -> Self {
        peer.addr
    }
}

impl Connected<Self> for Peer {
    fn connect_info(peer: Self) -> Self {
        peer
    }
}

impl<S, C, T> Connections<ForEach> for IntoMakeServiceWithConnectInfo<S, C>
where
    Self: Service<Peer, Response = T, Error = Infallible> + Clone + Send + 'static,
    T: HttpService,
{
    type Service = T;

    fn service(&mut self, peer: Peer) -> T {
        let mut made = pin!(self.call(peer));
        let mut cx = Context::from_waker(Waker::noop());
        // axum's future is ready at its first poll. One that is not ends this connection alone.
        match made.as_mut().poll(&mut cx) {
            Poll::Ready(Ok(service)) => service,
            Poll::Pending => {
                panic!("wanted a service for a connection at once, found a future that waits")
            }
        }
    }
}
