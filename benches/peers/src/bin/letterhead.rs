//! `letterhead::FileSender` behind `letterhead::serve`, in its variants; by TLS if a certificate and its key are named.

use std::sync::Arc;
use std::time::Duration;

use letterhead::answer::Coding;
use letterhead::files::Freshness;
use letterhead::serve::rustls::ServerConfig;
use letterhead::serve::rustls::crypto::ring;
use letterhead::serve::rustls::pki_types::pem::PemObject as _;
use letterhead::serve::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use letterhead::{FileSender, LetterheadLayer};
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;
use tower::Layer as _;

type Set = fn(FileSender) -> FileSender;

/// A new variant is a line here, and one in `systems.py`.
const VARIANTS: &[(&str, Set)] = &[
    // Small files in memory, each proved by one look (the default).
    ("stat", |sender| sender),
    // Nothing kept: opened, looked at and read for each request.
    ("inline", |sender| sender.cache(0)),
    // As the first, and the kernel tells of changes, so that a look is good for a second.
    ("watched", |sender| sender.freshness(Freshness::Watched { max_age: Duration::from_secs(1) })),
    // From 64 KiB on the kernel sends what is in its page cache.
    ("zero", |sender| sender),
];

/// TLS as `SERVER ROOT VARIANT CERT KEY` asks for it.
fn tls() -> Option<Arc<ServerConfig>> {
    let mut files = std::env::args().skip(3);
    let (cert, key) = (files.next()?, files.next()?);
    let chain = CertificateDer::pem_file_iter(cert).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Some(Arc::new(config))
}

fn main() -> std::io::Result<()> {
    let (root, wanted) = arguments();
    let (name, layered) = match wanted.strip_suffix("+layer") {
        Some(name) => (name, true),
        None => (wanted.as_str(), false),
    };
    let names: Vec<_> = VARIANTS.iter().map(|(name, _)| *name).collect();
    let (_, set) = VARIANTS
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("wanted one of {names:?}, found `{wanted}`"));
    let sender = set(FileSender::new(root)?.precompressed([Coding::Gzip]));
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        if let Some(config) = tls() {
            letterhead::serve(listener, sender).tls(config).await
        } else if name == "zero" {
            letterhead::serve(listener, sender.zero_copy()).await
        } else if layered {
            letterhead::serve(listener, LetterheadLayer::new().layer(sender)).await
        } else {
            letterhead::serve(listener, sender).await
        }
    })
    .map(drop)
}
