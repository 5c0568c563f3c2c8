//! The arguments of `letterhead serve` that are about a signed list.

use std::fs;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use letterhead::FileSender;
use letterhead::trust::{Enforcement, Notice, OnExpiry, Root, Trust};

use crate::arguments::{all, flag};

/// What is served only as it is listed, and by whose word.
pub(crate) struct TrustTask {
    root: PathBuf,
    list: Option<String>,
    highest: Option<PathBuf>,
    exempt: Vec<String>,
    most_bad_files: Option<usize>,
    on_expiry: OnExpiry,
    enforcement: Enforcement,
}

pub(crate) fn arguments(command: Command) -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let more = |arg: Arg| arg.requires("root").help_heading("Options of a signed list");
    command
        .arg(
            option(
                "root",
                "FILE",
                "Serves only what a signed list has: the `root.json` that says whose signatures count",
            )
            .value_parser(value_parser!(PathBuf))
            .help_heading("Options of a signed list"),
        )
        .arg(more(option("manifest", "PATH", "Where the list is below DIR; `.manifest.json`, if not said")))
        .arg(more(
            option(
                "highest",
                "FILE",
                "Remembers the highest version here, so that an older list is refused after a restart, too",
            )
            .value_parser(value_parser!(PathBuf)),
        ))
        .arg(more(
            option("exempt", "PATTERN", "Serves what matches without the list: `*` is anything, and paths begin with a slash")
                .action(ArgAction::Append),
        ))
        .arg(more(
            option("stop-after", "NUMBER", "Serves nothing any more when so many files are not as listed")
                .value_parser(value_parser!(u32).range(1..)),
        ))
        .arg(more(flag("stop-on-expiry", "Serves nothing when the time of the list is over")))
        .arg(more(flag("report-only", "Serves everything, and reports what would not be")))
}

/// `None`: there is no list.
pub(crate) fn read(given: &ArgMatches) -> Option<TrustTask> {
    let stops = given.get_flag("stop-on-expiry");
    let reports = given.get_flag("report-only");
    let most: Option<u32> = given.get_one("stop-after").copied();
    Some(TrustTask {
        root: given.get_one("root").cloned()?,
        list: given.get_one("manifest").cloned(),
        highest: given.get_one("highest").cloned(),
        exempt: all(given, "exempt"),
        most_bad_files: most.and_then(|most| usize::try_from(most).ok()),
        on_expiry: if stops { OnExpiry::Stop } else { OnExpiry::Serve },
        enforcement: if reports { Enforcement::Report } else { Enforcement::Enforce },
    })
}

impl TrustTask {
    /// The same sender, which sends only what its list has.
    pub(crate) fn admit(
        &self,
        files: FileSender,
        on_notice: impl Fn(&Notice) + Send + Sync + 'static,
    ) -> Result<FileSender, String> {
        let at = self.root.display();
        let bytes = fs::read(&self.root).map_err(|error| format!("{at}: {error}"))?;
        let root = Root::read(&bytes).map_err(|error| format!("{at}: {error}"))?;
        let mut trust = Trust::new(root).on_expiry(self.on_expiry).on_notice(on_notice);
        for pattern in &self.exempt {
            trust = trust.exempt(pattern);
        }
        if let Some(list) = &self.list {
            trust = trust.name(list);
        }
        if let Some(highest) = &self.highest {
            trust = trust.highest_seen(highest);
        }
        if let Some(most) = self.most_bad_files {
            trust = trust.stop_tree_after(most);
        }
        files.manifest(trust, self.enforcement).map_err(|error| error.to_string())
    }
}
