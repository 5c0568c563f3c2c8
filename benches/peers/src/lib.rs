//! What the servers of the bench share: two arguments, one line that says where they listen.

use std::net::SocketAddr;

/// The root directory, and the variant if there is a choice: `SERVER ROOT [VARIANT]`.
pub fn arguments() -> (String, String) {
    let mut args = std::env::args().skip(1);
    let root = args.next().expect("usage: SERVER ROOT [VARIANT]");
    (root, args.next().unwrap_or_default())
}

/// A free port of the loopback.
pub fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Says where the server listens; the script waits for this line.
pub fn say(addr: SocketAddr) {
    println!("listening on {addr}");
}

/// Runs a server on one thread, beside what it does on the pool for blocking work.
pub fn run<F: Future>(server: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(server)
}
