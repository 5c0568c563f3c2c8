//! What the server adds behind the layer, which is not seen here.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, TRANSFER_ENCODING};
use http::{StatusCode, Version};

use super::kept::Kept;

/// The fields that a server may have added to this head. Their values are not known.
pub(super) fn additions(kept: &Kept) -> Vec<HeaderName> {
    let receipt = &kept.receipt;
    let Some(status) = receipt.status() else { return Vec::new() };
    let is_framed = kept.has(&CONTENT_LENGTH) || kept.has(&TRANSFER_ENCODING);
    let is_empty = status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || status.is_informational();
    let has_streams = receipt.version() > Version::HTTP_11;
    let mut names = Vec::new();
    if !kept.has(&DATE) {
        names.push(DATE);
    }
    if !is_framed && !is_empty {
        names.push(CONTENT_LENGTH);
        if !has_streams {
            names.push(TRANSFER_ENCODING);
        }
    }
    if !has_streams && !kept.has(&CONNECTION) {
        names.push(CONNECTION);
    }
    names
}
