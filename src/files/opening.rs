//! A path is opened beneath the root, or known from before.

use std::thread::sleep;

use http::StatusCode;

use super::cache::Looked;
use super::context::{Context, Mode};
use super::found::{LookupError, Named};
use super::opened::Name;
use super::options::Links;
use super::siblings::directory;
use crate::answer::Coding;
use crate::sys::{Decision, Meaning, Opened};

/// What `path` leads to, to be sent in `coding`.
pub(super) fn open(
    context: &mut Context<'_>,
    path: &[u8],
    coding: Coding,
) -> Result<Named, LookupError> {
    let named = match context.mode {
        Mode::Inline => open_inline(context, path, coding)?,
        Mode::Blocking => {
            let opened = resolve(context, path)?;
            remember_link(context, path);
            match opened {
                Opened::File(handle) => Named::File(handle),
                Opened::Directory(_) => Named::Directory,
            }
        }
    };
    let admission = context.settings.admission.as_ref();
    if matches!(named, Named::File(_)) && admission.is_some_and(|admission| admission.hides(path)) {
        return Err(LookupError::Nothing);
    }
    Ok(named)
}

fn open_inline(
    context: &mut Context<'_>,
    path: &[u8],
    coding: Coding,
) -> Result<Named, LookupError> {
    let settings = context.settings;
    let root = settings.root();
    if let Some(cache) = context.cache() {
        let (now, opened) = (context.request.now, context.request.takes_open());
        if let Some((ready, looked)) = cache.fresh(root, path, coding, now, opened) {
            if looked == Looked::Before {
                context.settings.shared.counters.watched.add();
            }
            return Ok(Named::Ready(ready));
        }
        if cache.is_absent(root, path, context.request.now) {
            return Err(LookupError::Nothing);
        }
    }
    if is_behind_link(context, path) {
        return Err(LookupError::NeedsBlocking);
    }
    context.acquire_permit(|| Name::Beneath(path.to_vec()))?;
    match root.resolve_cached(path, settings.lookup.how()) {
        Some(Opened::File(handle)) => Ok(Named::File(handle)),
        Some(Opened::Directory(_)) => Ok(Named::Directory),
        None => Err(LookupError::NeedsBlocking),
    }
}

/// Whether there is no use in asking the cache of the kernel for what is in this directory.
fn is_behind_link(context: &Context<'_>, path: &[u8]) -> bool {
    context.settings.root().caches_no_links()
        && directory(path)
            .is_some_and(|at| context.settings.learned.behind_links.has(&(at, context.term())))
}

/// Remembers that the way to this path, which was just followed, is one that the cache of the kernel does
/// not have. It blocks.
fn remember_link(context: &Context<'_>, path: &[u8]) {
    if !context.settings.root().caches_no_links() || context.settings.lookup.links == Links::None {
        return;
    }
    let Some(at) = directory(path) else { return };
    if context.settings.root().pin_cached(at).is_err() {
        context.settings.learned.behind_links.add(&(at, context.term()));
    }
}

/// Opens what `path` leads to. It blocks.
pub(super) fn resolve(context: &mut Context<'_>, path: &[u8]) -> Result<Opened, LookupError> {
    context.acquire_permit(|| Name::Beneath(path.to_vec()))?;
    loop {
        let refusal = match context.settings.root().resolve(path, context.settings.lookup.how()) {
            Ok(opened) => return Ok(opened),
            Err(refusal) => refusal,
        };
        let name = Name::Beneath(path.to_vec());
        let ruling = context.settings.os_errors.decide(&name, &refusal, context.attempts, false);
        match ruling.decision() {
            Decision::Retry { after } => sleep(after),
            Decision::ReResolve | Decision::Next => {}
            // If it is there and the application says otherwise, then that is what it says.
            Decision::Answer { status: StatusCode::NOT_FOUND, retry_after: None }
                if refusal.meaning() == Meaning::NotFound =>
            {
                let how = context.settings.lookup.how();
                if let Some(cache) = context.cache().filter(|_| {
                    refusal.is_absence() && context.settings.root().misses_nearby(path, how)
                }) {
                    cache.keep_absent(&context.settings.os_errors, path, context.request.now);
                }
                return Err(LookupError::Nothing);
            }
            Decision::Answer { status: StatusCode::FORBIDDEN, .. }
                if context.settings.errors.concealed =>
            {
                return Err(LookupError::Nothing);
            }
            Decision::Answer { .. } | Decision::Abort => {
                return Err(LookupError::Refused(refusal, ruling));
            }
        }
        context.attempts = context.attempts.saturating_add(1);
    }
}
