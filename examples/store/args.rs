//! The arguments of the example.

use std::net::SocketAddr;
use std::path::PathBuf;

use letterhead::store::Writing;

use crate::shared;

pub(crate) const USAGE: &str = "\
usage: [scrub] [--dir DIR]     where responses are stored (default: a directory that is gone at the end)
       [--listen ADDR]         default 127.0.0.1:3000; port 0 takes a free one
       [--sign FILE]           32 bytes: an Ed25519 seed; heads are signed, and unsigned ones refused
       [--writing HOW]         positional (default), ring or mapped: by which calls is written
       [--group]               DIR's group reads and changes what is stored, too (mode 0660 instead of 0600)
       [--most BYTES]          the largest content that is taken; default 67108864
       [--quarantine]          scrub puts aside what is damaged";

pub(crate) struct Args {
    pub(crate) scrub: bool,
    pub(crate) quarantine: bool,
    pub(crate) group: bool,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) sign: Option<PathBuf>,
    pub(crate) writing: Writing,
    pub(crate) most: u64,
}

impl Args {
    /// `None` if help was asked for.
    pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            scrub: false,
            quarantine: false,
            group: false,
            directory: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            sign: None,
            writing: Writing::Positional,
            most: 64 << 20,
        };
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or(format!("{name}: wanted a value, found nothing"));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "scrub" => args.scrub = true,
                "--quarantine" => args.quarantine = true,
                "--group" => args.group = true,
                "--dir" => args.directory = Some(value()?.into()),
                "--listen" => args.listen = shared::address(&value()?)?,
                "--sign" => args.sign = Some(value()?.into()),
                "--writing" => {
                    args.writing = match value()?.as_str() {
                        "positional" => Writing::Positional,
                        "ring" => Writing::Ring,
                        "mapped" => Writing::Mapped,
                        other => {
                            return Err(format!(
                                "--writing: wanted positional, ring or mapped, found `{other}`"
                            ));
                        }
                    };
                }
                "--most" => {
                    let value = value()?;
                    let wrong = |_| format!("--most: wanted a number of bytes, found `{value}`");
                    args.most = value.parse().map_err(wrong)?;
                }
                other => return Err(format!("wanted one of the flags, found `{other}`\n{USAGE}")),
            }
        }
        if args.scrub && args.directory.is_none() {
            return Err("scrub: wanted `--dir DIR`, found nothing".to_owned());
        }
        Ok(Some(args))
    }
}
