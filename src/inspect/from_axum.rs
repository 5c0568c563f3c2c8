//! What axum's extensions say of a request: who sent it, and for which target.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, OriginalUri};
use http::{Extensions, Uri};

use crate::report::Peer;

/// The address of the client, if axum knows it.
pub(super) fn addr(extensions: &Extensions) -> Option<SocketAddr> {
    let addr = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    addr.or_else(|| extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.addr))
}

/// The target as the client sent it, of which a nested service sees the rest.
pub(super) fn original(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|uri| &uri.0)
}
