//! `letterhead check`: every line that is wrong, and every line that is hardly meant as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use letterhead::policy::{Policy, PolicyErrors, Redirects, Warning};

use crate::arguments::Check;
use crate::show::out;

/// The files of a directory.
const NAMES: [&str; 2] = ["_headers", "_redirects"];

/// The longest file that a server takes.
const MOST_BYTES: usize = 1 << 20;

/// Checks all files, whatever is wrong with the first of them.
pub(crate) fn run(task: &Check) -> ExitCode {
    let mut is_well = true;
    for path in &task.paths {
        match files(path) {
            Ok(files) => {
                for file in files {
                    is_well &= check(task, &file);
                }
            }
            Err(error) => {
                eprintln!("{error}");
                is_well = false;
            }
        }
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files that an argument stands for.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    // A link that leads nowhere, and what may not be looked at, is said when it is read.
    let is_missing = |file: &PathBuf| {
        fs::symlink_metadata(file).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let files: Vec<_> =
        NAMES.iter().map(|name| path.join(name)).filter(|file| !is_missing(file)).collect();
    if files.is_empty() {
        let path = path.display();
        return Err(format!("{path}: wanted _headers or _redirects in it, found neither"));
    }
    Ok(files)
}

/// Checks one file, and says whether it is well.
fn check(task: &Check, path: &Path) -> bool {
    let name = path.display().to_string();
    match read(task, path, &name) {
        Ok((summary, warnings)) => {
            for warning in &warnings {
                let (file, line) = (warning.file(), warning.line());
                eprintln!("{file}:{line}: warning: {}", warning.message());
            }
            let count = match warnings.len() {
                0 => "no warnings".to_owned(),
                1 => "1 warning".to_owned(),
                more => format!("{more} warnings"),
            };
            out(&format!("{name}: {summary}, {count}\n"));
            warnings.is_empty() || !task.is_strict
        }
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}

/// Whether a file is one of redirects, by its name.
fn is_redirects(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b"_redirects"))
}

/// What is in a file, and what there is to say of it.
fn read(task: &Check, path: &Path, name: &str) -> Result<(String, Vec<Warning>), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    if text.len() > MOST_BYTES {
        let found = text.len();
        return Err(format!("{name}: wanted at most {MOST_BYTES} bytes, found {found}"));
    }
    let in_words = |errors: PolicyErrors| errors.to_string();
    if is_redirects(path) {
        Redirects::parse(name, &text).map_err(in_words)?;
        return Ok(("redirects".to_owned(), Vec::new()));
    }
    let policy = Policy::parse(name, &text, task.dialect).map_err(in_words)?;
    let summary = match policy.lines().count() {
        1 => "1 line about a field".to_owned(),
        lines => format!("{lines} lines about fields"),
    };
    Ok((summary, policy.warnings()))
}
