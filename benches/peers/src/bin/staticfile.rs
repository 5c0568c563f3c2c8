//! hyper-staticfile behind a hyper accept loop.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_staticfile::{AcceptEncoding, Static};
use hyper_util::rt::TokioIo;
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;

fn main() -> std::io::Result<()> {
    let (root, _) = arguments();
    let mut files = Static::new(root);
    files.allowed_encodings(AcceptEncoding { gzip: true, ..AcceptEncoding::none() });
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let files = files.clone();
            let service = service_fn(move |request| files.clone().serve(request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}
