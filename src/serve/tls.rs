//! TLS under HTTP, by rustls.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::wire::Wire;

/// The names of the protocols (RFC 7301), the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The configuration that each handshake uses.
pub(super) struct Secure(TlsAcceptor);

impl Secure {
    pub(super) fn new(mut config: Arc<ServerConfig>) -> Self {
        if config.alpn_protocols.is_empty() {
            let names = ALPN.iter().map(|name| name.to_vec()).collect();
            Arc::make_mut(&mut config).alpn_protocols = names;
        }
        Self(TlsAcceptor::from(config))
    }

    /// The stream, and whether HTTP/2 was agreed on.
    pub(super) async fn handshake(&self, wire: Wire) -> io::Result<(TlsStream<Wire>, bool)> {
        let stream = self.0.accept(wire).await?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(ALPN[0]);
        Ok((stream, h2))
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secure")
    }
}
