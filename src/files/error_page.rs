//! Error answers with a page of the site's own.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::body::FileBody;
use super::failed::Trouble;
use super::opened::Name;
use super::options::{CHUNK, OnChange};
use super::settings::Settings;
use super::source::Source;
use crate::sys::Opened;

/// How often a page is read again because it was replaced meanwhile.
const MOST_STARTS: u32 = 4;

/// The page that goes with the status of a response, if there is one.
pub(super) fn for_status<'a>(
    settings: &'a Settings,
    response: &Response<FileBody>,
) -> Option<&'a [u8]> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let has_own =
        matches!(status, StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE);
    // What is broken off has no length.
    if !is_error || has_own || !response.headers().contains_key(CONTENT_LENGTH) {
        return None;
    }
    let page = settings.errors.pages.iter().find(|page| page.0 == status);
    page.map(|(_, path)| path.as_ref())
}

/// The response with the page at `path` in it. It blocks.
pub(super) fn apply(
    settings: &Arc<Settings>,
    is_head: bool,
    mut response: Response<FileBody>,
    path: &[u8],
) -> Response<FileBody> {
    let Some(page) = read(settings, path) else { return response };
    let fields = response.headers_mut();
    fields.insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
    match settings.fields.media_type(path) {
        Some(value) => fields.insert(CONTENT_TYPE, value),
        None => fields.remove(CONTENT_TYPE),
    };
    *response.body_mut() = if is_head { FileBody::empty() } else { FileBody::memory(page) };
    response
}

/// One version of a whole page.
fn read(settings: &Arc<Settings>, path: &[u8]) -> Option<Bytes> {
    let name = || Name::Beneath(path.to_vec());
    for _ in 0..MOST_STARTS {
        let handle = match settings.root().resolve(path, settings.lookup.how()) {
            Ok(Opened::File(handle)) => handle,
            Ok(Opened::Directory(_)) => return None,
            Err(refusal) => {
                settings.os_errors.give_up(&name(), &refusal);
                return None;
            }
        };
        let size = handle.stat().identity.size;
        if size > CHUNK as u64 {
            return None;
        }
        let mut source = Source::new(Arc::clone(settings), name(), handle.into(), OnChange::Abort);
        match whole(&mut source, size) {
            Ok(page) => {
                let version = source.last_stat.identity;
                let admission = settings.admission.as_ref();
                let fits = admission.is_none_or(|a| a.takes_page(path, &page, version));
                return fits.then_some(page);
            }
            Err(Trouble::Changed(_)) => {}
            Err(Trouble::Short | Trouble::Refused(..) | Trouble::Untrusted(_)) => return None,
        }
    }
    None
}

fn whole(source: &mut Source, size: u64) -> Result<Bytes, Trouble> {
    let mut page = Vec::new();
    loop {
        let left = size.saturating_sub(page.len() as u64);
        if left == 0 {
            return Ok(Bytes::from(page));
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        page.extend_from_slice(&source.read(page.len() as u64, wanted, false)?);
    }
}
