//! The accept loop: no connection beyond the limit, no spinning without descriptors; where there is no place or no
//! descriptor, connections without a request make room.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Peer;
use super::connection::{Accepted, Shared};
use super::connections::Connections;
use super::event::Event;
use super::first::first_of;
use super::hub::Seat;
use crate::caught::{caught, discard};

/// The first pause after a failed accept; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(5);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);
/// A client that has no place waits so long until connections are asked again to make room.
const AGAIN: Duration = Duration::from_millis(250);

/// Accepts until it is dropped.
pub(super) async fn accept<C, M>(listener: &TcpListener, mut connections: C, shared: &Arc<Shared>)
where
    C: Connections<M>,
{
    let hub = &shared.hub;
    let mut pause = FIRST;
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                pause = FIRST;
                let place = place(shared).await;
                let seat = Seat::new(Arc::clone(hub), place);
                let known = Peer { addr: peer, secure: shared.secure.is_some() };
                match caught(|| connections.service(known)) {
                    Ok(service) => Accepted::new(shared, tcp, peer, seat).spawn(service),
                    // The panic of one connection is not that of all.
                    Err(payload) => discard(payload),
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                shared.tell(&Event::AcceptFailed { error, pause });
                hub.make_room();
                first_of(tokio::time::sleep(pause), hub.freed()).await;
                pause = LONGEST.min(pause * 2);
            }
        }
    }
}

/// A place for a connection that was accepted, when there is one.
async fn place(shared: &Shared) -> Option<OwnedSemaphorePermit> {
    let hub = &shared.hub;
    if let Some(place) = hub.place_now() {
        return Some(place);
    }
    let mut place = pin!(hub.place());
    shared.tell(&Event::Full { asked: hub.make_room() });
    loop {
        if let Ok(place) = timeout(AGAIN, place.as_mut()).await {
            return place;
        }
        hub.make_room();
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
