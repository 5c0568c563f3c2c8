//! Which digests a response has, and where they are made.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

use super::context::{Context, Interrupted, Mode, NeedsBlocking};
use super::digest;
use super::opened::OpenedFile;
use super::options::CONTENT_TAG;
use super::request::FileRequest;
use super::settings::{Settings, Versions};
use super::standing::Standing;
use crate::answer::{DigestAlgorithm, EntityTag, Facts, Plan, REPR_DIGEST};
use crate::sys::Identity;

/// RFC 9530, section 2.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Which digests a response has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) repr: Option<DigestAlgorithm>,
    pub(super) content: Option<DigestAlgorithm>,
}

/// Whether more has to be read than is sent.
pub(super) fn needs_time(settings: &Settings, request: &FileRequest) -> bool {
    let asked = &request.asked;
    settings.versions.digested > 0
        && (asked.repr_digest().is_some() || asked.content_digest().is_some())
}

/// Whether a file of this length is not too long; 0 is too short for any.
const fn up_to(most: u64, size: u64) -> bool {
    most > 0 && size <= most
}

impl Versions {
    /// Whether the tag of a settled version is of its content, and made before its head is sent.
    pub(super) fn is_tagged(&self, version: &Identity) -> bool {
        let of_undated = if self.is_dated(version) { 0 } else { CONTENT_TAG };
        up_to(self.tagged.max(of_undated), version.size)
    }
}

/// Which digests a response of a file of this length has.
pub(super) fn wanted_digests(context: &Context<'_>, size: u64, standing: Standing) -> Wanted {
    if standing != Standing::Settled || !up_to(context.settings.versions.digested, size) {
        return Wanted::default();
    }
    let asked = &context.request.asked;
    let content = asked.content_digest().filter(|_| !asked.is_head());
    Wanted { repr: asked.repr_digest(), content }
}

/// The digest of a whole file.
pub(super) fn digest_of(
    context: &Context<'_>,
    file: &OpenedFile,
    algorithm: DigestAlgorithm,
) -> Result<Arc<[u8]>, Interrupted> {
    match context.mode {
        Mode::Inline => {
            let known = context.settings.learned.known.get(file.handle.stat().identity, algorithm);
            // Whoever goes ahead makes it for those who wait, on one thread.
            known.ok_or(Interrupted::NeedsBlocking(NeedsBlocking { is_shared: true }))
        }
        Mode::Blocking => digest::whole(
            &context.settings.os_errors,
            &context.settings.learned.known,
            file,
            algorithm,
        )
        .map_err(Interrupted::Trouble),
    }
}

/// The tag of the content of a file, made now.
pub(super) fn content_tag(
    context: &Context<'_>,
    file: &OpenedFile,
) -> Result<EntityTag, Interrupted> {
    let sum = digest_of(context, file, DigestAlgorithm::Sha256)?;
    Ok(EntityTag::of_digest(&sum))
}

/// The facts of a file, with what its digests say.
pub(super) fn with_digests(
    context: &Context<'_>,
    facts: Facts,
    wanted: Wanted,
    file: &OpenedFile,
) -> Result<Facts, Interrupted> {
    let Some(algorithm) = wanted.repr else { return Ok(facts) };
    let sum = digest_of(context, file, algorithm)?;
    Ok(facts.field(REPR_DIGEST, algorithm.field_value(&sum)))
}

/// The digest of what is sent.
pub(super) fn content_digest(
    context: &Context<'_>,
    algorithm: DigestAlgorithm,
    file: &OpenedFile,
    plan: &Plan,
) -> Result<HeaderValue, Interrupted> {
    let sum = digest::planned(
        &context.settings.os_errors,
        &context.settings.learned.known,
        file,
        algorithm,
        plan,
    );
    sum.map(|sum| algorithm.field_value(&sum)).map_err(Interrupted::Trouble)
}
