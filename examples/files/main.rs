//! The files beneath a directory; without one, a small site that comes with the example.

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod args;
#[cfg(unix)]
mod curl;
#[cfg(unix)]
mod fields;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod refusals;
#[cfg(unix)]
#[path = "../shared/serving.rs"]
mod shared;
#[cfg(unix)]
mod site;
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
