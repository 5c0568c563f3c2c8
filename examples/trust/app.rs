//! The server of the example.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use letterhead::trust::{Enforcement, Notice, OnExpiry, Trust};
use letterhead::{FileSender, KeyDirectory, LetterheadLayer, signatures};

use crate::place::{Place, YEAR, random};
use crate::shared;

const USAGE: &str = "\
usage: [--listen ADDR] [--expires-in SECONDS] [--stop-on-expiry]
  --listen ADDR         default 127.0.0.1:3000; port 0 takes a free one
  --expires-in SECONDS  for how long a list holds; a year if not said
  --stop-on-expiry      nothing is served when the time of the list is over";

/// The arguments.
struct Options {
    listen: SocketAddr,
    lasts: Duration,
    on_expiry: OnExpiry,
}

pub(crate) fn run() -> ExitCode {
    let given: Vec<_> = std::env::args().skip(1).collect();
    if matches!(given.as_slice(), [one] if one == "--help" || one == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match options(given) {
        Ok(options) => served(&options).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        }),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn options(given: Vec<String>) -> Result<Options, String> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
    let mut options = Options { listen, lasts: YEAR, on_expiry: OnExpiry::Serve };
    let mut given = given.into_iter();
    while let Some(option) = given.next() {
        let mut value = || given.next().ok_or(format!("{option}: wanted a value, found nothing"));
        match option.as_str() {
            "--listen" => options.listen = shared::address(&value()?)?,
            "--expires-in" => {
                let value = value()?;
                let wrong = |_| format!("{option}: wanted a number of seconds, found `{value}`");
                options.lasts = Duration::from_secs(value.parse().map_err(wrong)?);
            }
            "--stop-on-expiry" => options.on_expiry = OnExpiry::Stop,
            other => {
                return Err(format!("wanted an option of these, found `{other}`\n{USAGE}"));
            }
        }
    }
    Ok(options)
}

#[tokio::main]
async fn served(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    // The tree is there until the server has ended.
    let place = Arc::new(Place::written(options.lasts)?);
    say(&format!("trust: the tree is {}", place.site().display()));
    let trust = Trust::new(place.root()?)
        .highest_seen(place.highest())
        .on_expiry(options.on_expiry)
        .version_field("x-tree-version".parse()?)
        .on_notice(|notice: &Notice| say(&format!("trust: {notice}")));
    let files = FileSender::new(place.site())?.manifest(trust, Enforcement::Enforce)?;
    list_on_hangup(files.clone(), Arc::downgrade(&place))?;
    let site = place.site();
    let greeting = move |addr: SocketAddr| {
        format!("listening on http://{addr}\n\n{}", curl_lines(addr, &site))
    };
    // Responses are signed by another key than lists: a key serves one purpose.
    let key = signatures::SigningKey::ed25519(&random()?);
    let app = Router::new()
        .route_service(KeyDirectory::PATH, KeyDirectory::new([key.clone()]))
        .fallback_service(files)
        .layer(LetterheadLayer::new().sign(signatures::Sign::new(key)));
    let code = shared::run_at(options.listen, app, greeting, |serve| serve).await;
    drop(place);
    Ok(code)
}

/// Lists and signs the tree as it is at each SIGHUP. That is for who builds a site: the server of a real one has no key.
fn list_on_hangup(files: FileSender, place: std::sync::Weak<Place>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (files, place) = (files.clone(), place.clone());
            let listed = move || {
                let Some(place) = place.upgrade() else { return };
                let version = files.trust_counts().version + 1;
                // The sender reports what became of it.
                match place.list(version) {
                    Ok(()) => drop(files.reload_manifest()),
                    Err(error) => say(&format!("trust: {}: {error}", place.path().display())),
                }
            };
            let _ = tokio::task::spawn_blocking(listed).await;
        }
    });
    Ok(())
}

/// A line on standard error, in one piece.
fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn curl_lines(addr: SocketAddr, site: &Path) -> String {
    let (site, id) = (site.display(), std::process::id());
    format!(
        "curl -i http://{addr}/app.js                             # as it was signed\n\
         printf 'alert(2);\\n' > {site}/app.js && curl -i http://{addr}/app.js   # a byte is another: 503\n\
         echo > {site}/added && curl -i http://{addr}/added       # not listed: 404\n\
         kill -HUP {id} && sleep 1 && curl -i http://{addr}/app.js   # listed and signed anew\n\
         python3 examples/signed/verify.py http://{addr}/app.js   # its signature; wants http-message-signatures of PyPI\n"
    )
}
