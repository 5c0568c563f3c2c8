//! A server that shuts down cleanly.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use letterhead::serve::{HttpService, Serve, Served};
use tokio::net::TcpListener;

/// How long requests in flight may take after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until Ctrl-C, by a server with what `set` sets, and says how it went.
pub(crate) async fn run_at<S: HttpService>(
    addr: SocketAddr,
    service: S,
    greeting: impl FnOnce(SocketAddr) -> String,
    set: impl FnOnce(Serve<S>) -> Serve<S>,
) -> ExitCode {
    match serve(addr, service, greeting, set).await {
        Ok(served) => {
            if served.cut > 0 {
                eprintln!("{} connections were cut after {} s", served.cut, GRACE.as_secs());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot listen on {addr}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The value of `--listen`.
pub(crate) fn address(value: &str) -> Result<SocketAddr, String> {
    let wanted = "wanted an address like 127.0.0.1:3000";
    value.parse().map_err(|_| format!("--listen: {wanted}, found `{value}`"))
}

async fn serve<S: HttpService>(
    addr: SocketAddr,
    service: S,
    greeting: impl FnOnce(SocketAddr) -> String,
    set: impl FnOnce(Serve<S>) -> Serve<S>,
) -> std::io::Result<Served> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let stop = stop_signal()?;
    println!("{}", greeting(addr));
    set(letterhead::serve(listener, service))
        .grace(GRACE)
        .shutdown_on(async {
            stop.await;
            println!("shutting down");
        })
        .await
}

/// Ready on Ctrl-C, and on SIGTERM where there is one.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
