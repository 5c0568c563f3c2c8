//! Responses in a directory: stored with PUT, sent with GET, their heads changed with PATCH.

#[cfg(target_os = "linux")]
mod app;
#[cfg(target_os = "linux")]
mod args;
#[cfg(target_os = "linux")]
mod condition;
#[cfg(target_os = "linux")]
mod content;
#[cfg(target_os = "linux")]
mod explain;
#[cfg(target_os = "linux")]
mod fields;
#[cfg(target_os = "linux")]
#[path = "../shared/serving.rs"]
mod shared;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    app::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("wanted a Linux to store responses on, found another system");
}
