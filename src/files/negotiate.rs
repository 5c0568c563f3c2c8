//! Which of a file and its siblings in other codings is sent.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::ACCEPT_ENCODING;

use super::context::{Context, Mode};
use super::found::{Chosen, Found, LookupError, Named};
use super::opened::{Name, OpenedFile};
use super::opening::open;
use super::siblings::{ending, seconds_behind};
use super::type_table::compresses;
use crate::answer::Coding;
use crate::sys::{Place, Refusal, Ruling, detached};

const AS_IT_IS: &str = "the file is sent as it is; make the sibling again, or allow older ones";

/// The file at a path, in the coding that the client likes best; a directory is none.
pub(super) fn file_at<'a>(
    context: &mut Context<'a>,
    path: Vec<u8>,
) -> Result<Chosen<'a>, LookupError> {
    match open_plain(context, &path)? {
        Named::Directory => Err(LookupError::Nothing),
        plain @ (Named::File(_) | Named::Ready(_) | Named::Known(_)) => {
            negotiate(context, Cow::Owned(path), plain)
        }
    }
}

/// The coding of a file that the client takes most gladly, of those that there are.
pub(super) fn negotiate<'a>(
    context: &mut Context<'a>,
    name: Cow<'a, [u8]>,
    plain: Named,
) -> Result<Chosen<'a>, LookupError> {
    // Whoever says nothing of codings gets the plain bytes.
    if context.settings.lookup.codings.is_empty() || !context.request.asked.has(&ACCEPT_ENCODING) {
        return in_no_coding(context, name, plain);
    }
    let modified = plain.modified();
    let mut failed = None;
    for coding in context.request.asked.ranked(&context.settings.lookup.codings) {
        let Some(ending) = ending(coding) else {
            return in_no_coding(context, name, plain);
        };
        let path = [name.as_ref(), ending].concat();
        match open(context, &path, coding) {
            Ok(sibling @ (Named::File(_) | Named::Ready(_))) => {
                let behind = seconds_behind(sibling.modified(), modified);
                // One that is older than what it is made of is of another version.
                if context.settings.lookup.older_siblings || behind.is_none() {
                    remember_plain(context, &name, &plain);
                    return chosen(sibling, coding, Some(path), name, true);
                }
                pass_over(context, path, behind.unwrap_or_default());
            }
            Err(LookupError::NeedsBlocking) => return Err(LookupError::NeedsBlocking),
            Err(missing) if missing.is_failure() => failed = failed.or(Some(missing)),
            // One that is a directory or may not be read is as good as none.
            Ok(Named::Directory | Named::Known(_)) | Err(_) => {}
        }
    }
    // If nothing else will do, then it is not the client who asks for too much.
    Err(failed.unwrap_or(LookupError::NotAcceptable))
}

/// What the plain file leads to, as by [`open`]; but where a sibling may be sent in its place, and the
/// file is the one that it was when that was sent before, nobody has to open it.
pub(super) fn open_plain(context: &mut Context<'_>, path: &[u8]) -> Result<Named, LookupError> {
    let is_asked = context.mode == Mode::Inline && context.request.asked.has(&ACCEPT_ENCODING);
    if let Some(cache) =
        context.cache().filter(|_| is_asked && context.settings.lookup.codings.len() > 1)
    {
        if let Some(modified) = cache.plain(context.settings.root(), path, context.request.now) {
            return Ok(Named::Known(modified));
        }
    }
    open(context, path, Coding::Identity)
}

/// Remembers a file in whose place a sibling is sent.
fn remember_plain(context: &Context<'_>, name: &[u8], plain: &Named) {
    let Named::File(handle) = plain else { return };
    // What is mounted below the root may take its time to be looked at.
    if let Some(cache) = context.cache().filter(|_| handle.place() != Place::Elsewhere) {
        cache.keep_plain(&context.settings.os_errors, name, *handle.stat(), context.request.now);
    }
}

/// The file as it is.
fn in_no_coding<'a>(
    context: &mut Context<'a>,
    name: Cow<'a, [u8]>,
    plain: Named,
) -> Result<Chosen<'a>, LookupError> {
    let is_known = matches!(plain, Named::Known(_));
    let plain = if is_known { open(context, &name, Coding::Identity)? } else { plain };
    if is_known && matches!(plain, Named::Directory) {
        // It was a file a moment ago: on the blocking pool everything is looked at again.
        return Err(LookupError::NeedsBlocking);
    }
    let varies = match &plain {
        Named::File(_) => may_have_sibling(context, &name)?,
        // The head that was kept says it.
        Named::Ready(_) | Named::Known(_) | Named::Directory => false,
    };
    chosen(plain, Coding::Identity, None, name, varies)
}

/// Whether a cache has to know that there may be other codings of this name: if its type is one that is worth to
/// be compressed, or if there is a sibling all the same. Nobody compresses a video, and a cache that read
/// that it varies would store it once for each browser.
fn may_have_sibling(context: &mut Context<'_>, name: &[u8]) -> Result<bool, LookupError> {
    let settings = context.settings;
    if settings.lookup.codings.iter().all(|coding| ending(*coding).is_none()) {
        return Ok(false);
    }
    if settings.fields.type_of(name).is_some_and(|value| compresses(&value)) {
        return Ok(true);
    }
    let alone = &settings.shared.siblings.alone;
    let key = (name, context.term());
    if alone.has(&key) {
        return Ok(false);
    }
    for ending in
        settings.lookup.codings.iter().filter_map(|coding| Some((ending(*coding)?, coding)))
    {
        match open(context, &[name, ending.0].concat(), *ending.1) {
            Ok(Named::File(_) | Named::Ready(_)) => return Ok(true),
            Err(LookupError::NeedsBlocking) => return Err(LookupError::NeedsBlocking),
            Err(missing) if missing.is_failure() => return Ok(true),
            Ok(Named::Directory | Named::Known(_)) | Err(_) => {}
        }
    }
    alone.add(&key);
    Ok(false)
}

/// Counts a sibling that is too old, and tells the operator if it is the first one in its directory.
fn pass_over(context: &Context<'_>, path: Vec<u8>, behind: u64) {
    let shared = &context.settings.shared;
    shared.counters.older_siblings.add();
    if context.settings.os_errors.on_refusal.is_none() || !shared.siblings.is_news(&path) {
        return;
    }
    // Whoever hears of it may wait.
    let os_errors = Arc::clone(&context.settings.os_errors);
    detached(move || {
        let refusal = Refusal::older(behind);
        os_errors.report(&Name::Beneath(path), &refusal, Ruling::next(AS_IT_IS));
    });
}

/// A file, opened by `path`, or else by its name.
fn chosen(
    named: Named,
    coding: Coding,
    path: Option<Vec<u8>>,
    name: Cow<'_, [u8]>,
    varies: bool,
) -> Result<Chosen<'_>, LookupError> {
    let found = match named {
        Named::Ready(ready) => Found::Ready(ready),
        Named::File(handle) => {
            let name = Name::Beneath(path.unwrap_or_else(|| name.to_vec()));
            Found::File(OpenedFile { name, handle })
        }
        Named::Directory | Named::Known(_) => return Err(LookupError::Nothing),
    };
    Ok(Chosen { found, coding, varies, name })
}
