//! What tests counted, kept for whoever reads it after the run.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Prints it, and keeps it in a file of that name: in `LETTERHEAD_FIGURES`, or below `target`.
pub(crate) fn figures(name: &str, text: &str) {
    println!("{text}");
    let usual = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures");
    let directory = env::var_os("LETTERHEAD_FIGURES").map_or_else(usual, PathBuf::from);
    let text = format!("{}\n", text.trim_end());
    let kept = fs::create_dir_all(&directory).and_then(|()| fs::write(directory.join(name), text));
    // The test's user need not be the one of the directory, and has read it.
    if let Err(error) = kept {
        eprintln!("{}: {error}", directory.display());
    }
}
