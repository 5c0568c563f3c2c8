//! Arguments, and what the command says to them, as a table beside this file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::command::{Scratch, command};

/// What the table says and what is so: the same text, or one to be written with `UPDATE_EXPECT=1`.
#[test]
fn the_command_says_what_the_table_has() {
    let place = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".to_owned());
    let path = Path::new(&place).join("tests/cli/table.txt");
    let table = fs::read_to_string(&path).unwrap();
    let (head, cases) = table.split_once("\n=== ").unwrap();
    let mut found = head.to_owned() + "\n";
    let mut count = 0;
    for case in cases.split("\n=== ") {
        write!(found, "=== {}", answered(case)).unwrap();
        count += 1;
    }
    let found = found.trim_end().to_owned() + "\n";
    assert!(count > 15, "found only {count} cases");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs::write(&path, found).unwrap();
    }
    for (wanted, found) in table.split("\n=== ").zip(found.split("\n=== ")) {
        assert_eq!(found.trim_end(), wanted.trim_end());
    }
    assert_eq!(table, found);
}

#[test]
fn the_guide_shows_true_output() {
    let read = |path: &str| {
        let place = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".to_owned());
        fs::read_to_string(Path::new(&place).join(path)).unwrap()
    };
    let table = read("tests/cli/table.txt").replace("\n! ", "\n");
    let guide = read("src/guide/command.md");
    let blocks = guide.split("```text\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut count = 0;
    for block in blocks {
        assert!(table.contains(block), "wanted in the table:\n{block}");
        count += 1;
    }
    assert_eq!(count, 4, "blocks of the guide");
}

/// A case with what its commands said.
fn answered(case: &str) -> String {
    let scratch = Scratch::new();
    let mut out = String::new();
    let mut file: Option<(&str, String)> = None;
    let mut is_output = false;
    let mut lines = case.lines();
    writeln!(out, "{}", lines.next().unwrap()).unwrap();
    for line in lines {
        if let Some(name) = line.strip_prefix("+++ ") {
            write_file(&scratch, file.replace((name, String::new())));
            is_output = false;
            writeln!(out, "{line}").unwrap();
        } else if let Some(arguments) = line.strip_prefix("$ letterhead") {
            write_file(&scratch, file.take());
            is_output = true;
            writeln!(out, "{line}\n{}", said(&scratch, arguments)).unwrap();
        } else if !is_output {
            writeln!(out, "{line}").unwrap();
            if let Some((_, content)) = &mut file {
                writeln!(content, "{line}").unwrap();
            }
        }
    }
    out.trim_end().to_owned() + "\n\n"
}

fn write_file(scratch: &Scratch, file: Option<(&str, String)>) {
    if let Some((name, content)) = file {
        scratch.write(name, content.trim_end_matches('\n'));
    }
}

/// What the command said: stdout as it is, stderr with a mark, and how it ended.
fn said(scratch: &Scratch, arguments: &str) -> String {
    // Blanks part arguments, but for those between quotes.
    let parts = arguments.split('\'').enumerate();
    let arguments = parts.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect::<Vec<_>>(),
        _ => vec![part],
    });
    let ran = command().args(arguments).current_dir(scratch.path()).output().unwrap();
    let mut text = String::from_utf8(ran.stdout).unwrap();
    for line in String::from_utf8(ran.stderr).unwrap().lines() {
        writeln!(text, "! {line}").unwrap();
    }
    writeln!(text, "exit {}", ran.status.code().unwrap()).unwrap();
    text
}
