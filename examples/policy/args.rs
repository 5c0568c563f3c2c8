//! The arguments of the example.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::shared;
use crate::tls::Pair;

pub(crate) const USAGE: &str = "\
usage: [--policy FILE]   the policy (default: one that comes with the example)
       [--listen ADDR]   default 127.0.0.1:3000; port 0 takes a free one
       [--tls CERT,KEY]  HTTPS, with two files in PEM";

pub(crate) struct Args {
    pub(crate) policy: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Pair>,
}

impl Args {
    /// `None` if help was asked for.
    pub(crate) fn read(given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
        let mut args = Self { policy: None, listen, tls: None };
        // `--name value` and `--name=value` are the same.
        let mut given = given.flat_map(|arg| match arg.split_once('=') {
            Some((name, value)) => vec![name.to_owned(), value.to_owned()],
            None => vec![arg],
        });
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or(format!("{name}: wanted a value, found nothing"));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--policy" => args.policy = Some(value()?.into()),
                "--listen" => args.listen = shared::address(&value()?)?,
                "--tls" => args.tls = Some(Pair::read(&value()?)?),
                _ => {
                    return Err(format!("wanted an option of these, found `{name}`\n{USAGE}"));
                }
            }
        }
        Ok(Some(args))
    }
}
