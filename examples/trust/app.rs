//! The server of the example.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use letterhead::trust::{Enforcement, Notice, Trust};
use letterhead::{FileSender, LetterheadLayer};
use tower::Layer as _;

use crate::place::Place;
use crate::shared;

const USAGE: &str = "usage: [--listen ADDR]   default 127.0.0.1:3000; port 0 takes a free one";

pub(crate) fn run() -> ExitCode {
    let given: Vec<_> = std::env::args().skip(1).collect();
    let listen = match given.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(SocketAddr::from(([127, 0, 0, 1], 3000))),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["--listen", value] => shared::address(value),
        other => Err(format!("wanted an option of these, found `{}`\n{USAGE}", other.join(" "))),
    };
    match listen {
        Ok(listen) => served(listen).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        }),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn served(listen: SocketAddr) -> Result<ExitCode, Box<dyn Error>> {
    // The tree is there until the server has ended.
    let place = Arc::new(Place::written()?);
    say(&format!("trust: the tree is {}", place.site().display()));
    let trust = Trust::new(place.root()?)
        .highest_seen(place.highest())
        .version_field("x-tree-version".parse()?)
        .on_notice(|notice: &Notice| say(&format!("trust: {notice}")));
    let files = FileSender::new(place.site())?.manifest(trust, Enforcement::Enforce)?;
    list_on_hangup(files.clone(), Arc::downgrade(&place))?;
    let site = place.site();
    let greeting = move |addr: SocketAddr| {
        format!("listening on http://{addr}\n\n{}", curl_lines(addr, &site))
    };
    let app = LetterheadLayer::new().layer(files);
    let code = shared::run_at(listen, app, greeting, |serve| serve).await;
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
         kill -HUP {id} && sleep 1 && curl -i http://{addr}/app.js   # listed and signed anew\n"
    )
}
