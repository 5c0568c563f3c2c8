//! What the examples share: their arguments, and a server that shuts down cleanly.

mod serving;

use std::net::SocketAddr;
use std::process::ExitCode;

use letterhead::serve::{HttpService, Serve};

use serving::{address, run_at};

/// Reads the arguments, serves until Ctrl-C, and says how it went.
#[allow(dead_code, reason = "one example sets more")]
pub(crate) async fn run<S: HttpService>(
    service: S,
    curl_lines: fn(SocketAddr) -> String,
) -> ExitCode {
    run_with(service, curl_lines, |server| server).await
}

/// The same, by a server with what `set` sets.
pub(crate) async fn run_with<S: HttpService>(
    service: S,
    curl_lines: fn(SocketAddr) -> String,
    set: impl FnOnce(Serve<S>) -> Serve<S>,
) -> ExitCode {
    let addr = match listen_addr(std::env::args().skip(1)) {
        Ok(Some(addr)) => addr,
        Ok(None) => {
            println!("usage: [--listen ADDR]   (default 127.0.0.1:3000; port 0 takes a free one)");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    run_at(addr, service, |addr| format!("listening on http://{addr}\n\n{}", curl_lines(addr)), set)
        .await
}

/// The address to listen on; `None` if help was asked for.
fn listen_addr(mut args: impl Iterator<Item = String>) -> Result<Option<SocketAddr>, String> {
    let mut addr = SocketAddr::from(([127, 0, 0, 1], 3000));
    while let Some(arg) = args.next() {
        let value = match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => args.next().ok_or("--listen: wanted an address, found nothing")?,
            other => match other.strip_prefix("--listen=") {
                Some(value) => value.to_owned(),
                None => return Err(format!("wanted `--listen ADDR`, found `{other}`")),
            },
        };
        addr = address(&value)?;
    }
    Ok(Some(addr))
}
