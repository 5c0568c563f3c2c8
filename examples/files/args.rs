//! The arguments of the example.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::HeaderValue;
use letterhead::answer::Coding;
use letterhead::files::Links;

use crate::shared;

pub(crate) const USAGE: &str = "\
usage: [--root DIR]                     what is served (default: a small site)
       [--listen ADDR]                  default 127.0.0.1:3000; port 0 takes a free one
       [--symlinks beneath|none|follow] default beneath
       [--hidden]                       serve names that begin with a dot
       [--spa FILE]                     what is served where there is nothing
       [--precompressed LIST]           of br, zstd, gzip; default br,gzip; `none` for none
       [--cache-control PATTERN=VALUE]  may be given several times; the first that matches counts";

pub(crate) struct Args {
    pub(crate) root: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) links: Links,
    pub(crate) hidden: bool,
    pub(crate) fallback: Option<String>,
    pub(crate) codings: Vec<Coding>,
    pub(crate) cache_control: Vec<(String, HeaderValue)>,
}

impl Args {
    /// `None` if help was asked for.
    pub(crate) fn read(given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            root: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            links: Links::Beneath,
            hidden: false,
            fallback: None,
            codings: vec![Coding::Brotli, Coding::Gzip],
            cache_control: Vec::new(),
        };
        // `--name value` and `--name=value` are the same.
        let mut given = given.flat_map(|arg| match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                vec![name.to_owned(), value.to_owned()]
            }
            _ => vec![arg],
        });
        while let Some(name) = given.next() {
            if matches!(name.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            if name == "--hidden" {
                args.hidden = true;
                continue;
            }
            let mut value = || given.next().ok_or(format!("{name}: wanted a value, found nothing"));
            match name.as_str() {
                "--root" => args.root = Some(value()?.into()),
                "--listen" => args.listen = shared::address(&value()?)?,
                "--symlinks" => args.links = links(&value()?)?,
                "--spa" => args.fallback = Some(value()?),
                "--precompressed" => args.codings = codings(&value()?)?,
                "--cache-control" => args.cache_control.push(cache_control(&value()?)?),
                other => {
                    return Err(format!("wanted an option of these, found `{other}`\n{USAGE}"));
                }
            }
        }
        Ok(Some(args))
    }
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

fn cache_control(value: &str) -> Result<(String, HeaderValue), String> {
    let wanted = "--cache-control: wanted PATTERN=VALUE";
    let (pattern, field) = value.split_once('=').ok_or(format!("{wanted}, found `{value}`"))?;
    let field = field.parse().map_err(|_| format!("{wanted}, found `{field}` as a value"))?;
    Ok((pattern.to_owned(), field))
}
