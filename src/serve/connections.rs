//! What serves the connections: one service for all, or one that is made for each.

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::BoxError;
use super::Peer;
use super::request::RequestBody;

/// One service for all connections: it is cloned for each.
#[derive(Debug)]
pub enum ForAll {}

/// What [`serve`](super::serve) takes: a tower service over requests with a [`RequestBody`], which is an axum `Router`
/// as well as a service of your own; and with the feature `axum` what `into_make_service_with_connect_info` makes.
///
/// `M` tells the two apart, and is never written down.
#[diagnostic::on_unimplemented(
    message = "wanted a tower service over `http::Request<letterhead::serve::RequestBody>`, found `{Self}`",
    note = "it has to be `Clone + Send + 'static`, its future `Send`, and its body one of bytes that can be sent"
)]
pub trait Connections<M>: Clone + Send + 'static {
    /// The service of one connection.
    type Service: Service<
            Request<RequestBody>,
            Response = Response<Self::Body>,
            Error: Into<BoxError>,
            Future: Send,
        > + Clone
        + Send
        + 'static;
    /// Its bodies.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// The service of the connection from `peer`.
    fn service(&mut self, peer: Peer) -> Self::Service;
}

impl<S, B> Connections<ForAll> for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Service = S;
    type Body = B;

    fn service(&mut self, _: Peer) -> S {
        self.clone()
    }
}
