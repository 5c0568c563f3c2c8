//! What serves the connections: one service for all, or one that is made for each.

use super::Peer;
use super::http_service::HttpService;

/// One service for all connections: it is cloned for each.
#[derive(Debug)]
pub enum ForAll {}

/// What [`serve`](super::serve) takes: a tower service over requests with a [`RequestBody`](super::RequestBody), which is an axum `Router`
/// as well as a service of your own; and with the feature `axum` what `into_make_service_with_connect_info` makes.
///
/// `M` tells the two apart, and is never written down.
#[diagnostic::on_unimplemented(
    message = "wanted a tower service over `http::Request<letterhead::serve::RequestBody>`, found `{Self}`",
    note = "it has to be `Clone + Send + 'static`, its future `Send`, and its body one of bytes that can be sent"
)]
pub trait Connections<M>: Clone + Send + 'static {
    /// The service of one connection.
    type Service: HttpService;

    /// The service of the connection from `peer`.
    fn service(&mut self, peer: Peer) -> Self::Service;
}

impl<S: HttpService> Connections<ForAll> for S {
    type Service = S;

    fn service(&mut self, _: Peer) -> S {
        self.clone()
    }
}
