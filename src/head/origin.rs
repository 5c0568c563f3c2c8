//! Marks on responses of who made them: a file, a named layer; for header policies that ask.

use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

use crate::ledger::LayerName;

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

/// The response is a page about others, and has none itself.
#[derive(Clone, Copy, Debug)]
struct OwnPage;

/// Marks the response that these extensions go with as a page about others.
#[allow(dead_code, reason = "the inspector alone has pages, and is an option")]
pub(crate) fn mark_own_page(extensions: &mut Extensions) {
    extensions.insert(OwnPage);
}

/// Whether the response is such a page.
pub(crate) fn is_own_page(extensions: &Extensions) -> bool {
    extensions.get::<OwnPage>().is_some()
}

/// Named layers mark responses only where a policy asks for one by its name.
static IS_LAYER_ASKED: AtomicBool = AtomicBool::new(false);

/// The named layer that made the response; nothing if what stands inside of all named layers made it.
#[derive(Clone, Debug)]
struct MadeBy(Option<LayerName>);

/// From now on named layers mark responses.
#[allow(dead_code, reason = "a policy alone asks, and is an option")]
pub(crate) fn ask_for_layers() {
    IS_LAYER_ASKED.store(true, Ordering::Relaxed);
}

#[inline]
pub(crate) fn is_layer_asked() -> bool {
    IS_LAYER_ASKED.load(Ordering::Relaxed)
}

/// Marks a response that has no mark yet: it is this layer's, or comes from inside of all named ones.
pub(crate) fn mark_layer(extensions: &mut Extensions, layer: Option<&LayerName>) {
    if extensions.get::<MadeBy>().is_none() {
        extensions.insert(MadeBy(layer.cloned()));
    }
}

/// The named layer that made the response.
#[allow(dead_code, reason = "a policy alone asks, and is an option")]
pub(crate) fn layer_of(extensions: &Extensions) -> Option<&str> {
    let made_by = if is_layer_asked() { extensions.get::<MadeBy>() } else { None };
    made_by?.0.as_ref().map(LayerName::as_str)
}
