//! A server over hyper whose connections may not take for ever.
//!
//! [`serve`] is used like `axum::serve`, with any tower service. What it adds is patience that ends:
//! for heads, idle connections and clients that do not read; a limit of connections; a shutdown with
//! a deadline; threads that share a port. `letterhead::guide::serving` has the whole story.

mod accept;
mod asked;
mod call;
mod connection;
mod connections;
mod event;
mod frames;
mod hub;
mod linger;
mod listen;
#[cfg(feature = "axum")]
mod made;
mod memory;
mod once;
mod parting;
mod patience;
mod peer;
mod request;
mod run;
mod server;
mod tasks;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "plain.rs"]
mod tls;
mod unsent;
mod watch;
mod wire;
#[cfg(all(feature = "files", target_os = "linux"))]
mod zero;
#[cfg(not(all(feature = "files", target_os = "linux")))]
#[path = "zero_elsewhere.rs"]
mod zero;

/// The errors of services and bodies, as hyper takes them.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use connections::Connections;
pub use event::Event;
pub use listen::{Listen, Workers};
pub use patience::Cut;
pub use peer::Peer;
pub use request::{BodyTimeout, RequestBody, RequestBodyError};
pub use server::{Serve, Served, Serving, serve};
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
