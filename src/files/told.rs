//! What is told of a file, before it is known what was asked.

use http::header::CONTENT_DISPOSITION;

use super::digesting;
use super::look::{Halt, Look};
use super::source::Name;
use super::standing::Standing;
use crate::answer::{Coding, EntityTag, Facts};
use crate::sys::Handle;

/// What is behind size and time in the tag of a file that somebody may be writing to: the one of the
/// version that comes of it has nothing there.
const WRITTEN: &[u8] = b"-w";

impl Look<'_> {
    /// By what a version is known, and what may be said of it in the end: a version whose digest is
    /// not there has no validators yet.
    pub(super) fn tag(
        &self,
        file: &Name,
        handle: &Handle,
        standing: Standing,
    ) -> Result<(Standing, Option<EntityTag>), Halt> {
        let version = handle.stat().identity;
        let (size, is_dated) = (version.size, self.settings.is_dated(&version));
        let by_time = || {
            let modified = version.mtime.time().filter(|_| is_dated)?;
            EntityTag::of_version(size, modified)
        };
        let tag = match standing {
            Standing::Settled => {
                if self.settings.is_tagged(&version) {
                    Some(self.content_tag(file, handle)?)
                } else if is_dated {
                    by_time()
                } else {
                    digesting::content_tag(self.settings, file, handle)
                }
            }
            Standing::BeingWritten => {
                by_time().and_then(|tag| EntityTag::strong([tag.opaque(), WRITTEN].concat()))
            }
            Standing::Growing => return Ok((standing, by_time())),
            Standing::Unsettled => None,
        };
        Ok((if tag.is_some() { standing } else { Standing::Unsettled }, tag))
    }

    /// What is told of a file.
    pub(super) fn facts(
        &self,
        handle: &Handle,
        file: &Name,
        coding: Coding,
        name: &[u8],
        (standing, tag): (Standing, Option<EntityTag>),
    ) -> Facts {
        let version = &handle.stat().identity;
        let mut facts = Facts::new(version.size);
        if let Some(tag) = tag {
            facts = facts.tag(tag);
        }
        match standing {
            Standing::Settled => {
                if let Some(modified) = self.settings.last_modified(version, self.want.now) {
                    facts = facts.last_modified(modified);
                }
            }
            Standing::BeingWritten => facts = facts.being_written(),
            Standing::Growing => facts = facts.unsettled(),
            Standing::Unsettled => facts = facts.being_written().silent_on_ranges(),
        }
        if let Some(media_type) = self.settings.type_of(name) {
            facts = facts.content_type(media_type);
        }
        if !self.settings.codings.is_empty() && matches!(file, Name::Beneath(_)) {
            facts = facts.coding(coding);
        }
        if let Some(disposition) = self.settings.disposition(name) {
            facts = facts.field(CONTENT_DISPOSITION, disposition);
        }
        if let Some(value) = self.settings.cache_control(name, standing) {
            facts = facts.cache_control(value);
        }
        facts
    }
}
