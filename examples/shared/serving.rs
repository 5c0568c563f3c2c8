//! A server that shuts down cleanly.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt as _};

/// How long requests in flight may take after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves until Ctrl-C, and says how it went.
pub(crate) async fn run_at<S, B>(
    addr: SocketAddr,
    service: S,
    curl_lines: fn(SocketAddr) -> String,
) -> ExitCode
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    match serve(addr, service, curl_lines).await {
        Ok(()) => ExitCode::SUCCESS,
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

async fn serve<S, B>(
    addr: SocketAddr,
    service: S,
    curl_lines: fn(SocketAddr) -> String,
) -> std::io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let mut stop = Box::pin(stop_signal()?);
    println!("listening on http://{addr}\n\n{}", curl_lines(addr));

    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new()).enable_connect_protocol();
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, or the client has gone: the next one may do better.
                    eprintln!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let service = service.clone();
        let service = service_fn(move |request| service.clone().oneshot(request));
        let connection =
            server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A response that was broken off on purpose ends its connection with an error.
            let _ = connection.await;
        });
    }
    println!("shutting down");
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        eprintln!("requests were still in flight after {} s", GRACE.as_secs());
    }
    Ok(())
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
