//! The arguments of the example.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use letterhead::FileSender;
use letterhead::answer::Coding;
use letterhead::files::{Disposition, Links, Stability};

use crate::options::Options;
use crate::shared;

pub(crate) const USAGE: &str = "\
usage: [DIR], [--root DIR]              what is served (default: a small site)
       [--follow]                       look DIR up anew each second: it is a link that is turned
       [--listen ADDR]                  default 127.0.0.1:3000; port 0 takes a free one
       [--port PORT]                    that port of 127.0.0.1
       [--tls CERT,KEY]                 HTTPS, with two files in PEM
       [--access-log FILE]              where each exchange has a line (default: stderr); opened anew on SIGHUP
       [--json-log]                     the lines are JSON, not in the combined form
       [--quiet]                        no curl lines, and an access log only with --access-log
       [--header 'PATTERN: NAME: VALUE'] a field of each response to a path; may be given several times
       [--cors]                         pages of other origins may read everything
       [--symlinks beneath|none|follow] default beneath
       [--hidden]                       serve names that begin with a dot
       [--listing]                      list directories without an index, up to 100000 names (HTML or JSON)
       [--clean-urls]                   `/about` for `about.html`, and redirections to that
       [--spa FILE]                     what a browser gets that goes to a page where there is nothing
       [--not-found FILE]               the page of a 404, below DIR
       [--error-page STATUS=FILE]       a page for error answers; may be given several times
       [--precompressed LIST]           of br, zstd, gzip; default br,gzip; `none` for none
       [--cache-control PATTERN=VALUE]  may be given several times; the first that matches counts
       [--immutable]                    names with a hash in them last for ever
       [--attachment PATTERN]           what browsers save and do not show; may be given several times
       [--digests BYTES]                Repr-Digest and Content-Digest of files up to this length
       [--content-tags BYTES]           tags of the content of files up to this length
       [--constant-dates]               the dates of the tree say nothing: tags of the content, no Last-Modified
       [--refuse-blind-resumption SECS] 409 to ranges without If-Range of files changed in so many seconds
       [--proved]                       ask the kernel whether young files have a writer
       [--throttle BYTES]               a second, for each response
       [--least-rate BYTES]             a second, that a client has to take, with a minute's grace
       [--open-files N]                 for no more than so many responses at once
       [--conceal]                      404 in place of 403
       [--no-atime]                     leave access times alone";

/// How many names are listed.
const LISTED: usize = 100_000;

/// The settings of the sender.
pub(crate) type Step = Box<dyn FnOnce(FileSender) -> FileSender>;

pub(crate) struct Args {
    pub(crate) root: Option<PathBuf>,
    pub(crate) follow: bool,
    pub(crate) listen: SocketAddr,
    pub(crate) server: Options,
    /// In the order in which they were given.
    pub(crate) steps: Vec<Step>,
}

