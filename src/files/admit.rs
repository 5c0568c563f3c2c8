//! Whether a file that was opened is as it is listed: before its first byte, or block by block.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use sha2::{Digest as _, Sha256};

use super::admission::{Admission, Checks};
use super::context::{Context, Interrupted};
use super::opened::{Name, OpenedFile};
use super::standing::Standing;
use super::wanted_digests::digest_of;
use crate::answer::{DigestAlgorithm, EntityTag, Facts, REPR_DIGEST};
use crate::sys::{Identity, Seal, seal_of};
use crate::trust::{BLOCK, Enforcement, Entry, Mismatch};

/// For how long a client is sent away from a file that is too young to be known, and has no blocks to be known by.
const SETTLING: Duration = Duration::from_secs(2);

/// What is known of a file by the list.
pub(super) struct Pinned(Option<Listed>);

struct Listed {
    admission: Arc<Admission>,
    entry: Arc<Entry>,
    /// Whether its blocks are checked as they are read; else all of it was.
    by_blocks: bool,
}

/// Admits a file, or says what is answered in its place.
pub(super) fn admit(
    context: &Context<'_>,
    file: &OpenedFile,
    standing: Standing,
) -> Result<Pinned, Interrupted> {
    let Some(admission) = &context.settings.admission else { return Ok(Pinned(None)) };
    let (Name::Beneath(path) | Name::Foreign(path)) = &file.name;
    if admission.trust.is_exempt(path) {
        return Ok(Pinned(None));
    }
    let Some(entry) = admission.manifest.shared(path) else {
        // Opening looked at what is beneath the root; a file that somebody else opened comes from anywhere.
        let is_hidden = matches!(file.name, Name::Foreign(_)) && admission.hides(path);
        let missing = || Interrupted::Answered(StatusCode::NOT_FOUND, None);
        return if is_hidden { Err(missing()) } else { Ok(Pinned(None)) };
    };
    let version = file.handle.stat().identity;
    let candidate = Candidate { context, admission, entry, path, version };
    if admission.breakers.has(path, &version) {
        return candidate.unavailable(admission.trust.pause());
    }
    if candidate.entry.length() != version.size {
        return candidate.mismatch(None);
    }
    candidate.judge(file, standing)
}

/// A file that is listed, and has the length that it should have.
struct Candidate<'a> {
    context: &'a Context<'a>,
    admission: &'a Arc<Admission>,
    entry: Arc<Entry>,
    path: &'a [u8],
    version: Identity,
}

impl Candidate<'_> {
    /// By its digest, or by blocks when it is read.
    fn judge(self, file: &OpenedFile, standing: Standing) -> Result<Pinned, Interrupted> {
        let (size, is_settled) = (self.version.size, standing == Standing::Settled);
        if self.is_sealed(file) {
            self.admission.counters.sealed.add();
            self.admission.matches(self.path);
            return Ok(self.listed(false));
        }
        if size == 0 {
            let sum = Sha256::digest([]).into();
            let is_same = *self.entry.sha256() == sum;
            return if is_same { Ok(self.listed(false)) } else { self.mismatch(Some(sum)) };
        }
        let has_blocks = size <= BLOCK || !self.entry.blocks().is_empty();
        let is_long = size > self.admission.trust.whole_up_to();
        if self.is_enforced() && has_blocks && (!is_settled || is_long) {
            return Ok(self.listed(true));
        }
        if !is_settled {
            // What is read to know it may not be what is read to be sent.
            return self.unavailable(SETTLING);
        }
        let sum = digest_of(self.context, file, DigestAlgorithm::Sha256)?;
        if *sum == *self.entry.sha256() {
            self.admission.matches(self.path);
            return Ok(self.listed(false));
        }
        // Who resets it wants it to be read.
        self.context.settings.learned.known.forget(&self.version);
        self.mismatch(sum.as_ref().try_into().ok())
    }

    /// Whether the filesystem has sealed it by the digest that is listed: then it is so, nobody can write to it, and the kernel
    /// checks each page. Another seal says nothing: it may have been made with other blocks, or a salt.
    fn is_sealed(&self, file: &OpenedFile) -> bool {
        let listed = self.entry.verity();
        listed.is_some_and(|listed| seal_of(&file.handle) == Seal::Sha256(*listed))
    }

    fn is_enforced(&self) -> bool {
        self.admission.enforcement == Enforcement::Enforce
    }

    fn listed(self, by_blocks: bool) -> Pinned {
        self.admission.counters.admitted.add();
        let (admission, entry) = (Arc::clone(self.admission), self.entry);
        Pinned(Some(Listed { admission, entry, by_blocks }))
    }

    fn mismatch(&self, sum: Option<[u8; 32]>) -> Result<Pinned, Interrupted> {
        let (found, now) = ((self.version.size, sum), self.context.request.now);
        let mismatch = Mismatch::new(self.path, &self.entry, found, now);
        self.admission.mismatch(self.version, mismatch);
        self.unavailable(self.admission.trust.pause())
    }

    /// Nothing of it, or without a word of the list if that is only to be reported.
    fn unavailable(&self, pause: Duration) -> Result<Pinned, Interrupted> {
        if self.is_enforced() {
            return Err(Interrupted::Answered(StatusCode::SERVICE_UNAVAILABLE, Some(pause)));
        }
        Ok(Pinned(None))
    }
}

impl Pinned {
    /// The tag of the content, the same on every host.
    pub(super) fn tag(&self) -> Option<EntityTag> {
        let sum = self.0.as_ref()?.entry.sha256();
        Some(EntityTag::of_digest(sum))
    }

    /// The facts with what is listed: digest, type, fields.
    pub(super) fn on(&self, facts: Facts) -> Facts {
        let Some(Listed { admission, entry, .. }) = &self.0 else { return facts };
        let digest = DigestAlgorithm::Sha256.field_value(entry.sha256());
        let mut facts = facts.field(REPR_DIGEST, digest);
        if let Some(media_type) = entry.media_type() {
            facts = facts.content_type(media_type.clone());
        }
        for (name, value) in entry.fields() {
            facts = facts.field(name.clone(), value.clone());
        }
        match admission.trust.field_of_version() {
            Some(name) => facts.field(name.clone(), admission.version_value()),
            None => facts,
        }
    }

    /// How the blocks of the file are checked, if they are.
    pub(super) fn checks(&self, path: &Name) -> Option<Box<Checks>> {
        let listed = self.0.as_ref().filter(|listed| listed.by_blocks)?;
        let (Name::Beneath(path) | Name::Foreign(path)) = path;
        Some(Box::new(Checks::new(&listed.admission, &listed.entry, path)))
    }

    /// Whether only what is being sent is known to be as it is listed.
    pub(super) fn is_by_blocks(&self) -> bool {
        self.0.as_ref().is_some_and(|listed| listed.by_blocks)
    }
}
