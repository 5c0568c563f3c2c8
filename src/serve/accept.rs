//! The accept loop: no connection beyond the limit, no spinning without descriptors.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpListener;
use tower_service::Service;

use super::BoxError;
use super::connection::{Accepted, Shared};
use super::event::Event;
use super::hub::Seat;
use super::request::RequestBody;

/// The first pause after a failed accept; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(5);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);

/// Accepts until it is dropped.
pub(super) async fn accept<S, B>(listener: &TcpListener, service: S, shared: &Arc<Shared>)
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let hub = &shared.hub;
    let mut pause = FIRST;
    loop {
        let place = hub.place().await;
        match listener.accept().await {
            Ok((tcp, peer)) => {
                pause = FIRST;
                let seat = Seat::new(Arc::clone(hub), place);
                Accepted::new(shared, tcp, peer, seat).spawn(service.clone());
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                shared.tell(&Event::AcceptFailed { error, pause });
                first_of(tokio::time::sleep(pause), hub.freed()).await;
                pause = LONGEST.min(pause * 2);
            }
        }
    }
}

/// Whether the error is that of a client that left while it waited to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Ready when one of the two is; true if it was the first.
pub(super) async fn first_of(one: impl Future, other: impl Future) -> bool {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|cx| {
        if one.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        other.as_mut().poll(cx).map(|_| false)
    })
    .await
}
