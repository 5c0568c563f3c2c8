//! `letterhead serve`: a directory with its policy and its redirects, until a signal ends it.

use std::future::Future;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;
use letterhead::answer::Coding;
use letterhead::policy::Dialect;
use letterhead::report::AccessLog;
use letterhead::{
    FileSender, LetterheadLayer, PolicyFile, PolicyFileError, PolicyWatch, RedirectsFile, Reloaded,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_layer::Layer as _;

use crate::arguments::Serve;
use crate::printer::Printer;
use crate::show::out;
use crate::site::Site;

/// The file of the policy.
const HEADERS: &str = "_headers";

/// The file of what leads elsewhere.
const REDIRECTS: &str = "_redirects";

/// How long requests in flight may take after a signal.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn run(task: Serve) -> ExitCode {
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads to serve with: {error}"))
        .and_then(|runtime| runtime.block_on(serve(task)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(task: Serve) -> Result<(), String> {
    let tls = task.tls.as_ref().map(crate::tls::Pair::config).transpose()?;
    let printer = Printer::start().map_err(|error| format!("no thread that prints: {error}"))?;
    let files = files(&task, printer.handle())?;
    let Rules { policy, redirects } = Rules::read(&task)?;
    let watches = watches(&policy, &redirects, &printer)
        .map_err(|error| format!("no thread that watches: {error}"))?;
    let mut layer = LetterheadLayer::new().policy(policy.handle());
    let log = task.log.map(|form| AccessLog::stderr().map(|log| log.form(form))).transpose();
    let log = log.map_err(|error| format!("no log on stderr: {error}"))?;
    if let Some(log) = &log {
        layer = layer.access_log(log);
    }
    let has_files_first = task.dialect == Dialect::Netlify;
    let site = Site { files, redirects: redirects.clone(), has_files_first };
    let listening = |error: io::Error| format!("cannot listen on {}: {error}", task.listen);
    let listener = TcpListener::bind(task.listen).await.map_err(listening)?;
    let addr = listener.local_addr().map_err(listening)?;
    let signals = |error: io::Error| format!("no signals: {error}");
    let stop = stop_signal().map_err(signals)?;
    reload_on_hangup(policy, redirects, printer.handle()).map_err(signals)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    out(&format!("listening on {scheme}://{addr}\n"));
    let server = letterhead::serve(listener, layer.layer(site)).peer().grace(GRACE);
    let server = match tls {
        Some(config) => server.tls(config),
        None => server,
    };
    let served = server.shutdown_on(stop).await.map_err(listening)?;
    drop(watches);
    if let Some(log) = log {
        log.shutdown();
    }
    printer.finish();
    let cut = if served.cut > 0 {
        format!(", {} connections were cut", served.cut)
    } else {
        String::new()
    };
    out(&format!("ended{cut}\n"));
    Ok(())
}

/// What is served.
fn files(
    task: &Serve,
    print: impl Fn(String) + Send + Sync + 'static,
) -> Result<FileSender, String> {
    let directory = &task.directory;
    let files = FileSender::new(directory)
        .map_err(|error| format!("wanted a directory, found {}: {error}", directory.display()))?;
    let files = files
        .precompressed([Coding::Brotli, Coding::Gzip])
        .clean_urls(task.has_clean_urls)
        .on_refusal(move |refused| print(refused.to_string()));
    let files = match &task.fallback {
        Some(page) => files.fallback(page),
        None => files,
    };
    let has_page = directory.join("404.html").is_file();
    Ok(if has_page { files.error_page(StatusCode::NOT_FOUND, "404.html") } else { files })
}

/// The two files of the directory.
struct Rules {
    policy: PolicyFile,
    redirects: RedirectsFile,
}

impl Rules {
    /// Reads both, as far as they are there; says what is wrong with either.
    fn read(task: &Serve) -> Result<Self, String> {
        let at = |name: &str| task.directory.join(name);
        let policy = PolicyFile::open_if_there(at(HEADERS), task.dialect);
        match (policy, RedirectsFile::open_if_there(at(REDIRECTS))) {
            (Ok(policy), Ok(redirects)) => Ok(Self { policy, redirects }),
            (Err(one), Err(other)) => Err(format!("{one:#}\n{other:#}")),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(format!("{error:#}")),
        }
    }
}

/// Watches both, and tells what becomes of each version.
fn watches(
    policy: &PolicyFile,
    redirects: &RedirectsFile,
    printer: &Printer,
) -> io::Result<[PolicyWatch; 2]> {
    let tell = |file| {
        let print = printer.handle();
        move |reloaded| print(reload_notice(file, &reloaded))
    };
    Ok([policy.watch(tell(HEADERS))?, redirects.watch(tell(REDIRECTS))?])
}

/// Reads both files again at each SIGHUP.
fn reload_on_hangup(
    policy: PolicyFile,
    redirects: RedirectsFile,
    print: impl Fn(String) + Clone + Send + 'static,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (policy, redirects, print) = (policy.clone(), redirects.clone(), print.clone());
            let read = move || {
                print(reload_notice(HEADERS, &policy.reload()));
                print(reload_notice(REDIRECTS, &redirects.reload()));
            };
            let _ = tokio::task::spawn_blocking(read).await;
        }
    });
    Ok(())
}

/// What became of a version of a file.
fn reload_notice(file: &str, reloaded: &Result<Reloaded, PolicyFileError>) -> String {
    match reloaded {
        Ok(reloaded) if reloaded.is_new() => {
            format!("{file}: version {} is in force", reloaded.version())
        }
        Ok(reloaded) => format!("{file}: version {} stays, nothing is new", reloaded.version()),
        Err(error) => format!("{file}: refused, what was before stays\n{error:#}"),
    }
}

/// Ready on SIGINT and on SIGTERM.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
