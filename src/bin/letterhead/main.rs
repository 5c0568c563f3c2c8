//! The command `letterhead`: checks, explains and serves a directory with `_headers` and `_redirects`, and lists and signs its files.

#[cfg(unix)]
mod arguments;
#[cfg(unix)]
mod check;
#[cfg(unix)]
mod explain;
#[cfg(unix)]
mod manifest;
#[cfg(unix)]
mod manifest_arguments;
#[cfg(unix)]
mod printer;
#[cfg(unix)]
mod rules;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod show;
#[cfg(unix)]
mod site;
#[cfg(unix)]
#[path = "../../../examples/shared/tls.rs"]
mod tls;
#[cfg(unix)]
mod trust_arguments;

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    use arguments::Task;

    match arguments::read() {
        Task::Check(task) => check::run(&task),
        Task::Explain(task) => explain::run(&task),
        Task::Manifest(task) => manifest::run(&task),
        Task::Serve(task) => serve::run(*task),
    }
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("wanted a unix to serve files on, found another system");
    ExitCode::FAILURE
}
