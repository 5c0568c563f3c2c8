//! A server over hyper whose connections may not take for ever.
//!
//! [`serve`] is used like `axum::serve`, with any tower service. What it adds is patience that ends:
//! for heads, idle connections and clients that do not read; a limit of connections; a shutdown with
//! a deadline; threads that share a port. `letterhead::guide::serving` has the whole story.

mod asked;
mod first;
mod hub;
mod listen;
mod memory;
mod once;
mod patience;
mod event;
mod when_ready;
#[cfg(all(feature = "files", target_os = "linux"))]
mod zero;
#[cfg(not(all(feature = "files", target_os = "linux")))]
#[path = "zero_elsewhere.rs"]
mod zero;
mod watch;
mod frames;
mod linger;
mod parting;
mod request;
mod http_service;
mod connections;
#[cfg(feature = "axum")]
mod made;
mod unsent;
mod call;
mod tasks;
mod wire;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "plain.rs"]
mod tls;
mod gather;
mod turns;
mod connection;
mod accept;
mod run;
mod server;
#[cfg(feature = "tls")]
mod secured;

/// The errors of services and bodies, as hyper takes them.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use crate::report::Peer;
pub use connections::Connections;
pub use event::Event;
pub use http_service::HttpService;
pub use listen::{Listen, Workers};
pub use patience::Cut;
pub use request::{BodyTimeout, RequestBody, RequestBodyError};
pub use run::Served;
pub use server::{Serve, Serving, serve};
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
