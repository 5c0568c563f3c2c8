//! Which digests a response has, and where they are made.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

use super::digest;
use super::look::{Halt, Look, Manner, Wait, Want};
use super::settings::Settings;
use super::source::Name;
use crate::answer::{DigestAlgorithm, EntityTag, Facts, Plan, REPR_DIGEST};
use crate::sys::Handle;

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

impl Look<'_> {
    /// Which digests are to be told of a file of this length.
    pub(super) fn digests(&self, size: u64, settled: bool) -> Wanted {
        if !settled || !up_to(self.settings.digested, size) {
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

    /// What is told of a file, with what its digests say.
    pub(super) fn with_digests(
        &self,
        mut facts: Facts,
        wanted: Wanted,
        file: &Name,
        handle: &Handle,
        settled: bool,
    ) -> Result<Facts, Halt> {
        if settled && up_to(self.settings.tagged, handle.stat().identity.size) {
            let sum = self.digest(file, handle, DigestAlgorithm::Sha256)?;
            facts = facts.tag(EntityTag::of_digest(&sum));
        }
        if let Some(algorithm) = wanted.repr {
            let sum = self.digest(file, handle, algorithm)?;
            facts = facts.field(REPR_DIGEST, algorithm.field_value(&sum));
        }
        Ok(facts)
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
