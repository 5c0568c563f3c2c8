//! From the first accept to the last connection's end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::accept::accept;
use super::connection::Shared;
use super::connections::Connections;
use super::first::first_of;
use super::hub::{Hand, Hub, Phase};
use super::listen::{Listen, Source};

/// What a server has done when it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were cut at the deadline, with a request under way.
    pub cut: u64,
    /// Upgraded connections (websockets) that were still open. The server does not wait for them:
    /// they are their handlers'.
    pub upgraded: usize,
}

/// Runs the server.
pub(super) async fn run<C, M>(
    listen: Listen,
    connections: C,
    shared: Arc<Shared>,
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    grace: Duration,
) -> io::Result<Served>
where
    C: Connections<M>,
    M: 'static,
{
    let hub = &shared.hub;
    // Whatever ends this future, the connections and the threads hear of it.
    let _over = OverOnDrop(Arc::clone(hub));
    let stop = async {
        match stop {
            Some(stop) => stop.await,
            None => std::future::pending().await,
        }
    };
    match listen.0 {
        Source::One(listener) => {
            first_of(accept(&listener, connections, &shared), stop).await;
        }
        Source::Several(listeners) => {
            for listener in listeners {
                let worker = Worker { runtime: Some(runtime()?), shared: Arc::clone(&shared) };
                worker.start(listener, connections.clone())?;
            }
            stop.await;
        }
    }
    hub.go_on(Phase::Draining);
    first_of(hub.until(|hub| hub.driven() == 0), tokio::time::sleep(grace)).await;
    hub.go_on(Phase::Over);
    hub.until(|hub| hub.driven() == 0).await;
    let upgraded = hub.sockets();
    hub.until(|hub| hub.threads() == 0).await;
    Ok(Served { accepted: hub.accepted(), cut: hub.was_cut(), upgraded })
}

struct OverOnDrop(Arc<Hub>);

impl Drop for OverOnDrop {
    fn drop(&mut self) {
        self.0.go_on(Phase::Over);
    }
}

/// A thread that accepts and serves by itself.
struct Worker {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
}

impl Worker {
    fn start<C, M>(self, listener: std::net::TcpListener, connections: C) -> io::Result<()>
    where
        C: Connections<M>,
        M: 'static,
    {
        let hand = Hand::new(Arc::clone(&self.shared.hub));
        let work = move || {
            let _hand = hand;
            let worker = self;
            let Some(runtime) = &worker.runtime else { return };
            runtime.block_on(async {
                let hub = &worker.shared.hub;
                match TcpListener::from_std(listener) {
                    Ok(listener) => {
                        let ending = hub.until(|hub| hub.phase() != Phase::Open);
                        first_of(accept(&listener, connections, &worker.shared), ending).await;
                    }
                    Err(error) => worker
                        .shared
                        .tell(&super::Event::AcceptFailed { error, pause: Duration::MAX }),
                }
                hub.until(|hub| hub.phase() == Phase::Over && hub.driven() == 0).await;
            });
        };
        thread::Builder::new().name("letterhead-serve".to_owned()).spawn(work).map(drop)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Blocking work of handlers is not waited for, and a runtime may not be dropped in another.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
