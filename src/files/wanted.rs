//! Which digests a response has, and where they are made.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

use super::digest;
use super::look::{Halt, Look, Manner, Wait, Want};
use super::sender::FileSender;
use super::settings::Settings;
use super::source::Name;
use super::standing::Standing;
use crate::answer::{DigestAlgorithm, EntityTag, Facts, Plan, REPR_DIGEST};
use crate::sys::{Handle, Identity};

/// RFC 9530, section 2.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Which digests a response has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) repr: Option<DigestAlgorithm>,
    pub(super) content: Option<DigestAlgorithm>,
}

/// Whether more has to be read than is sent.
pub(super) fn needs_time(settings: &Settings, want: &Want) -> bool {
    let asked = &want.asked;
    settings.digested > 0 && (asked.repr_digest().is_some() || asked.content_digest().is_some())
}

/// Whether a file of this length is not too long; 0 is too short for any.
const fn up_to(most: u64, size: u64) -> bool {
    most > 0 && size <= most
}

impl Settings {
    /// Whether the tag of a settled version is of its content, and made before its head is told.
    pub(super) fn is_tagged(&self, version: &Identity) -> bool {
        let of_undated = if self.is_dated(version) { 0 } else { FileSender::CONTENT_TAG };
        up_to(self.tagged.max(of_undated), version.size)
    }
}

impl Look<'_> {
    /// Which digests are to be told of a file of this length.
    pub(super) fn digests(&self, size: u64, standing: Standing) -> Wanted {
        if standing != Standing::Settled || !up_to(self.settings.digested, size) {
            return Wanted::default();
        }
        let asked = &self.want.asked;
        let content = asked.content_digest().filter(|_| !asked.is_head());
        Wanted { repr: asked.repr_digest(), content }
    }

    /// The digest of a whole file.
    fn digest(
        &self,
        file: &Name,
        handle: &Handle,
        algorithm: DigestAlgorithm,
    ) -> Result<Arc<[u8]>, Halt> {
        match self.manner {
            Manner::Inline => {
                let known = self.settings.known.get(handle.stat().identity, algorithm);
                // Whoever goes ahead makes it for those who wait, on one thread.
                known.ok_or(Halt::Wait(Wait { is_shared: true }))
            }
            Manner::Blocking => {
                digest::whole(self.settings, file, handle, algorithm).map_err(Halt::Trouble)
            }
        }
    }

    /// The tag of the content of a file, made now.
    pub(super) fn content_tag(&self, file: &Name, handle: &Handle) -> Result<EntityTag, Halt> {
        let sum = self.digest(file, handle, DigestAlgorithm::Sha256)?;
        Ok(EntityTag::of_digest(&sum))
    }

    /// What is told of a file, with what its digests say.
    pub(super) fn with_digests(
        &self,
        facts: Facts,
        wanted: Wanted,
        file: &Name,
        handle: &Handle,
    ) -> Result<Facts, Halt> {
        let Some(algorithm) = wanted.repr else { return Ok(facts) };
        let sum = self.digest(file, handle, algorithm)?;
        Ok(facts.field(REPR_DIGEST, algorithm.field_value(&sum)))
    }

    /// The digest of what is sent.
    pub(super) fn content_digest(
        &self,
        algorithm: DigestAlgorithm,
        file: &Name,
        handle: &Handle,
        plan: &Plan,
    ) -> Result<HeaderValue, Halt> {
        let sum = digest::planned(self.settings, file, handle, algorithm, plan);
        sum.map(|sum| algorithm.field_value(&sum)).map_err(Halt::Trouble)
    }
}
