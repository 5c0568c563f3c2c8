//! A request that has reached the layer.

use std::fmt;

use http::header::HeaderMap;
use http::{Extensions, Method, Uri, Version};

/// A request whose response will be reported. Printed, it has nothing that may be secret.
#[derive(Clone, Copy)]
pub struct Begun<'a> {
    pub(crate) method: &'a Method,
    pub(crate) secure: bool,
    pub(crate) number: u64,
    pub(crate) version: Version,
    pub(crate) uri: &'a Uri,
    pub(crate) fields: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
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

    /// Its number, which its [receipt](crate::Receipt::number) has, too.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its protocol version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Its target, as the layer sees it.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// Its fields, secrets included.
    #[must_use]
    pub const fn fields(&self) -> &'a HeaderMap {
        self.fields
    }

    /// What the server and layers further out have put beside it.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}

impl fmt::Debug for Begun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
