//! Ways to the client on which nothing can be handed to the kernel: files are read, as by any sender.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::site::{MIB, Raw, Running, Site, same, soon};

/// A configuration for each end, and a certificate made for them.
fn configs() -> (ServerConfig, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, client)
}

#[tokio::test]
async fn under_tls_files_are_read() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let (server_config, client_config) = configs();
    let files = site.files.clone().zero_copy();
    let server = Running::with(files, |serve| serve.tls(server_config)).await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client_config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut raw = Raw::over(soon(connector.connect(name, stream)).await.unwrap());
    for _ in 0..2 {
        raw.get("file", "").await;
        same(&raw.answer().await.body, &content);
        raw.get("file", "range: bytes=100001-2000000\r\n").await;
        same(&raw.answer().await.body, &content[100_001..=2_000_000]);
    }
    assert_eq!(site.spans(), 0);
    drop(raw);
    server.ended().await;
}

#[tokio::test]
async fn on_http2_files_are_read() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let server = Running::start(site.files.clone().zero_copy()).await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (send, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    let task = tokio::spawn(connection);
    for _ in 0..2 {
        let mut send = soon(send.clone().ready()).await.unwrap();
        let request = Request::get("http://test/file").body(()).unwrap();
        let response = soon(send.send_request(request, true).unwrap().0).await.unwrap();
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(chunk) = soon(body.data()).await {
            let chunk: Bytes = chunk.unwrap();
            body.flow_control().release_capacity(chunk.len()).unwrap();
            bytes.extend_from_slice(&chunk);
        }
        same(&bytes, &content);
    }
    assert_eq!(site.spans(), 0);
    drop(send);
    let _ = soon(task).await;
    server.ended().await;
}

#[tokio::test]
async fn in_a_server_of_another_files_are_read() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let site = Site::new();
    let content = site.file("file", 3 * MIB + 5);
    let request = Request::get("/file").body(()).unwrap();
    let response = site.files.clone().zero_copy().oneshot(request).await.unwrap();
    same(&response.into_body().collect().await.unwrap().to_bytes(), &content);
    assert_eq!(site.spans(), 0);
}