impl Args {
    /// `None` if help was asked for.
    pub(crate) fn read(given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let usual = [Coding::Brotli, Coding::Gzip];
        let mut args = Self {
            root: None,
            follow: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            server: Options::default(),
            steps: vec![Box::new(move |files: FileSender| files.precompressed(usual))],
        };
        // `--name value` and `--name=value` are the same.
        let mut given = given.flat_map(|arg| match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                vec![name.to_owned(), value.to_owned()]
            }
            _ => vec![arg],
        });
        while let Some(name) = given.next() {
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--follow" => args.follow = true,
                name if args.server.switch(name) => {}
                name if !name.starts_with('-') => args.directory(name)?,
                name => match switch(name) {
                    Some(step) => args.steps.push(step),
                    None => args.valued(name, given.next())?,
                },
            }
        }
        Ok(Some(args))
    }

    /// The one argument without a name.
    fn directory(&mut self, name: &str) -> Result<(), String> {
        match self.root.replace(name.into()) {
            None => Ok(()),
            Some(first) => {
                Err(format!("wanted one directory, found `{}` and `{name}`", first.display()))
            }
        }
    }

    fn valued(&mut self, name: &str, value: Option<String>) -> Result<(), String> {
        if !USAGE.contains(&format!("[{name} ")) {
            return Err(format!("wanted an option of these, found `{name}`\n{USAGE}"));
        }
        let value = value.ok_or(format!("{name}: wanted a value, found nothing"))?;
        if self.server.valued(name, &value)? {
            return Ok(());
        }
        let step: Step = match name {
            "--root" => {
                self.root = Some(value.into());
                return Ok(());
            }
            "--listen" => {
                self.listen = shared::address(&value)?;
                return Ok(());
            }
            "--port" => {
                self.listen.set_port(parsed(name, "a port", &value)?);
                return Ok(());
            }
            "--symlinks" => {
                let links = links(&value)?;
                Box::new(move |files| files.links(links))
            }
            "--spa" => Box::new(move |files| files.fallback(&value)),
            "--not-found" => Box::new(move |files| files.error_page(StatusCode::NOT_FOUND, &value)),
            "--error-page" => {
                let (status, path) = pair(name, "STATUS=FILE", &value)?;
                let status: StatusCode = parsed(name, "a status like 404", status)?;
                let path = path.to_owned();
                Box::new(move |files| files.error_page(status, &path))
            }
            "--precompressed" => {
                let codings = codings(&value)?;
                Box::new(move |files| files.precompressed(codings))
            }
            "--cache-control" => {
                let (pattern, field) = pair(name, "PATTERN=VALUE", &value)?;
                let field: HeaderValue = parsed(name, "PATTERN=VALUE", field)?;
                let pattern = pattern.to_owned();
                Box::new(move |files| files.cache_control(&pattern, field))
            }
            "--attachment" => {
                Box::new(move |files| files.disposition(&value, Disposition::Attachment))
            }
            "--refuse-blind-resumption" => {
                let age = Duration::from_secs(parsed(name, "a number of seconds", &value)?);
                Box::new(move |files| files.refuse_blind_resumption(age))
            }
            "--open-files" => {
                let most = parsed(name, "a number", &value)?;
                Box::new(move |files| files.open_files(Some(most).filter(|most| *most > 0)))
            }
            name => {
                let bytes: u64 = parsed(name, "a number of bytes", &value)?;
                match name {
                    "--digests" => Box::new(move |files| files.digests(bytes)),
                    "--content-tags" => Box::new(move |files| files.content_tags(bytes)),
                    "--throttle" => Box::new(move |files| files.throttle(bytes)),
                    _ => Box::new(move |files| files.least_rate(bytes, Duration::from_secs(60))),
                }
            }
        };
        self.steps.push(step);
        Ok(())
    }
}

/// An option without a value.
fn switch(name: &str) -> Option<Step> {
    Some(match name {
        "--hidden" => Box::new(|files: FileSender| files.hidden(true)),
        "--clean-urls" => Box::new(|files: FileSender| files.clean_urls(true)),
        "--listing" => Box::new(|files: FileSender| files.listing(LISTED)),
        "--constant-dates" => Box::new(|files: FileSender| files.constant_dates(true)),
        "--immutable" => Box::new(|files: FileSender| files.immutable_names(true)),
        "--proved" => Box::new(|files: FileSender| files.settled(Stability::Proved)),
        "--conceal" => Box::new(|files: FileSender| files.conceal(true)),
        "--no-atime" => Box::new(|files: FileSender| files.no_atime(true)),
        _ => return None,
    })
}

fn links(value: &str) -> Result<Links, String> {
    match value {
        "beneath" => Ok(Links::Beneath),
        "none" => Ok(Links::None),
        "follow" => Ok(Links::Follow),
        other => Err(format!("--symlinks: wanted beneath, none or follow, found `{other}`")),
    }
}

fn codings(value: &str) -> Result<Vec<Coding>, String> {
    let names = value.split(',').filter(|name| *name != "none");
    names
        .map(|name| {
            let known = Coding::ALL.into_iter().find(|coding| coding.token() == name);
            known.ok_or(format!("--precompressed: wanted br, zstd, gzip or none, found `{name}`"))
        })
        .collect()
}

fn pair<'a>(name: &str, wanted: &str, value: &'a str) -> Result<(&'a str, &'a str), String> {
    value.split_once('=').ok_or(format!("{name}: wanted {wanted}, found `{value}`"))
}

pub(crate) fn parsed<T: std::str::FromStr>(
    name: &str,
    wanted: &str,
    value: &str,
) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: wanted {wanted}, found `{value}`"))
}
