//! Names that lead to others: those without an ending, and those with slashes in a row.

use http::Uri;

use super::context::Context;
use super::found::{Chosen, LookupError, Named};
use super::negotiate::file_at;
use super::opening::open;
use super::path::{FilePath, beside, with_query, with_single_slashes};
use super::request::PathRequest;
use crate::answer::Coding;

/// The ending that clean URLs leave away.
const ENDING: &[u8] = b".html";

/// The page that a name without an ending is for.
pub(super) fn page_at<'a>(
    context: &mut Context<'a>,
    path: &FilePath,
    path_request: &PathRequest,
) -> Result<Chosen<'a>, LookupError> {
    let name = path.with_ending();
    let is_index = is_index(context, &name);
    let found = file_at(context, name)?;
    if is_index {
        Err(LookupError::Redirect(with_query("./".into(), path_request.uri.query())))
    } else {
        Ok(found)
    }
}

/// What is answered for a directory that is none, or has nothing to be sent: a redirection if the page has
/// that name.
pub(super) fn page_beside(context: &mut Context<'_>, path: &FilePath, uri: &Uri) -> LookupError {
    if path.as_bytes().is_empty() {
        return LookupError::Nothing;
    }
    let name = path.with_ending();
    let is_index = is_index(context, &name);
    if let Err(missing) = file_at(context, name) {
        return missing;
    }
    let last = uri.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let target = if is_index { "../".to_owned() } else { format!("../{last}") };
    LookupError::Redirect(with_query(target, uri.query()))
}

/// Where a file is to be asked for, if not by this name.
pub(super) fn clean_name(
    context: &mut Context<'_>,
    path: &FilePath,
    uri: &Uri,
) -> Result<Option<String>, LookupError> {
    let name = path.as_bytes();
    let Some(stem) = name.strip_suffix(ENDING).filter(|stem| !last(stem).is_empty()) else {
        return Ok(None);
    };
    if is_index(context, name) {
        return Ok(Some(with_query("./".into(), uri.query())));
    }
    match open(context, stem, Coding::Identity) {
        Err(LookupError::NeedsBlocking) => Err(LookupError::NeedsBlocking),
        Ok(Named::Directory) | Err(LookupError::Nothing) => {
            Ok(Some(beside(last(stem), uri.query())))
        }
        // That name is another's.
        Ok(_) | Err(_) => Ok(None),
    }
}

fn is_index(context: &Context<'_>, name: &[u8]) -> bool {
    context.settings.lookup.index.as_ref().is_some_and(|index| index.as_bytes() == last(name))
}

impl FilePath {
    fn with_ending(&self) -> Vec<u8> {
        [self.as_bytes(), ENDING].concat()
    }
}

/// What is answered where a path has slashes in a row: the one that has not, if there is something. Relative links
/// in a page would lead elsewhere from here, and what goes by a path (a pattern, a proxy in front that lets nobody
/// into `/private/`) would be passed by.
pub(super) fn mended(uri: &Uri, found: Result<Chosen<'_>, LookupError>) -> LookupError {
    match found {
        Ok(_) | Err(LookupError::Redirect(_) | LookupError::Listed(_)) => {
            LookupError::Redirect(with_single_slashes(uri.path(), uri.query()))
        }
        Err(missing) => missing,
    }
}

fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}
