//! A request that has reached the layer.

use http::Method;

/// A request whose response will be reported.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    pub(crate) method: &'a Method,
    pub(crate) secure: bool,
}

impl<'a> Begun<'a> {
    /// Its method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// Whether it came through TLS, as far as [`Peer`](super::Peer) or its target says.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
}
