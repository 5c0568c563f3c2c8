//! Five layers that quarrel, files, streams that fail or are slow; and the inspector, which shows who wrote what.

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod handlers;
#[cfg(unix)]
mod orders;
#[cfg(unix)]
#[path = "../policy/place.rs"]
#[allow(dead_code, reason = "the policy of that example is another one's")]
mod place;
#[cfg(unix)]
#[path = "../shared/mod.rs"]
mod shared;

#[cfg(unix)]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    app::run().await
}

#[cfg(not(unix))]
fn main() {
    eprintln!("wanted a unix to serve files on, found another system");
}
