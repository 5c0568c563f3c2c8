//! A tree that is served only as its signed list has it: a good file, a flipped byte, an added file, a list of another key.

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod place;
#[cfg(unix)]
#[path = "../shared/serving.rs"]
mod shared;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    app::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("wanted a unix to serve files on, found another system");
}
