//! Behind caches that are not ours: random histories of a file, and which bytes a client is given.
//!
//! `run.py` has the histories, the caches and the judge; here are a few of them, with fixed seeds. `.ci/long` runs all.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;

/// A cache, as `run.py` names it, and the program that it is.
const CACHES: [(&str, &str); 6] = [
    ("nginx", "nginx"),
    ("slices", "nginx"),
    ("varnish", "varnishd"),
    ("squid", "squid"),
    ("haproxy", "haproxy"),
    ("apache", "apache2"),
];

/// Where an ordinary user's `PATH` does not look.
const SBIN: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Cargo builds the examples beside the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/files");
    assert!(path.exists(), "wanted the example at {}, found nothing", path.display());
    path
}

fn is_there(program: &str) -> bool {
    skip::has(program) || SBIN.iter().any(|at| PathBuf::from(at).join(program).is_file())
}

fn histories(cache: &str) -> Child {
    let mut command = Command::new("python3");
    command.arg("tests/caches/run.py").arg("--files").arg(example());
    command.args(["--cache", cache, "--histories", "20"]);
    // What the tree was checked out to may be another user's.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_client_behind_a_cache_is_given_no_mix_and_nothing_that_is_not_fresh_any_more() {
    if !skip::has("python3") {
        return skip::tool("python3");
    }
    // Beside each other: mostly they wait until what is fresh is stale.
    let mut running = Vec::new();
    for (cache, program) in CACHES {
        if is_there(program) {
            running.push((cache, histories(cache)));
        } else {
            skip::tool(format_args!("{program}, as a cache"));
        }
    }
    let mut faults = Vec::new();
    for (cache, child) in running {
        let done = child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        println!("{out}");
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            faults.push(format!("{cache}:\n{out}{said}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
