//! What stands in a line.

use std::net::{IpAddr, SocketAddr};

/// What a line says of the request.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) version: &'static str,
    pub(super) host: Option<&'a [u8]>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) client: Option<IpAddr>,
}

/// What a line says beside what the client sent.
pub(super) struct Facts<'a> {
    pub(super) client: Option<IpAddr>,
    /// What the form made of a [`Request`], and of the request's fields.
    pub(super) request: &'a [u8],
    pub(super) agents: &'a [u8],
    pub(super) status: Option<u16>,
    pub(super) sent: u64,
    pub(super) micros: u64,
    pub(super) outcome: &'static str,
}
