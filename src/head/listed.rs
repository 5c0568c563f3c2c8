//! The version of the signed list that a response was made by, in its extensions; for receipts.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

/// Responses are marked only where a layer may look.
static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// A layer looks only where a sender may have marked a response.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// The version of the list that was in force when the response was made.
#[derive(Clone, Copy, Debug)]
struct ListVersion(NonZeroU64);

/// There is a layer: from now on responses are marked.
pub(crate) fn ask_for_list_versions() {
    IS_ASKED.store(true, Ordering::Relaxed);
}

/// There is a sender with a list: from now on layers look.
#[allow(dead_code, reason = "lists of files are an option")]
pub(crate) fn use_list_versions() {
    IS_USED.store(true, Ordering::Relaxed);
}

/// Marks the response that these extensions go with.
#[allow(dead_code, reason = "lists of files are an option")]
pub(crate) fn mark_list_version(extensions: &mut Extensions, version: u64) {
    if IS_ASKED.load(Ordering::Relaxed) {
        if let Some(version) = NonZeroU64::new(version) {
            extensions.insert(ListVersion(version));
        }
    }
}

/// The version of the list that the response was made by.
#[inline]
pub(crate) fn list_version(extensions: &Extensions) -> Option<NonZeroU64> {
    if !IS_USED.load(Ordering::Relaxed) {
        return None;
    }
    extensions.get::<ListVersion>().map(|version| version.0)
}
