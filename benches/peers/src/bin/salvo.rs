//! salvo's `StaticDir`.

use letterhead_peers::{arguments, run, say};
use salvo::conn::{Acceptor as _, TcpListener};
use salvo::serve_static::StaticDir;
use salvo::{Listener as _, Router, Server};

fn main() {
    let (root, _) = arguments();
    let router = Router::with_path("{**path}").get(StaticDir::new([root]));
    run(async {
        let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
        let holding = &acceptor.holdings()[0];
        say(holding.local_addr.clone().into_std().unwrap());
        Server::new(acceptor).serve(router).await;
    });
}
