//! A client for one plain request at a time: enough for an exporter, and no crate more.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// Speaks HTTP/1.0, so that the answer ends with the connection.
#[derive(Debug)]
pub(crate) struct Plain;

#[async_trait::async_trait]
impl HttpClient for Plain {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri();
        let host = uri.authority().ok_or("wanted a URL with a host")?.as_str();
        let mut head = format!("POST {} HTTP/1.0\r\nhost: {host}\r\n", uri.path());
        for (name, value) in request.headers() {
            head += &format!("{name}: {}\r\n", value.to_str()?);
        }
        head += &format!("content-length: {}\r\n\r\n", request.body().len());
        let mut stream = TcpStream::connect(host)?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(request.body())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let status = answer.get(9..12).ok_or("wanted a status line")?;
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}
