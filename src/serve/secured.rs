//! A server that speaks TLS.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

use super::Serve;
use super::tls::Secure;

impl<S, M> Serve<S, M> {
    /// Speaks TLS, and nothing else, on every connection.
    ///
    /// The certificate, the versions and the cryptography are the configuration's. If it names no
    /// protocols for ALPN (RFC 7301), `h2` and `http/1.1` are offered.
    pub fn tls(mut self, config: impl Into<Arc<ServerConfig>>) -> Self {
        self.secure = Some(Secure::new(config.into()));
        self
    }
}
