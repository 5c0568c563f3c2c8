//! The `trust` example: what is served of a tree that was changed.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Example, PROTOCOLS, curl, path_of};

/// The tree that a running example serves.
pub(crate) fn tree(example: &Example) -> PathBuf {
    let line = example.receipt_with("trust: the tree is ");
    line.strip_prefix("trust: the tree is ").unwrap().into()
}

#[test]
fn a_changed_tree_is_not_served_until_it_is_signed() {
    let example = Example::start("trust");
    let tree = tree(&example);
    let get = |path: &str| curl(PROTOCOLS[0], &[&example.url(path)]);
    let Some(good) = get("/app.js") else { return };
    good.exits(0).says("200").says("alert(1);").says("x-tree-version: 1");
    std::fs::write(tree.join("app.js"), "alert(2);\n").unwrap();
    std::fs::write(tree.join("added"), "x").unwrap();
    get("/app.js").unwrap().says("503").says("retry-after: 60").lacks("alert");
    get("/added").unwrap().says("404");
    get("/").unwrap().says("200");
    example.receipt_with("trust: app.js: ");
    example.receipt_with("trust: added: not listed");
    example.signal("-HUP");
    example.receipt_with("trust: version 2 of tree `example` is in force: 3 files");
    get("/app.js").unwrap().says("200").says("alert(2);").says("x-tree-version: 2");
    get("/added").unwrap().says("200");
    let (status, _) = example.interrupt();
    assert!(status.success());
}

/// Two examples whose list is over: one serves on, one has stopped.
pub(crate) fn expired() -> [Example; 2] {
    let start = |flags: &[&str]| {
        // It may be over before it is read, and then it is no start.
        let begun = ["1", "2", "4", "8", "16"].into_iter().find_map(|seconds| {
            let mut command = Command::new(path_of("trust"));
            command.args(["--expires-in", seconds]).args(flags);
            Example::try_run(command)
        });
        let example = begun.unwrap();
        // The end of a list is noticed by the first request behind it.
        let end = Instant::now() + Duration::from_secs(40);
        while !example.has("trust: the time of the list ended at ") {
            curl(PROTOCOLS[0], &[&example.url("/")]);
            assert!(Instant::now() < end, "the list holds on");
        }
        example
    };
    [start(&[]), start(&["--stop-on-expiry"])]
}

#[test]
fn a_list_whose_time_is_over_is_served_on_or_not() {
    if !crate::skip::has("curl") {
        return crate::skip::tool("curl");
    }
    let [serves, stops] = expired();
    let get = |example: &Example| curl(PROTOCOLS[0], &[&example.url("/app.js")]).unwrap();
    get(&serves).says("200").says("alert(1);").says("signature-input: ");
    get(&stops).says("503").says("retry-after: 60").lacks("alert");
    serves.receipt_with(": it is served all the same");
    stops.receipt_with(": nothing is served");
    for example in [serves, stops] {
        let (status, _) = example.interrupt();
        assert!(status.success());
    }
    let wrong = |flags: &[&str], expected: &str| {
        let ran = Command::new(path_of("trust")).args(flags).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{flags:?}");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.starts_with(expected), "{said}");
    };
    wrong(&["--expires-in", "soon"], "--expires-in: wanted a number of seconds, found `soon`");
    wrong(&["--listen"], "--listen: wanted a value, found nothing");
    wrong(&["--stop"], "wanted an option of these, found `--stop`");
}
