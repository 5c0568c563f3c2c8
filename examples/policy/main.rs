//! A `_headers` file that holds on every response: handlers, files, errors, a panic. It is read again when it changes.

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod args;
#[cfg(unix)]
mod handlers;
#[cfg(unix)]
mod place;
#[cfg(unix)]
#[path = "../shared/serving.rs"]
mod shared;
#[cfg(unix)]
#[path = "../shared/tls.rs"]
mod tls;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    app::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("wanted a unix to serve files on, found another system");
}
