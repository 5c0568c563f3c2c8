//! The house rules: floors, purity, file sizes, first sentences, and where unsafe may stand.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod order;
mod paths;
mod sizes;
mod source;

use std::fs;

use crate::paths::{Modules, module_of, named, top};
use crate::sizes::Item;
use crate::source::{all_files, sources};

/// The most lines that a source file may have.
const CEILING: usize = 400;

/// The floors, from the ground up. A module may use what is below it, not its neighbours.
const FLOORS: [&[&str]; 9] = [
    &["error", "caught"],
    &["field"],
    &["ledger"],
    &["rules", "answer"],
    &["head", "policy", "manifest", "signatures"],
    &["report", "sys"],
    &["stream", "trust"],
    &["layer", "files"],
    &["store", "extract", "inspect", "reload", "serve", "around", "rego"],
];

/// What tests have in common stands on no floor, and outside of `src`.
const OF_TESTS: [&str; 3] = ["cold", "limit", "skip"];

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

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
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
        let from = module_of(&source.path);
        for path in named(&source.tokens) {
            let Some(name) = top(&from, &path.segments) else { continue };
            if name == source.module || (source.is_test() && OF_TESTS.contains(&&*name)) {
                continue;
            }
            let at = path.line;
            match floor_of(&name) {
                Some(below) if below < floor => {}
                Some(above) => offences.push(format!(
                    "{}:{at}: floor {floor} uses `{name}` of floor {above}",
                    source.path
                )),
                None => {
                    offences.push(format!("{}:{at}: `crate::{name}` is no module", source.path));
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

/// What cannot be in an order, and why: the file, and what it uses that is listed further down.
const BOTH_WAYS: [(&str, &str, &str); 1] =
    [("sys/lane.rs", "span", "a span knows its connection's line, and the line its spans")];

#[test]
fn a_file_uses_only_what_is_listed_before_it() {
    let sources = sources();
    let modules = Modules::of(&sources);
    let mut offences = Vec::new();
    let mut excused = Vec::new();
    for (room, uses) in order::siblings(&modules) {
        for upward in order::upward(&modules, &room, &uses) {
            let is_upward = |(file, used, _): &&(&str, &str, &str)| {
                upward.file == *file && upward.used == *used
            };
            match BOTH_WAYS.iter().find(is_upward) {
                Some(known) => excused.push(known),
                None => offences.push(upward.to_string()),
            }
        }
        if !offences.is_empty() {
            offences.push(format!(
                "an order without that: {}",
                order::proposed(&modules, &room, &uses)
            ));
            break;
        }
    }
    report(&offences);
    assert_eq!(excused.len(), BOTH_WAYS.len(), "more exceptions than are needed: {excused:?}");
}

/// `cargo test --test architecture circles -- --nocapture` prints them.
#[test]
fn circles_are_no_more_than_they_were() {
    let sources = sources();
    let modules = Modules::of(&sources);
    let mut all = 0;
    for (room, uses) in order::siblings(&modules) {
        let circles = order::circles(&uses);
        for circle in &circles {
            println!("{}: {}", room.join("::"), circle.join(" "));
        }
        let files: usize = circles.iter().map(Vec::len).sum();
        all += files;
        let name = room.join("::");
        let both_ways = BOTH_WAYS.iter().filter(|(file, ..)| file.starts_with(&format!("{name}/")));
        assert_eq!(files, both_ways.count() * 2, "{name}: files in circles");
    }
    println!("{all} of {} files stand in circles", modules.all().count());
}

/// The most lines of a function, from `fn` to its last brace.
const LINES: usize = 60;

/// The most fields of a struct; more of them want groups.
const FIELDS: usize = 10;
/// What has more, how many, and why. None may grow.
const WIDER: [(&str, usize, &str); 8] = [
    ("answer/facts.rs Facts", 13, "what a builder collects, a fact each"),
    ("files/counts.rs Counters", 16, "counters, while they are counted"),
    ("files/counts.rs Counts", 15, "the same, public, each named in the guide"),
    ("head/receipt.rs Receipt", 13, "what a reporter is given; what is counted is a group already"),
    ("head/shared.rs Record", 15, "what is rare of an exchange, in one box"),
    ("layer/settings.rs Settings", 15, "what a builder collects, an option each"),
    ("rules/conflict.rs Conflict", 15, "what a rule found, with what each action needs"),
    ("sys/diagnose/causes.rs Facts", 11, "what the kernel was asked, a question each"),
];

/// Prints the ten largest; what is larger than `most` has to be listed, with its size.
fn bounded(what: &str, most: usize, mut found: Vec<Item>, larger: &[(&str, usize, &str)]) {
    assert!(found.len() > 100, "found only {} with {what}", found.len());
    found.sort_by_key(|sized| std::cmp::Reverse(sized.size));
    for Item { name, line, size } in &found[..10] {
        println!("{size} {what}: {name}, line {line}");
    }
    let found = found.iter().filter(|sized| sized.size > most);
    let mut found: Vec<_> = found.map(|sized| (sized.name.as_str(), sized.size)).collect();
    let mut listed: Vec<_> = larger.iter().map(|(name, size, _)| (*name, *size)).collect();
    found.sort_unstable();
    listed.sort_unstable();
    assert_eq!(found, listed, "{what}: more than {most}, found and listed");
}

/// `cargo test --test architecture sizes -- --nocapture` prints the largest.
#[test]
fn sizes_of_functions_and_structs_are_bounded() {
    let sources = sources();
    let sources = || sources.iter().filter(|source| !source.is_test());
    bounded("lines", LINES, sources().flat_map(sizes::functions).collect(), &[]);
    bounded("fields", FIELDS, sources().flat_map(sizes::structs).collect(), &WIDER);
}

/// Two files of a room that is made up.
fn room(of_a: &str, of_b: &str) -> Vec<source::Source> {
    vec![
        source::of("field/mod.rs", "mod a;\nmod b;\npub use b::{Late as Renamed};"),
        source::of("field/a.rs", of_a),
        source::of("field/b.rs", of_b),
    ]
}

#[test]
fn the_checks_see_what_they_should() {
    let paths = |text: &str| {
        let paths = named(&text.parse().unwrap()).into_iter();
        paths.map(|path| path.segments.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(
        paths("use crate::{caught, error::Error};"),
        ["crate::caught", "crate::error::Error"]
    );
    assert_eq!(paths("use a::b::{self, c as d};"), ["a::b", "a::b::c"]);
    assert_eq!(
        paths("fn f() { crate::field::x(\"crate::no\") } // crate::no"),
        ["crate::field::x"]
    );
    assert!(paths("pub(crate) fn f() {}").is_empty());
    let top = |path: &str| {
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        paths::top(&["head".to_owned(), "write".to_owned()], &path)
    };
    assert_eq!(top("crate::field::Tag").as_deref(), Some("field"));
    assert_eq!(top("super::super::rules::Rule").as_deref(), Some("rules"));
    assert_eq!(top("super::shared").as_deref(), Some("head"));
    assert_eq!(top("std::fmt"), None);

    let up = |of_a: &str, of_b: &str| {
        let sources = room(of_a, of_b);
        let modules = Modules::of(&sources);
        let rooms = order::siblings(&modules);
        let uses = rooms.get(&vec!["field".to_owned()]).cloned().unwrap_or_default();
        (order::upward(&modules, &["field".to_owned()], &uses).len(), order::circles(&uses).len())
    };
    assert_eq!(up("", "use super::a::X;"), (0, 0));
    assert_eq!(up("fn f() { super::b::g() }", ""), (1, 0));
    assert_eq!(up("use crate::field::Renamed;", "use super::a;"), (1, 1), "by a re-export");
    assert_eq!(up("#[cfg(test)] mod tests { use super::super::b::X; } fn f() {}", ""), (0, 0));
    let source = source::of("field/a.rs", "fn f() {}\n#[cfg(test)]\nfn g() {\n}\nfn h() {} // x");
    assert_eq!(source.code(), [(1, "fn f() {}"), (5, "fn h() {} ")]);
    let source = source::of(
        "a.rs",
        "struct S<T: X> { a: T, pub b: u8::X }\nfn f()\n{ fn g() {\n} }\nfn h();",
    );
    let sized = |found: Vec<Item>| {
        found.into_iter().map(|found| (found.name, found.line, found.size)).collect::<Vec<_>>()
    };
    assert_eq!(sized(sizes::structs(&source)), [("a.rs S".to_owned(), 1, 2)]);
    let found = [("a.rs f".to_owned(), 2, 3), ("a.rs g".to_owned(), 3, 2)];
    assert_eq!(sized(sizes::functions(&source)), found);
}
