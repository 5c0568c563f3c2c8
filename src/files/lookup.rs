//! The file that a request is about: by its path, the index of a directory, a page without its ending, a view.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use super::clean_urls::{clean_name, mended, page_at, page_beside};
use super::context::{Context, Mode};
use super::directory::Listing;
use super::found::{Chosen, Found, LookupError, Named};
use super::negotiate::{file_at, negotiate, open_plain};
use super::opened::{Name, OpenedFile};
use super::opening::resolve;
use super::path::{FilePath, with_slash};
use super::request::{PathRequest, Target};
use crate::answer::Coding;
use crate::sys::{Opened, duplicate};

/// Finds the file that the request is about.
pub(super) fn find<'a>(context: &mut Context<'a>) -> Result<Chosen<'a>, LookupError> {
    let request = context.request;
    let (path, path_request) = match &request.target {
        Target::Path(Some(path), path_request) => (path, path_request.as_ref()),
        Target::Path(None, _) => return Err(LookupError::Nothing),
        Target::File(file, name) => return of_descriptor(context, file, name),
    };
    let found = match (by_path(context, path, path_request), path_request) {
        (Err(LookupError::Nothing), Some(path_request)) => view(context, path_request),
        (found, _) => found,
    };
    match path_request {
        Some(path_request) if path.is_doubled() => Err(mended(&path_request.uri, found)),
        _ => found,
    }
}

/// What is answered where there is nothing.
pub(super) fn view<'a>(
    context: &mut Context<'a>,
    path_request: &PathRequest,
) -> Result<Chosen<'a>, LookupError> {
    let Some(fallback) = &context.settings.lookup.fallback else {
        return Err(LookupError::Nothing);
    };
    context.by_accept = true;
    if path_request.goes_to_page {
        file_at(context, fallback.as_bytes().to_vec())
    } else {
        Err(LookupError::Nothing)
    }
}

/// A file that somebody else opened, looked at again.
fn of_descriptor<'a>(
    context: &mut Context<'a>,
    file: &OwnedFd,
    name: &'a str,
) -> Result<Chosen<'a>, LookupError> {
    if context.mode == Mode::Inline {
        return Err(LookupError::NeedsBlocking);
    }
    let word = || Name::Foreign(name.as_bytes().to_vec());
    context.acquire_permit(word)?;
    let opened = duplicate(file).and_then(Opened::of);
    match opened {
        Ok(Opened::File(handle)) => {
            let found = Found::File(OpenedFile { name: word(), handle });
            let name = Cow::Borrowed(name.as_bytes());
            Ok(Chosen { found, coding: Coding::Identity, varies: false, name })
        }
        Ok(Opened::Directory(_)) => Err(LookupError::Nothing),
        Err(refusal) => {
            // Nothing leads to it but this descriptor: there is nothing to try.
            let ruling = context.settings.os_errors.give_up(&word(), &refusal);
            Err(LookupError::Refused(refusal, ruling))
        }
    }
}

fn by_path<'a>(
    context: &mut Context<'a>,
    path: &'a FilePath,
    path_request: Option<&PathRequest>,
) -> Result<Chosen<'a>, LookupError> {
    // A handler knows which file it is.
    let clean = path_request.filter(|_| context.settings.lookup.clean_urls);
    // It is not opened itself: whoever may pass through a directory need not be able to list it.
    if path.is_directory() {
        return match (index_of(context, path, path_request), clean) {
            (Err(LookupError::Nothing), Some(path_request)) => {
                Err(page_beside(context, path, &path_request.uri))
            }
            (found, _) => found,
        };
    }
    let named = match (open_plain(context, path.as_bytes()), clean) {
        (Err(LookupError::Nothing), Some(path_request)) => {
            return page_at(context, path, path_request);
        }
        (named, _) => named?,
    };
    if let (Named::Directory, Some(path_request)) = (&named, clean) {
        match page_at(context, path, path_request) {
            Err(LookupError::Nothing) => {}
            found => return found,
        }
    }
    match (named, path_request) {
        (Named::Directory, Some(path_request)) if context.settings.lookup.slash => Err(
            LookupError::Redirect(with_slash(path_request.uri.path(), path_request.uri.query())),
        ),
        (Named::Directory, path_request) => index_of(context, path, path_request),
        (plain, _) => {
            if let Some(path_request) = clean {
                if let Some(target) = clean_name(context, path, &path_request.uri)? {
                    return Err(LookupError::Redirect(target));
                }
            }
            negotiate(context, Cow::Borrowed(path.as_bytes()), plain)
        }
    }
}

/// The index of a directory, or what is answered in its place.
fn index_of<'a>(
    context: &mut Context<'a>,
    path: &FilePath,
    path_request: Option<&PathRequest>,
) -> Result<Chosen<'a>, LookupError> {
    let found = match &context.settings.lookup.index {
        Some(index) => file_at(context, path.join(index.as_ref())),
        None => Err(LookupError::Nothing),
    };
    match (found, path_request) {
        (Err(LookupError::Nothing), Some(path_request))
            if context.settings.lookup.listed > 0
                && !context.settings.admission.as_ref().is_some_and(|a| a.hides_lists()) =>
        {
            Err(list_of(context, path, path_request))
        }
        (found, _) => found,
    }
}

/// What is answered for a directory without an index.
fn list_of(context: &mut Context<'_>, path: &FilePath, path_request: &PathRequest) -> LookupError {
    if context.mode == Mode::Inline {
        return LookupError::NeedsBlocking;
    }
    let directory = match resolve(context, path.as_bytes()) {
        Ok(Opened::Directory(directory)) => directory,
        Ok(Opened::File(_)) => return LookupError::Nothing,
        Err(missing) => return missing,
    };
    match Listing::read(
        context.settings,
        path,
        &directory,
        (context.request.ticket, context.request.now),
        (&path_request.uri, path_request.form),
    ) {
        Ok(listing) => LookupError::Listed(Box::new(listing)),
        Err((refusal, ruling)) => LookupError::Refused(refusal, ruling),
    }
}
