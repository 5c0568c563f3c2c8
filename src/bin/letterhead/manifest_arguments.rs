//! The arguments of `letterhead manifest`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::arguments::{all, flag, one};

/// What is to be done about a list.
pub(crate) enum ManifestTask {
    Root(RootTask),
    Make(MakeTask),
    Sign { list: PathBuf, keys: Vec<PathBuf> },
    Verify { directory: PathBuf, root: PathBuf, list: Option<PathBuf>, is_quiet: bool },
    Diff { earlier: PathBuf, later: PathBuf },
    Sums { list: PathBuf },
}

/// `letterhead manifest root`.
pub(crate) struct RootTask {
    pub(crate) output: PathBuf,
    pub(crate) version: u64,
    pub(crate) expires: SystemTime,
    /// Private or public.
    pub(crate) root_keys: Vec<PathBuf>,
    pub(crate) list_keys: Vec<PathBuf>,
    pub(crate) thresholds: (u64, u64),
    pub(crate) signers: Vec<PathBuf>,
}

/// `letterhead manifest make`.
pub(crate) struct MakeTask {
    pub(crate) directory: PathBuf,
    pub(crate) output: Option<PathBuf>,
    pub(crate) tree: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) expires: SystemTime,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) left_out: Vec<String>,
    pub(crate) threads: Option<usize>,
    pub(crate) has_types: bool,
    pub(crate) has_verity: bool,
    pub(crate) is_quiet: bool,
}

pub(crate) fn read(given: &ArgMatches) -> ManifestTask {
    match given.subcommand() {
        Some(("root", given)) => ManifestTask::Root(RootTask {
            output: one(given, "FILE"),
            version: one(given, "version"),
            expires: one(given, "expires"),
            root_keys: all(given, "root-key"),
            list_keys: all(given, "list-key"),
            thresholds: (one(given, "root-threshold"), one(given, "list-threshold")),
            signers: all(given, "sign"),
        }),
        Some(("sign", given)) => {
            ManifestTask::Sign { list: one(given, "DIR"), keys: all(given, "key") }
        }
        Some(("verify", given)) => ManifestTask::Verify {
            directory: one(given, "DIR"),
            root: one(given, "root"),
            list: given.get_one("manifest").cloned(),
            is_quiet: given.get_flag("quiet"),
        },
        Some(("diff", given)) => {
            ManifestTask::Diff { earlier: one(given, "EARLIER"), later: one(given, "LATER") }
        }
        Some(("sums", given)) => ManifestTask::Sums { list: one(given, "DIR") },
        Some((_, given)) => ManifestTask::Make(made(given)),
        None => command()
            .error(
                clap::error::ErrorKind::MissingSubcommand,
                "wanted make, sign, verify, diff, sums or root",
            )
            .exit(),
    }
}

fn made(given: &ArgMatches) -> MakeTask {
    MakeTask {
        directory: one(given, "DIR"),
        output: given.get_one("output").cloned(),
        tree: given.get_one("tree").cloned(),
        version: given.get_one("version").copied(),
        expires: one(given, "expires"),
        keys: all(given, "key"),
        left_out: all(given, "leave-out"),
        threads: given.get_one("threads").copied(),
        has_types: given.get_flag("types"),
        has_verity: given.get_flag("verity"),
        is_quiet: given.get_flag("quiet"),
    }
}

pub(crate) fn command() -> Command {
    Command::new("manifest")
        .about("Lists the files of a directory, signs the list, and names each difference from it")
        .after_help(
            "The documents are `root.json` and `targets.json` of The Update Framework. A key is a PEM file as openssl\n\
             writes it (P-384 or Ed25519), or has 48 or 32 raw bytes.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([make(), sign(), verify(), diff(), sums(), root()])
}

fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).help(help).required(true).value_parser(value_parser!(PathBuf))
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn keys(name: &'static str, help: &'static str) -> Arg {
    option(name, "FILE", help).action(clap::ArgAction::Append).value_parser(value_parser!(PathBuf))
}

fn expires(default: &'static str) -> Arg {
    option(
        "expires",
        "WHEN",
        "When its time is over: days from now (`30d`), or seconds since 1970 (`@1900000000`)",
    )
    .default_value(default)
    .value_parser(when)
}

