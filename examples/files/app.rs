//! The server of the example.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use letterhead::{FileSender, LetterheadLayer};
use tower::Layer as _;

use crate::args::{self, Args, Step};
use crate::shared;
use crate::site::Site;

#[tokio::main]
pub(crate) async fn run() -> ExitCode {
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let files = match &args.root {
        Some(root) => sender(args.follow, args.steps, root).map(|files| (files, None)),
        None => Site::written().and_then(|site| {
            sender(args.follow, args.steps, site.path()).map(|files| (files, Some(site)))
        }),
    };
    // What comes with the example is settled, however young it is.
    let files = files.map(|(files, site)| match site {
        Some(_) => (files.settle(Duration::ZERO), site),
        None => (files, site),
    });
    // The site is there until the server has ended.
    let (files, _site) = match files {
        Ok(files) => files,
        Err(error) => {
            let root = args.root.unwrap_or_else(std::env::temp_dir);
            eprintln!("--root: wanted a directory, found {}: {error}", root.display());
            return ExitCode::FAILURE;
        }
    };
    let layer = LetterheadLayer::new().on_end(|receipt| eprintln!("{receipt}"));
    shared::run_at(args.listen, layer.layer(files), curl_lines).await
}

fn sender(follow: bool, steps: Vec<Step>, root: &Path) -> std::io::Result<FileSender> {
    let files = if follow { FileSender::following(root)? } else { FileSender::new(root)? };
    let files = files.on_refusal(|refused| eprintln!("{refused}"));
    Ok(steps.into_iter().fold(files, |files, step| step(files)))
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl -i http://{addr}/\n\
         curl -I http://{addr}/video.bin                           # its validators\n\
         curl -i -r 32-63 http://{addr}/video.bin                  # two lines of it\n\
         curl -i -r 0-15,67108848- http://{addr}/video.bin         # the first line and the last\n\
         curl -i --compressed http://{addr}/app.js                 # the sibling in Brotli, if curl has it\n\
         curl -i http://{addr}/notes                               # 308 to ./notes/\n\
         curl -i --path-as-is http://{addr}/../../etc/passwd       # 404\n\
         curl -s --limit-rate 1M http://{addr}/video.bin | wc -c   # write to the file meanwhile: curl exits 18\n"
    )
}
