//! A test in a process and a mount namespace of its own, where it may mount and set limits.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

pub(crate) use crate::figures::figures;
use crate::scratch::Scratch;
use crate::skip;

/// Which test the child is to run.
pub(crate) const CHILD: &str = "LETTERHEAD_TEST_CHILD";

/// No child takes longer than this many seconds, with room for a machine that is busy.
const PATIENCE: &str = "300";

/// Runs `body` in a process of its own: the test named `name` is run once more, alone.
pub(crate) fn in_child(name: &str, body: impl FnOnce()) {
    run(name, &[], body);
}

/// As [`in_child`], in a mount namespace of its own: what is mounted there is gone with the child,
/// however that ends.
pub(crate) fn in_namespace(name: &str, body: impl FnOnce()) {
    let unshare = ["unshare", "--mount", "--propagation", "private", "--"];
    let allowed = || Command::new("unshare").args(["--mount", "true"]).output();
    if env::var_os(CHILD).is_none() && !allowed().is_ok_and(|done| done.status.success()) {
        return skip::right("root, to mount");
    }
    run(name, &unshare, body);
}

fn run(name: &str, prefix: &[&str], body: impl FnOnce()) {
    if env::var_os(CHILD).is_some_and(|child| child == name) {
        return body();
    }
    // Behind the child nothing is mounted there any more.
    let temporary = Scratch::new();
    let output = Command::new("timeout")
        .args(["--kill-after=5", PATIENCE])
        .args(prefix)
        .arg(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, name)
        .env("TMPDIR", temporary.path(""))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
    skip::repeat(&err);
    println!("{out}");
    eprintln!("{err}");
}

/// Runs a tool to its end; what it said, if it failed.
pub(crate) fn tool(name: &str, args: &[&str]) -> Result<(), String> {
    match Command::new(name).args(args).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// A runtime of one thread, and those on which blocking is allowed.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Descriptors of this process that are open, the one that counts them included.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until `done`; what a server does behind a client's back comes in its own time.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "wanted {what}, it did not come");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
