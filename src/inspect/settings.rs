//! What the application says of the pages.

use std::path::{Path, PathBuf};

use super::access::Doors;
use super::escape::percent_encoded;
use super::trees::Trees;
use crate::ledger::Writer;

/// What the application says of the pages.
#[derive(Clone)]
pub(super) struct Settings {
    /// Where they stand, if nothing else is known.
    pub(super) mount: String,
    /// The application said so.
    pub(super) is_placed: bool,
    pub(super) doors: Doors,
    /// A URL with `{file}` and `{line}` in it.
    pub(super) editor: Option<String>,
    /// Where the source is.
    pub(super) root: PathBuf,
    pub(super) links: Links,
    pub(super) trees: Trees,
}

/// Which links responses carry to their pages.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) on: bool,
    /// In `Server-Timing`, too.
    pub(super) timing: bool,
}

impl Settings {
    pub(super) fn new() -> Self {
        Self {
            mount: "/_head".to_owned(),
            is_placed: false,
            doors: Doors::default(),
            editor: None,
            root: std::env::current_dir().unwrap_or_default(),
            links: Links { on: true, timing: false },
            trees: Trees::default(),
        }
    }

    /// Where a writer stands in the source.
    pub(super) fn source(writer: &Writer) -> Option<(&str, u32)> {
        match writer {
            Writer::Place(location) => Some((location.file(), location.line())),
            Writer::Policy(place) => Some((place.file(), place.number())),
            Writer::Layer(_)
            | Writer::Response
            | Writer::Unnamed(_)
            | Writer::Trailers
            | Writer::Framing
            | Writer::ErrorAnswer
            | Writer::Rule
            | Writer::Letterhead
            | Writer::Signer => None,
        }
    }

    /// The URL that opens a line in an editor, if one is configured.
    pub(super) fn link(&self, writer: &Writer) -> Option<String> {
        let (file, line) = Self::source(writer)?;
        let path = self.root.join(Path::new(file));
        let path = percent_encoded(&path.to_string_lossy().replace('\\', "/"));
        let template = self.editor.as_ref()?;
        Some(template.replace("{file}", &path).replace("{line}", &line.to_string()))
    }
}
