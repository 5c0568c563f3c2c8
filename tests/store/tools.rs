//! Programs of others that the tests ask.

use std::process::{Command, Output};

/// Runs a tool; `None` if it is not there, which is an error where all have to be.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip(&format!("{tool}: {error}"));
            None
        }
    }
}

/// Says that something is not tested here, unless everything has to be.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("LETTERHEAD_ALL_TOOLS").is_none(), "{why}");
    println!("skipped: {why}");
}
