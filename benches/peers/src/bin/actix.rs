//! actix-files on one actix worker.

use actix_files::Files;
use actix_web::{App, HttpServer};
use letterhead_peers::{anywhere, arguments, say};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let (root, _) = arguments();
    let app = move || App::new().service(Files::new("/", root.clone()));
    let server = HttpServer::new(app).workers(1).bind(anywhere())?;
    say(server.addrs()[0]);
    server.run().await
}
