//! How a test says that it, or a part of it, cannot run here: aloud, and with its name.
//!
//! The test harness keeps what a test that passes prints to itself, so this goes past it to stderr. With
//! `LETTERHEAD_SKIPS` set to the path of a file each skip is also a line there, of which `.ci/suite`
//! makes the last line of a run.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::Location;
use std::path::Path;
use std::{env, io, thread};

const SKIPPED: &str = "skipped: ";

/// A program is missing. With `LETTERHEAD_ALL_TOOLS` set it has to be there.
#[track_caller]
pub(crate) fn tool(wants: impl Display) {
    assert!(env::var_os("LETTERHEAD_ALL_TOOLS").is_none(), "wanted {wants}, found none");
    tell(&wants);
}

/// The user may not do something. With `LETTERHEAD_ALL_RIGHTS` set everything has to be allowed.
#[track_caller]
pub(crate) fn right(wants: impl Display) {
    assert!(env::var_os("LETTERHEAD_ALL_RIGHTS").is_none(), "wanted {wants}, found none");
    tell(&wants);
}

/// The kernel or the filesystem of temporary files cannot do something; not every one can.
#[track_caller]
pub(crate) fn place(wants: impl Display) {
    tell(&wants);
}

/// Says again what a child process has said of skips, whose stderr was caught.
pub(crate) fn repeat(stderr: &str) {
    for line in stderr.lines().filter(|line| line.starts_with(SKIPPED)) {
        let _ = writeln!(io::stderr(), "{line}");
    }
}

#[track_caller]
fn tell(wants: &dyn Display) {
    let line = format!("{}: wants {wants}", name(Location::caller())).replace('\n', " ");
    let _ = writeln!(io::stderr(), "{SKIPPED}{line}");
    let Some(list) = env::var_os("LETTERHEAD_SKIPS") else { return };
    // In one write, so that tests beside each other do not mix.
    let open = OpenOptions::new().create(true).append(true).open(&list);
    let written = open.and_then(|mut list| list.write_all(format!("{line}\n").as_bytes()));
    assert!(written.is_ok(), "wanted to list a skip in {}: {written:?}", list.display());
}

/// The test that runs: the harness names threads, and a child process has one test. Where neither
/// tells, the place in the source does.
fn name(caller: &Location<'_>) -> String {
    let child = || env::var("LETTERHEAD_TEST_CHILD").ok();
    let thread = thread::current().name().map(str::to_owned);
    let test = thread.filter(|name| name != "main" && !name.starts_with("tokio"));
    let test = test.or_else(child).unwrap_or_else(|| caller.to_string());
    let program = env::current_exe().unwrap_or_default();
    let program = program.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let (of, _) = program.rsplit_once('-').unwrap_or((program, ""));
    format!("{of} {test}")
}

/// Whether there is such a program.
pub(crate) fn has(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| is_file(&directory.join(tool)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file())
}
