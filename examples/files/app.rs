//! The server of the example.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use letterhead::serve::{RequestBody, Serve};
use letterhead::{FileSender, LetterheadLayer};
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceBuilder};

use crate::args::{self, Args, Step};
use crate::refusals::Refusals;
use crate::site::Site;
use crate::{curl, fields, options, shared};

pub(crate) fn run() -> ExitCode {
    match Args::read(std::env::args().skip(1)) {
        Ok(Some(args)) => served(args).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        }),
        Ok(None) => {
            println!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn served(args: Args) -> Result<ExitCode, String> {
    let Args { root, follow, listen, steps, server } = args;
    let (log, tls) = (server.log()?, server.tls()?);
    let refusals = Refusals::new();
    // The site is there until the server has ended.
    let place = Place::of(root)?;
    let files = place.sender(follow, steps, &refusals)?;
    let mut layer = LetterheadLayer::new();
    if let Some(log) = &log {
        layer = layer.access_log(log);
        options::reopen_on_hangup(log.clone()).map_err(|error| format!("SIGHUP: {error}"))?;
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let (quiet, path) = (server.quiet, place.path.clone());
    let greeting = move |addr: SocketAddr| {
        let url = format!("{scheme}://{addr}");
        let lines = if quiet { String::new() } else { curl::lines(&path, &url) };
        format!("listening on {url}\n\n{lines}")
    };
    let has_log = log.is_some();
    let code = if server.fields.is_empty() {
        let set = |serve| with(serve, has_log, tls);
        shared::run_at(listen, layer.layer(files), greeting, set).await
    } else {
        let given: Arc<[_]> = server.fields.into();
        let write = move |request: Request<RequestBody>| {
            fields::write(&given, &request);
            request
        };
        let service =
            ServiceBuilder::new().layer(layer).layer(MapRequestLayer::new(write)).service(files);
        shared::run_at(listen, service, greeting, |serve| with(serve, has_log, tls)).await
    };
    refusals.finish();
    if let Some(log) = log {
        log.shutdown();
    }
    Ok(code)
}

/// The server with clients' addresses for the log, and TLS.
fn with<S>(
    serve: Serve<S>,
    has_log: bool,
    tls: Option<Arc<letterhead::serve::rustls::ServerConfig>>,
) -> Serve<S> {
    let serve = if has_log { serve.peer() } else { serve };
    match tls {
        Some(config) => serve.tls(config),
        None => serve,
    }
}

/// Where the files are.
struct Place {
    path: PathBuf,
    site: Option<Site>,
}

impl Place {
    fn of(root: Option<PathBuf>) -> Result<Self, String> {
        if let Some(path) = root {
            return Ok(Self { path, site: None });
        }
        let site = Site::written()
            .map_err(|error| format!("no site in {}: {error}", std::env::temp_dir().display()))?;
        Ok(Self { path: site.path().to_owned(), site: Some(site) })
    }

    fn sender(
        &self,
        follow: bool,
        steps: Vec<Step>,
        refusals: &Refusals,
    ) -> Result<FileSender, String> {
        let path = &self.path;
        let files = if follow { FileSender::following(path) } else { FileSender::new(path) };
        let files = files.map_err(|error| {
            format!("--root: wanted a directory, found {}: {error}", path.display())
        })?;
        let print = refusals.printer();
        let files = files.on_refusal(move |refused| print(refused.to_string()));
        let files = steps.into_iter().fold(files, |files, step| step(files));
        // What comes with the example is settled, however young it is.
        Ok(if self.site.is_some() { files.settle(Duration::ZERO) } else { files })
    }
}