fn make() -> Command {
    Command::new("make")
        .about("Lists every file of a directory; the same files and arguments make the same bytes")
        .after_help(
            "Exit code: 0, 1 if something cannot be listed (each is named, and nothing is written), 2 for wrong\narguments.",
        )
        .arg(path("DIR", "The directory"))
        .arg(option("output", "FILE", "Where the list goes; `.manifest.json` in the directory, if not said")
            .value_parser(value_parser!(PathBuf)))
        .arg(option("tree", "NAME", "Of which tree it is the list; that of the list before, if not said"))
        .arg(option("version", "NUMBER", "Its version; the one after the list before, if not said")
            .value_parser(value_parser!(u64).range(1..)))
        .arg(expires("30d"))
        .arg(keys("key", "A key that signs it; may be given more than once, or not at all"))
        .arg(option("leave-out", "PATTERN", "Leaves out what matches: `*` is anything, and paths begin with a slash")
            .action(clap::ArgAction::Append))
        .arg(option("threads", "NUMBER", "How many files are read at once; as many as there are processors, if not said")
            .value_parser(value_parser!(usize)))
        .arg(flag("verity", "Lists the digest by which `fsverity enable` seals each file"))
        .arg(flag("types", "Pins the media type of each file, by its name"))
        .arg(flag("quiet", "No progress"))
}

fn sign() -> Command {
    Command::new("sign")
        .about("Adds a signature to a list")
        .arg(path("DIR", "The list, or the directory that has it as `.manifest.json`"))
        .arg(keys("key", "A key that signs it; may be given more than once").required(true))
}

fn verify() -> Command {
    Command::new("verify")
        .about("Holds a directory against its list: names each file that is missing, extra, or another")
        .after_help("Exit code: 0 if all is as listed, 1 if anything is not, 2 for wrong arguments.")
        .arg(path("DIR", "The directory"))
        .arg(option("root", "FILE", "The `root.json` that says whose signatures count").required(true)
            .value_parser(value_parser!(PathBuf)))
        .arg(option("manifest", "FILE", "The list; `.manifest.json` in the directory, if not said")
            .value_parser(value_parser!(PathBuf)))
        .arg(flag("quiet", "No progress"))
}

fn diff() -> Command {
    Command::new("diff")
        .about("Names each file that is missing, extra or another in the later of two lists, whoever has signed them")
        .after_help("Exit code: 0 if they list the same, 1 if not, 2 for wrong arguments.")
        .arg(path("EARLIER", "A list, or a directory that has one"))
        .arg(path("LATER", "Another"))
}

fn sums() -> Command {
    Command::new("sums")
        .about("Prints a list as `sha256sum --check` reads it, whoever has signed it")
        .arg(path("DIR", "The list, or the directory that has it"))
}

fn root() -> Command {
    let threshold = |name: &'static str, help: &'static str| {
        option(name, "NUMBER", help).default_value("1").value_parser(value_parser!(u64).range(1..))
    };
    Command::new("root")
        .about("Makes a `root.json`, which says whose signatures count")
        .arg(path("FILE", "Where it goes"))
        .arg(
            keys("root-key", "A key that may sign the next `root.json`, or its public half")
                .required(true),
        )
        .arg(keys("list-key", "A key that may sign lists, or its public half").required(true))
        .arg(threshold("root-threshold", "How many of the first have to sign"))
        .arg(threshold("list-threshold", "How many of the second have to sign"))
        .arg(keys("sign", "A key that signs it; may be given more than once").required(true))
        .arg(
            option("version", "NUMBER", "Its version")
                .default_value("1")
                .value_parser(value_parser!(u64).range(1..)),
        )
        .arg(expires("365d"))
}

/// Days from now, or seconds since 1970.
fn when(text: &str) -> Result<SystemTime, String> {
    let wrong = || {
        format!(
            "wanted days as in `30d`, or seconds since 1970 as in `@1900000000`, found `{text}`"
        )
    };
    let (from, seconds) = match (text.strip_suffix('d'), text.strip_prefix('@')) {
        (Some(days), _) => {
            (SystemTime::now(), days.parse::<u64>().ok().and_then(|days| days.checked_mul(86_400)))
        }
        (None, Some(seconds)) => (UNIX_EPOCH, seconds.parse::<u64>().ok()),
        (None, None) => return Err(wrong()),
    };
    let at = seconds.and_then(|seconds| from.checked_add(Duration::from_secs(seconds)));
    at.ok_or_else(wrong)
}
