//! The link to a reporter's page, for the client that may look at it.

use http::header::HeaderValue;
use http_body::Body;

use super::exchange::Exchange;
use super::holding::Held;
use crate::field::cache_control::{Storage, shared_storage};
use crate::field::server_timing::SERVER_TIMING;
use crate::head::Sealing;
use crate::head::origin::is_own_page;
use crate::ledger::{Values, Writer};
use crate::report::PAGE_LINK;

/// Puts the link into a head that is ready, unless a cache could show it to others.
#[inline(never)]
pub(crate) fn put_page_link<B: Body>(
    exchange: &Exchange,
    held: &mut Held<B>,
    sealing: &mut Sealing,
) {
    let page = exchange.asked.as_ref().and_then(|asked| asked.page.as_deref());
    let Some(page) = page.filter(|_| !is_own_page(&held.parts.extensions)) else { return };
    let fields = &mut held.parts.headers;
    // The application's own link, or that of one behind it, is not ours to take away.
    if fields.contains_key(&PAGE_LINK) {
        return;
    }
    match shared_storage(fields) {
        Storage::Forbidden => {}
        Storage::Unsaid if page.when_silent => {}
        Storage::Unsaid | Storage::Possible => return,
    }
    // A head that is full goes without.
    let _ = fields.try_insert(PAGE_LINK, page.url.clone());
    sealing.changed(&Writer::Letterhead, &PAGE_LINK, Values::None, fields);
    let url = page.url.to_str().unwrap_or_default();
    if let Ok(metric) = HeaderValue::try_from(format!("page;desc=\"{url}\"")) {
        if page.timing {
            let before = Values::of(fields.get_all(&SERVER_TIMING).iter());
            let _ = fields.try_append(SERVER_TIMING, metric);
            sealing.changed(&Writer::Letterhead, &SERVER_TIMING, before, fields);
        }
    }
}
