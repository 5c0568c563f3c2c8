//! A list is taken into force, or refused.

use std::time::SystemTime;

use super::highest;
use super::settings::Trust;
use crate::manifest::{Manifest, ManifestError};

/// Reads a list, and takes it if it is signed, of its time, and no older than `last` and whatever was seen. It blocks.
///
/// At the start there is no `last`: then a list whose time is over may do.
pub(crate) fn load(
    trust: &Trust,
    bytes: &[u8],
    now: SystemTime,
    last: Option<&Manifest>,
) -> Result<Manifest, ManifestError> {
    let manifest = Manifest::read(bytes, &trust.root)?;
    if trust.stops_on_expiry() || last.is_some() {
        manifest.check_time(now)?;
    }
    if let Some(last) = last {
        manifest.check_order(&last.seen())?;
    }
    if let Some(path) = &trust.highest {
        highest::check_and_remember(path, &manifest)?;
    }
    Ok(manifest)
}
