//! A mark on responses that were made of a file, for header policies that ask who made one.

use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

/// Responses are marked only where a layer has a policy.
static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// The file sender or the store made the response.
#[derive(Clone, Copy, Debug)]
struct FromFile;

/// From now on responses are marked.
#[allow(dead_code, reason = "a policy alone asks, and is an option")]
pub(crate) fn ask_for_files() {
    IS_ASKED.store(true, Ordering::Relaxed);
}

/// Marks the response that these extensions go with.
#[allow(dead_code, reason = "files are an option")]
pub(crate) fn mark_file(extensions: &mut Extensions) {
    if IS_ASKED.load(Ordering::Relaxed) {
        extensions.insert(FromFile);
    }
}

/// Whether the response is marked.
#[allow(dead_code, reason = "a policy alone asks, and is an option")]
pub(crate) fn is_from_file(extensions: &Extensions) -> bool {
    extensions.get::<FromFile>().is_some()
}
