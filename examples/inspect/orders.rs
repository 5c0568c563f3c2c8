//! Orders that caches may keep for a minute, and one that they keep for a year: the line to find.

use axum::extract::Path;
use http::header::CACHE_CONTROL;
use letterhead::Head;

/// One order.
pub(crate) async fn order(Path(number): Path<u32>, head: Head) -> String {
    let _ = head.insert(CACHE_CONTROL, "private, max-age=60");
    if number == 137 {
        migrated(&head);
    }
    format!("order {number}\n")
}

/// Somebody was in a hurry.
fn migrated(head: &Head) {
    let _ = head.insert(CACHE_CONTROL, "public, max-age=31536000");
}
