//! The files beneath a directory; without one, a small site that comes with the example.

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod args;
#[cfg(unix)]
#[path = "../shared/serving.rs"]
mod shared;
#[cfg(unix)]
mod site;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    app::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("wanted a unix to serve files on, found another system");
}
