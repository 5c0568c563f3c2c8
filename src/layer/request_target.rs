//! Where a request is for and how it came, kept until the commit for header policies and deny rules.

use http::header::{HOST, HeaderValue};
use http::uri::Scheme;
use http::{Request, Uri};

use super::route::uri;
use crate::head::{OverTls, Peer};

/// What is kept of a request.
#[derive(Debug)]
pub(crate) struct RequestTarget {
    pub(super) uri: Uri,
    host: Option<HeaderValue>,
    pub(super) is_secure: bool,
}

impl RequestTarget {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let uri = uri(request).clone();
        let of_peer = match request.extensions().get::<Peer>() {
            Some(peer) => peer.secure,
            None => OverTls::is_marked(request.extensions()),
        };
        // On HTTP/1 the host is a field.
        let host = match uri.authority() {
            Some(_) => None,
            None => request.headers().get(HOST).cloned(),
        };
        let is_secure = of_peer || uri.scheme() == Some(&Scheme::HTTPS);
        Self { uri, host, is_secure }
    }

    /// The host that the client asked, with or without a port.
    pub(super) fn authority(&self) -> Option<&str> {
        match self.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => self.host.as_ref()?.to_str().ok(),
        }
    }
}
