//! One and the same axum application behind `letterhead::serve` and `axum::serve`, for idle connections.

use axum::serve::ListenerExt as _;
use axum::{Router, routing::get};
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;

fn main() -> std::io::Result<()> {
    let (_, server) = arguments();
    let app = Router::new().route("/", get(|| async { "hello" })).with_state(());
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        match server.as_str() {
            "letterhead" => {
                // Nothing is closed for being idle while it is weighed.
                let server =
                    letterhead::serve(listener, app).idle_timeout(std::time::Duration::MAX);
                server.await.map(drop)
            }
            "axum" => {
                let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
                axum::serve(listener, app).await
            }
            other => panic!("wanted letterhead or axum, found `{other}`"),
        }
    })
}
