//! tower-http's `ServeDir` behind `axum::serve`.

use axum::Router;
use axum::serve::ListenerExt as _;
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

fn main() -> std::io::Result<()> {
    let (root, _) = arguments();
    let app = Router::new().fallback_service(ServeDir::new(root).precompressed_gzip());
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await
    })
}
