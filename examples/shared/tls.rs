//! `--tls CERT,KEY`: a certificate and its key out of two files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use letterhead::serve::rustls::ServerConfig;
use letterhead::serve::rustls::crypto::ring;
use letterhead::serve::rustls::pki_types::pem::PemObject as _;
use letterhead::serve::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The files of the certificates and of the key.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    cert: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// The value of the flag.
    pub(crate) fn read(value: &str) -> Result<Self, String> {
        let pair = value.split_once(',');
        let (cert, key) = pair.ok_or(format!("--tls: wanted CERT,KEY, found `{value}`"))?;
        Ok(Self { cert: cert.into(), key: key.into() })
    }

    /// What a server takes.
    pub(crate) fn config(&self) -> Result<Arc<ServerConfig>, String> {
        let Self { cert, key } = self;
        let wrong = |path: &Path, error: &dyn std::fmt::Display| {
            format!("--tls: wanted PEM, found {}: {error}", path.display())
        };
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(cert).and_then(Iterator::collect);
        let chain = chain.map_err(|error| wrong(cert, &error))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret));
        match config {
            Ok(config) => Ok(Arc::new(config)),
            Err(error) => Err(format!(
                "--tls: wanted a certificate and its key, found {} and {}: {error}",
                cert.display(),
                key.display()
            )),
        }
    }
}
