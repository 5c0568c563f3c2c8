//! The redirects that are in force, which may be replaced while requests are served.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use letterhead::policy::{Redirect, Redirects};

/// The redirects of a directory.
pub(crate) struct RedirectFile {
    path: PathBuf,
    current: ArcSwap<Redirects>,
}

impl RedirectFile {
    /// Reads the file; without one nothing leads elsewhere.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let redirects = read(&path)?;
        Ok(Self { path, current: ArcSwap::from_pointee(redirects) })
    }

    /// Reads it again; if a line is wrong, what was in force stays.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let redirects = read(&self.path)?;
        self.current.store(Arc::new(redirects));
        Ok(())
    }

    /// Where a request leads.
    pub(crate) fn find(&self, path: &str, query: Option<&str>) -> Option<Redirect> {
        self.current.load().find(path, query)
    }
}

/// Whether a file is one of redirects, by its name.
pub(crate) fn is_redirects(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b"_redirects"))
}

fn read(path: &Path) -> Result<Redirects, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(format!("the file {} could not be read: {error}", path.display()));
        }
    };
    Redirects::parse("_redirects", &text).map_err(|errors| {
        format!("the file {} has lines that are wrong:\n{errors}", path.display())
    })
}
