//! Tells of handlers that want a head where there is none, once for each route.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tracing::{Level, event};

use crate::error::Error;

/// So many routes are logged; more are hardly one application's.
const MOST_ROUTES: usize = 1024;

/// The routes that were logged; an empty one stands for handlers without a route.
static LOGGED: Mutex<BTreeSet<Box<str>>> = Mutex::new(BTreeSet::new());

/// Tells that the handler of this route was given no head, and what to do about it.
pub(crate) fn tell_of_missing_layer(route: Option<&str>, path: &str, error: &Error) {
    // A route counts as logged only where a subscriber takes the event.
    if !tracing::enabled!(target: "letterhead", Level::WARN) {
        return;
    }
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = route.unwrap_or_default();
    if logged.len() >= MOST_ROUTES || logged.contains(key) {
        return;
    }
    logged.insert(key.into());
    drop(logged);
    event!(target: "letterhead", Level::WARN, route, path, remedy = Error::REMEDY, "{error}");
}
