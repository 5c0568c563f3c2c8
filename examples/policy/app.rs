//! The server of the example.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use letterhead::report::AccessLog;
use letterhead::{FileSender, LetterheadLayer, PolicyFile, PolicyFileError, Receipt, Reloaded};
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;

use crate::args::{self, Args};
use crate::handlers;
use crate::place::Place;
use crate::shared;

/// How long a handler may take.
const PATIENCE: Duration = Duration::from_millis(50);

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
    let Args { policy, listen, tls } = args;
    let tls = tls.map(|pair| pair.config()).transpose()?;
    // The site is there until the server has ended.
    let place = Place::written()
        .map_err(|error| format!("no site in {}: {error}", std::env::temp_dir().display()))?;
    let path = policy.unwrap_or_else(|| place.policy());
    let file = PolicyFile::open(&path).map_err(|error| format!("{error:#}"))?;
    eprintln!("policy: version {} is {}", file.handle().version(), path.display());
    let watch = file.watch(|reloaded| tell(&reloaded)).map_err(|error| error.to_string())?;
    let log = AccessLog::stderr().map_err(|error| format!("no log on stderr: {error}"))?;
    reload_on_hangup(file.clone(), log.clone()).map_err(|error| format!("SIGHUP: {error}"))?;
    let files = FileSender::new(place.site())
        .map_err(|error| format!("no site in {}: {error}", place.path().display()))?
        // What comes with the example is settled, however young it is.
        .settle(Duration::ZERO);
    let time_out = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, PATIENCE);
    let app = Router::new()
        .route("/hello/{name}", get(handlers::hello))
        .route("/assets/private", get(handlers::private))
        .route("/assets/login", get(handlers::login))
        .route("/slow", get(handlers::slow).layer(time_out))
        // Answers preflights itself.
        .route("/shared", get(handlers::shared).layer(CorsLayer::permissive()))
        .route("/panic", get(handlers::panics))
        .route("/fail", get(handlers::fails))
        .fallback_service(files)
        .layer(
            LetterheadLayer::new()
                .policy(file.handle())
                .deny(handlers::shared_cookie)
                .on_end(tell_denied)
                .access_log(&log),
        );
    let scheme = if tls.is_some() { "https" } else { "http" };
    let greeting = move |addr: SocketAddr| {
        let url = format!("{scheme}://{addr}");
        format!("listening on {url}\n\n{}", curl_lines(&url, &path))
    };
    let code = shared::run_at(listen, app, greeting, |serve| match tls {
        Some(config) => serve.peer().tls(config),
        None => serve.peer(),
    })
    .await;
    drop(watch);
    log.shutdown();
    Ok(code)
}

/// Reads the policy again at each SIGHUP, and reopens the log's file, as logrotate wants it.
fn reload_on_hangup(file: PolicyFile, log: AccessLog) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            log.reopen();
            let file = file.clone();
            // It reads a file, and may wait for the reader of stderr.
            let _ = tokio::task::spawn_blocking(move || tell(&file.reload())).await;
        }
    });
    Ok(())
}

/// Says what became of a version of the file.
fn tell(reloaded: &Result<Reloaded, PolicyFileError>) {
    let text = match reloaded {
        Ok(reloaded) if reloaded.is_new() => {
            format!("policy: version {} is in force\n", reloaded.version())
        }
        Ok(reloaded) => {
            format!("policy: version {} stays, nothing is new\n", reloaded.version())
        }
        Err(error) => format!("policy: refused, the version before stays\n{error:#}\n"),
    };
    // In one piece, for the access log writes there, too.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says why a head was denied.
fn tell_denied(receipt: &Receipt) {
    if let Some(denial) = receipt.denied() {
        let _ = io::stderr().write_all(format!("denied: {denial}\n").as_bytes());
    }
}

fn curl_lines(url: &str, policy: &Path) -> String {
    let curl = if url.starts_with("https:") { "curl -k" } else { "curl" };
    let policy = policy.display();
    format!(
        "{curl} -i {url}/hello/you                        # a handler; it said x-powered-by, too\n\
         {curl} -I {url}/assets/app.js                    # a file, for a year\n\
         {curl} -i -H 'If-None-Match: *' {url}/           # 304\n\
         {curl} -i {url}/assets/missing                   # 404: no cache keeps it for a year\n\
         {curl} -i {url}/assets/private                   # a handler's no-store stays\n\
         {curl} -i {url}/assets/login                     # a cookie for every cache: denied\n\
         {curl} -i {url}/slow                             # a handler that never answers: 408\n\
         {curl} -i {url}/fail                             # a body that fails: 503\n\
         {curl} -i {url}/panic                            # a panic: 500\n\
         printf '/*\\n  X-Policy: new\\n' >> {policy} && {curl} -I {url}/   # a reload\n"
    )
}
