//! Error answers with a page of the site's own.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::body::FileBody;
use super::look::Want;
use super::sender::{FileSender, OnChange};
use super::settings::Settings;
use super::source::{Name, Source, Trouble, rule};
use crate::sys::Opened;

/// How often a page is read again because it was replaced meanwhile.
const MOST_STARTS: u32 = 4;

impl FileSender {
    /// Sends the file at `path` below the root with error answers of this status, in place of a
    /// problem document. For as many statuses as this is called with; a later call for one replaces an earlier.
    ///
    /// The status stays, and so do `Retry-After`, `Allow`, `Vary`, and the `no-store` of 5xx. Of the page
    /// nothing is told but its type and length. It may be of [`CHUNK`](Self::CHUNK) bytes at most, and
    /// its name may begin with a dot, so that it is served as nothing else. One that cannot be read leaves the
    /// standard answer.
    ///
    /// Answers that are no errors have no page, nor have 412 and 416: who gets them has the thing itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src")
    ///     .unwrap()
    ///     .error_page(StatusCode::NOT_FOUND, "errors/404.html")
    ///     .error_page(StatusCode::SERVICE_UNAVAILABLE, ".errors/busy.html");
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn error_page(self, status: StatusCode, path: &str) -> Self {
        let path = path.trim_start_matches('/').as_bytes().into();
        self.with(|settings| {
            settings.pages.retain(|page| page.0 != status);
            settings.pages.push((status, path));
        })
    }
}

/// The page that goes with the status of a response, if there is one.
pub(super) fn of<'a>(settings: &'a Settings, response: &Response<FileBody>) -> Option<&'a [u8]> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let has_own =
        matches!(status, StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE);
    // What is broken off has no length.
    if !is_error || has_own || !response.headers().contains_key(CONTENT_LENGTH) {
        return None;
    }
    let page = settings.pages.iter().find(|page| page.0 == status);
    page.map(|(_, path)| path.as_ref())
}

/// The response with the page at `path` in it. It blocks.
pub(super) fn dressed(
    settings: &Arc<Settings>,
    want: &Want,
    mut response: Response<FileBody>,
    path: &[u8],
) -> Response<FileBody> {
    let Some(page) = read(settings, path) else { return response };
    let fields = response.headers_mut();
    fields.insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
    match settings.media_type(path) {
        Some(value) => fields.insert(CONTENT_TYPE, value),
        None => fields.remove(CONTENT_TYPE),
    };
    *response.body_mut() =
        if want.asked.is_head() { FileBody::empty() } else { FileBody::memory(page) };
    response
}

/// One version of a whole page.
fn read(settings: &Arc<Settings>, path: &[u8]) -> Option<Bytes> {
    let name = || Name::Beneath(path.to_vec());
    for _ in 0..MOST_STARTS {
        let handle = match settings.root.resolve(path, settings.how()) {
            Ok(Opened::File(handle)) => handle,
            Ok(Opened::Directory(_)) => return None,
            Err(refusal) => {
                rule(settings, &name(), &refusal, u32::MAX, false);
                return None;
            }
        };
        let size = handle.stat().identity.size;
        if size > FileSender::CHUNK as u64 {
            return None;
        }
        let mut source = Source::new(Arc::clone(settings), name(), handle.into(), OnChange::Abort);
        match whole(&mut source, size) {
            Ok(page) => return Some(page),
            Err(Trouble::Changed(_)) => {}
            Err(Trouble::Short | Trouble::Refused(..)) => return None,
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
