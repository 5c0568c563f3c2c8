//! `letterhead serve`: a directory with its policy and its redirects, until a signal ends it.

use std::future::Future;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;
use letterhead::answer::Coding;
use letterhead::policy::Dialect;
use letterhead::report::AccessLog;
use letterhead::trust::Notice;
use letterhead::{FileSender, LetterheadLayer};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower_layer::Layer as _;

use crate::arguments::Serve;
use crate::printer::Printer;
use crate::rules::Rules;
use crate::show::out;
use crate::site::Site;

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
    let (takes, taken) = unbounded_channel();
    let files = files(&task, &printer, takes)?;
    let rules = Rules::read(&task, &files).await?;
    let watches =
        rules.watch(&printer).map_err(|error| format!("no thread that watches: {error}"))?;
    let mut layer = LetterheadLayer::new().policy(rules.policy());
    let log = task.log.map(|form| AccessLog::stderr().map(|log| log.form(form))).transpose();
    let log = log.map_err(|error| format!("no log on stderr: {error}"))?;
    if let Some(log) = &log {
        layer = layer.access_log(log);
    }
    let has_files_first = task.dialect == Dialect::Netlify;
    let site = Site { files: files.clone(), rules: rules.clone(), has_files_first };
    let listening = |error: io::Error| format!("cannot listen on {}: {error}", task.listen);
    let listener = TcpListener::bind(task.listen).await.map_err(listening)?;
    let addr = listener.local_addr().map_err(listening)?;
    let signals = |error: io::Error| format!("no signals: {error}");
    let stop = stop_signal().map_err(signals)?;
    reload_on_hangup(rules, files, taken, printer.handle()).map_err(signals)?;
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
    printer: &Printer,
    takes: UnboundedSender<()>,
) -> Result<FileSender, String> {
    let directory = &task.directory;
    let open = if task.is_followed { FileSender::following } else { FileSender::new };
    let print = printer.handle();
    let files = open(directory)
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
    let files = if has_page { files.error_page(StatusCode::NOT_FOUND, "404.html") } else { files };
    let Some(trust) = &task.trust else { return Ok(files) };
    let print = printer.handle();
    trust.admit(files, move |notice| {
        print(format!("list: {notice}"));
        if matches!(notice, Notice::Loaded { .. }) {
            // Nobody follows it any more when the server ends.
            let _ = takes.send(());
        }
    })
}

/// At each SIGHUP, reads the rules again, or the list that they are part of; and follows each list that is taken.
fn reload_on_hangup(
    rules: Rules,
    files: FileSender,
    mut taken: UnboundedReceiver<()>,
    print: impl Fn(String) + Clone + Send + Sync + 'static,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (reloaded, listed, said) = (rules.clone(), files.clone(), print.clone());
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (rules, files, print) = (reloaded.clone(), listed.clone(), said.clone());
            let read = move || {
                rules.reload(&print);
                // The sender reports what becomes of it.
                let _ = files.reload_manifest();
            };
            let _ = tokio::task::spawn_blocking(read).await;
        }
    });
    tokio::spawn(async move {
        // The list of the start, whose rules are in force.
        taken.recv().await;
        while taken.recv().await.is_some() {
            rules.follow(&files, &print).await;
        }
    });
    Ok(())
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
