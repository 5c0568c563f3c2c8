//! What is said of an opened file before it is known what was asked: whether it is settled, its tag, its fields.

use http::header::CONTENT_DISPOSITION;

use super::admit::{Pinned, admit};
use super::background_digest;
use super::context::{Context, Interrupted, Mode, NeedsBlocking};
use super::dates;
use super::opened::OpenedFile;
use super::options::{OnChange, Stability};
use super::standing::Standing;
use super::wanted_digests::{Wanted, content_tag, wanted_digests, with_digests};
use super::writers::{self, Writers};
use crate::answer::{Coding, EntityTag, Facts};
use crate::sys::{Handle, Place};

/// What is behind size and time in the tag of a file that somebody may be writing to: the one of the
/// version that comes of it has nothing there.
const WRITTEN: &[u8] = b"-w";

/// What is said of an opened file.
pub(super) struct Described {
    pub(super) facts: Facts,
    pub(super) standing: Standing,
    /// The digests that the response has.
    pub(super) wanted: Wanted,
    /// What is known of it by the list, if there is one.
    pub(super) pinned: Pinned,
}

/// What is said of a file, in the coding if there may be others of it; `name` has not the ending of a coding.
pub(super) fn describe(
    context: &Context<'_>,
    file: &OpenedFile,
    coding: Option<Coding>,
    name: &[u8],
    on_change: OnChange,
) -> Result<Described, Interrupted> {
    let standing = standing_of(context, file, on_change)?;
    let pinned = admit(context, file, standing)?;
    let size = file.handle.stat().identity.size;
    let (standing, facts) = if let Some(tag) = pinned.tag() {
        (standing, pinned_facts(context, size, coding, name, &pinned).tag(tag))
    } else {
        let (standing, tag) = tag_of(context, file, standing)?;
        (standing, facts_of(context, &file.handle, coding, name, (standing, tag)))
    };
    // Of what is checked as it is sent, no digest is known but the one that is listed.
    let is_read_whole = !pinned.is_by_blocks();
    let wanted =
        if is_read_whole { wanted_digests(context, size, standing) } else { Wanted::default() };
    let facts = with_digests(context, facts, wanted, file)?;
    Ok(Described { facts, standing, wanted, pinned })
}

/// What may be said of an opened file, before it is read.
fn standing_of(
    context: &Context<'_>,
    file: &OpenedFile,
    on_change: OnChange,
) -> Result<Standing, Interrupted> {
    let (settings, handle) = (context.settings, &file.handle);
    let version = handle.stat().identity;
    let is_old =
        dates::age(handle.stat(), context.request.now) >= settings.versions.settle_of(&version);
    if !is_old && settings.versions.settled == Stability::ByAge {
        return Ok(Standing::doubtful(Standing::Unsettled, on_change));
    }
    if is_old && settings.learned.asked_of.has(&version) {
        return Ok(Standing::Settled);
    }
    let writers = writers_of(context, file, is_old)?;
    let is_settled = match writers {
        Writers::None => true,
        Writers::NoneYet | Writers::Unknown { .. } => is_old,
        Writers::There => false,
    };
    if !is_settled {
        let doubt = if is_old { Standing::BeingWritten } else { Standing::Unsettled };
        return Ok(Standing::doubtful(doubt, on_change));
    }
    let is_final = match writers {
        Writers::Unknown { is_lasting } => {
            settings.shared.counters.by_age.add();
            is_lasting
        }
        // Where the times do not tell of every write, a later one may make no other version.
        Writers::None | Writers::NoneYet | Writers::There => handle.place() == Place::Disk,
    };
    if is_old && is_final {
        settings.learned.asked_of.add(&version);
    }
    Ok(Standing::Settled)
}

fn writers_of(
    context: &Context<'_>,
    file: &OpenedFile,
    is_old: bool,
) -> Result<Writers, Interrupted> {
    let (settings, now) = (context.settings, context.request.now);
    let wait = Interrupted::NeedsBlocking(NeedsBlocking { is_shared: false });
    // Somebody has to know that the kernel cannot be asked: who asked for a proof, and who serves from a
    // filesystem whose times do not tell of every write.
    let is_reported =
        settings.versions.settled == Stability::Proved || file.handle.place() == Place::Memory;
    let reported = is_reported.then_some(&settings.learned.reported);
    match context.mode {
        // Of a young file it may be decided to ask again in a while.
        Mode::Inline if !is_old => Err(wait),
        Mode::Inline => {
            writers::writers_at_once(&settings.os_errors, reported, &file.handle, now).ok_or(wait)
        }
        Mode::Blocking => {
            writers::writers(&settings.os_errors, reported, file, now).map_err(Interrupted::Trouble)
        }
    }
}

/// By what a version is known, and what may be said of it in the end: a version whose digest is
/// not there has no validators yet.
fn tag_of(
    context: &Context<'_>,
    file: &OpenedFile,
    standing: Standing,
) -> Result<(Standing, Option<EntityTag>), Interrupted> {
    let version = file.handle.stat().identity;
    let (size, is_dated) = (version.size, context.settings.versions.is_dated(&version));
    let by_time = || {
        let modified = version.mtime.time().filter(|_| is_dated)?;
        EntityTag::of_version(size, modified)
    };
    let tag = match standing {
        Standing::Settled => {
            if context.settings.versions.is_tagged(&version) {
                Some(content_tag(context, file)?)
            } else if is_dated {
                by_time()
            } else {
                background_digest::content_tag(
                    &context.settings.os_errors,
                    &context.settings.learned.known,
                    file,
                )
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

/// The facts of a file; of one that there may be other codings of, in which one it is.
fn facts_of(
    context: &Context<'_>,
    handle: &Handle,
    coding: Option<Coding>,
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
            if let Some(modified) =
                context.settings.versions.last_modified(version, context.request.now)
            {
                facts = facts.last_modified(modified);
                // By the change time, which nobody sets back.
                if let Some(placed) = version.ctime.time() {
                    let is_shared = context.settings.learned.young.shares(name, version, modified);
                    facts = facts.placed(placed, is_shared);
                }
            }
        }
        Standing::BeingWritten => facts = facts.being_written(),
        Standing::Growing => facts = facts.unsettled(),
        Standing::Unsettled => {
            context.settings.learned.young.sent(name, version, context.request.now);
            facts = facts.being_written().silent_on_ranges();
        }
    }
    named(context, facts, coding, name, standing)
}

/// The facts of a file that is as it is listed: whatever its dates, and whoever has it open.
fn pinned_facts(
    context: &Context<'_>,
    size: u64,
    coding: Option<Coding>,
    name: &[u8],
    pinned: &Pinned,
) -> Facts {
    pinned.on(named(context, Facts::new(size), coding, name, Standing::Settled))
}

/// The facts with what goes by the name of the file.
fn named(
    context: &Context<'_>,
    mut facts: Facts,
    coding: Option<Coding>,
    name: &[u8],
    standing: Standing,
) -> Facts {
    if let Some(media_type) = context.settings.fields.type_of(name) {
        facts = facts.content_type(media_type);
    }
    if let Some(coding) = coding {
        facts = facts.coding(coding);
    }
    if let Some(disposition) = context.settings.fields.disposition(name) {
        facts = facts.field(CONTENT_DISPOSITION, disposition);
    }
    if let Some(value) = context.settings.fields.cache_control(name, standing) {
        facts = facts.cache_control(value);
    }
    facts
}
