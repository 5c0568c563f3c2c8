//! What is told of a file, before it is known what was asked.

use http::header::CONTENT_DISPOSITION;

use super::look::Look;
use super::source::Name;
use crate::answer::{Coding, EntityTag, Facts};
use crate::sys::Stat;

impl Look<'_> {
    /// What is told of a file.
    pub(super) fn facts(
        &self,
        stat: &Stat,
        file: &Name,
        coding: Coding,
        name: &[u8],
        settled: bool,
    ) -> Facts {
        let identity = &stat.identity;
        let mut facts = Facts::new(identity.size);
        let modified = identity.mtime.time();
        if !settled {
            facts = facts.unsettled();
        }
        if let Some(modified) = modified {
            facts = facts.last_modified(modified);
            if let Some(tag) = EntityTag::of_version(identity.size, modified) {
                facts = facts.tag(tag);
            }
        }
        if let Some(media_type) = self.settings.media_type(name) {
            facts = facts.content_type(media_type);
        }
        if !self.settings.codings.is_empty() && matches!(file, Name::Beneath(_)) {
            facts = facts.coding(coding);
        }
        if let Some(disposition) = self.settings.disposition(name) {
            facts = facts.field(CONTENT_DISPOSITION, disposition);
        }
        if let Some(value) = self.settings.cache_control(name, settled) {
            facts = facts.cache_control(value);
        }
        facts
    }
}
