//! The house rules: floors, purity, file sizes, first sentences, and where unsafe may stand.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that a source file may have.
const CEILING: usize = 400;

/// The floors, from the ground up. A module may use what is below it, not its neighbours.
const FLOORS: [&[&str]; 8] = [
    &["error", "caught"],
    &["field"],
    &["ledger"],
    &["rules", "answer"],
    &["head"],
    &["report", "sys"],
    &["layer", "files"],
    &["store", "extract", "inspect", "serve", "around"],
];

/// What tests have in common stands on no floor, and outside of `src`.
const SKIP: &str = "skip";

/// From this floor on a module may do i/o, read clocks and await.
const SHELLS: usize = 5;

/// What no module below the shells may say outside its tests.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio::",
    "async fn",
    ".await",
    "Instant::now",
    "SystemTime::now",
    "thread::spawn",
    "thread::sleep",
    "println!",
];

struct Source {
    /// The path below `src`, with `/`.
    path: String,
    /// The module at the top of the crate that it belongs to.
    module: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines of code: no comments, nothing from `#[cfg(test)]` on.
    fn code(&self) -> Vec<(usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("")))
            .filter(|(_, line)| !line.trim().is_empty())
            .collect()
    }
}

fn root() -> PathBuf {
    PathBuf::from(".")
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the project; a folder may not be there yet.
fn all_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in ["src", "tests", "examples", "benches"] {
        let directory = root().join(directory);
        if directory.is_dir() {
            rust_files(&directory, &mut files);
        }
    }
    assert!(files.len() > 30, "found only {} files", files.len());
    files
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "found only {} files under {}", files.len(), src.display());
    files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            let module = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            Source { module, text: fs::read_to_string(file).unwrap(), path }
        })
        .collect()
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The top-level modules that a line of code names through `crate::`.
fn named(line: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = |path: &str| path.chars().take_while(|c| is_name(*c)).collect::<String>();
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        // `$crate::`, `letterhead::`, and `pub(crate)` are something else.
        if line[..at].ends_with(|c: char| is_name(c) || c == '$') {
            continue;
        }
        let path = &line[at + "crate::".len()..];
        if let Some(group) = path.strip_prefix('{') {
            names.extend(group.split(',').map(|part| first(part.trim())));
        } else {
            names.push(first(path));
        }
    }
    names
}

fn report(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn imports_go_down_only() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.module != "lib" && s.module != "guide") {
        let Some(floor) = floor_of(&source.module) else {
            offences.push(format!("{}: stands on no floor", source.path));
            continue;
        };
        for (at, line) in source.code() {
            let of_tests = |name: &str| source.is_test() && name == SKIP;
            let other = |name: &&String| **name != source.module && !of_tests(name);
            for name in named(line).iter().filter(other) {
                match floor_of(name) {
                    Some(below) if below < floor => {}
                    Some(above) => offences.push(format!(
                        "{}:{at}: floor {floor} uses `{name}` of floor {above}",
                        source.path
                    )),
                    None => {
                        offences
                            .push(format!("{}:{at}: `crate::{name}` is no module", source.path));
                    }
                }
            }
        }
    }
    report(&offences);
}

#[test]
fn below_the_shells_there_is_no_io_no_clock_and_no_future() {
    let mut offences = Vec::new();
    for source in sources() {
        let pure = floor_of(&source.module).is_some_and(|floor| floor < SHELLS);
        if !pure || source.is_test() {
            continue;
        }
        for (at, line) in source.code() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("{}:{at}: says `{word}`", source.path));
            }
        }
    }
    report(&offences);
}

#[test]
fn no_file_is_a_meeting_place() {
    let files = all_files();
    let mut offences = Vec::new();
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > CEILING {
            offences.push(format!("{}: {lines} lines, wanted at most {CEILING}", file.display()));
        }
    }
    report(&offences);
}

#[test]
fn every_file_opens_with_one_plain_sentence() {
    let files = all_files();
    let mut offences = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().map_while(|line| line.strip_prefix("//!").map(str::trim));
        let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        if !paragraph.join(" ").ends_with(['.', ':']) {
            offences.push(format!("{}: wanted a `//!` sentence first", file.display()));
        }
    }
    report(&offences);
}

#[test]
fn unsafe_stands_in_sys_alone_and_says_why() {
    let mut offences = Vec::new();
    for source in sources() {
        for (at, line) in source.code() {
            if !line.split_whitespace().any(|word| word.trim_start_matches('(') == "unsafe") {
                continue;
            }
            let before = source.text.lines().take(at - 1).last().unwrap_or("");
            if source.module != "sys" || !before.contains("SAFETY") {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    report(&offences);
}

#[test]
fn features_are_switched_at_the_door() {
    let mut offences = Vec::new();
    for source in sources() {
        let is_door = source.module == "lib" || source.path.ends_with("mod.rs");
        for (at, line) in source.code() {
            // One field and some functions of `layer/abort.rs` depend on h2 being there.
            if line.contains("cfg(")
                && line.contains("feature")
                && !is_door
                && source.path != "layer/abort.rs"
            {
                offences.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    report(&offences);
}

#[test]
fn the_checks_see_what_they_should() {
    let names = |line| named(line);
    assert_eq!(names("use crate::head::{Ability, Input};"), ["head"]);
    assert_eq!(names("use crate::{caught, error::Error};"), ["caught", "error"]);
    assert_eq!(names("crate::caught::discard(crate::field::x)"), ["caught", "field"]);
    assert!(names("pub(crate) use shared::Shared;").is_empty());
    assert!(names("use letterhead::crate_name;").is_empty());
}
