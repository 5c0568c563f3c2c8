//! What is kept of a file that was sent, and what is sent of a file that was kept.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Response};

use super::answers::{error, on_each};
use super::body::FileBody;
use super::cache::{Open, Ready};
use super::context::Context;
use super::dates;
use super::describe::Described;
use super::opened::{Name, OpenedFile};
use super::options::OnChange;
use super::reader::Reader;
use super::resume::{self, resumes_blindly};
use super::siblings::ending;
use super::source::Source;
use super::standing::Standing;
use super::wanted_digests::Wanted;
use crate::answer::{self, Asked, Coding, Facts, Plan};
use crate::sys::{Handle, Place, Stat};

/// A response, with or without what every one has.
pub(super) enum Prepared {
    Bare(Response<FileBody>),
    Finished(Response<FileBody>),
}

/// The answer from what was kept.
pub(super) fn replay(
    context: &Context<'_>,
    ready: &Ready,
    coding: Coding,
    name: &[u8],
) -> Prepared {
    let body = |plan: &Plan| match (&ready.open, plan) {
        (Some(open), Plan::Whole) => reopened(context, ready, open, coding, name),
        (_, plan) => FileBody::planned(plan, &ready.bytes),
    };
    let head =
        if context.request.asked.wants_whole() { ready.whole(context.request.now) } else { None };
    if let Some(head) = head {
        return Prepared::Finished(head.map(|()| body(&Plan::Whole)));
    }
    if resumes_blindly(context, &ready.facts, &ready.stat) {
        return Prepared::Bare(error(resume::refused(), false));
    }
    let answer = answer::answer(&context.request.asked, &ready.facts, context.request.now);
    let (head, plan) = answer.into_parts();
    Prepared::Bare(head.map(|()| body(&plan)))
}

/// All of a file that was kept open, with the bytes first that were read.
fn reopened(
    context: &Context<'_>,
    ready: &Ready,
    open: &Open,
    coding: Coding,
    name: &[u8],
) -> FileBody {
    let path = [name, ending(coding).unwrap_or_default()].concat();
    let (settings, handle) = (Arc::clone(context.settings), Arc::clone(&open.handle));
    let source = Source::new(settings, Name::Beneath(path), handle, OnChange::Abort).with_tag(true);
    let size = ready.stat.identity.size;
    let reader = Reader::behind(&ready.bytes, source, size, context.request.chunk);
    FileBody::begun(ready.bytes.clone(), reader, size)
}

/// Whether the facts of a version now are those that every client gets later.
fn is_lasting(context: &Context<'_>, handle: &Handle, standing: Standing, wanted: Wanted) -> bool {
    // What is mounted below the root is not kept: a glance at it may take any time.
    standing == Standing::Settled
        && handle.place() != Place::Elsewhere
        && wanted == Wanted::default()
        && !dates::is_ahead(&handle.stat().identity, context.request.now)
}

/// Whether a file of this length and age is kept in memory.
fn may_be_kept(context: &Context<'_>, stat: &Stat) -> bool {
    let (age, settle) = ages(context, stat);
    context.cache().is_some_and(|cache| cache.takes(stat.identity.size, age, settle))
}

/// Whether a file of which the kernel sends what is not read is kept open.
fn may_stay_open(context: &Context<'_>, stat: &Stat) -> bool {
    let (age, settle) = ages(context, stat);
    // Where the application counts open files, they are those that are being sent.
    context.request.takes_open()
        && !context.settings.sending.open_limit.as_ref().is_some_and(|limit| limit.is_of_sender())
        && context.cache().is_some_and(|cache| cache.takes_open(age, settle))
}

/// How long ago a file was changed, and how long ago that has to be.
fn ages(context: &Context<'_>, stat: &Stat) -> (Duration, Duration) {
    (dates::age(stat, context.request.now), context.settings.versions.settle_of(&stat.identity))
}

/// A file that is kept once it was read, and what is said of it.
pub(super) struct Keepable {
    path: Vec<u8>,
    coding: Coding,
    stat: Stat,
    facts: Facts,
    /// Its first bytes are kept, and the file open.
    pub(super) is_open: bool,
}

impl Keepable {
    /// A file that was opened, if it is to be kept.
    pub(super) fn of(
        context: &Context<'_>,
        file: &OpenedFile,
        coding: Coding,
        described: &Described,
        on_change: OnChange,
    ) -> Option<Self> {
        let Name::Beneath(path) = &file.name else { return None };
        let stat = *file.handle.stat();
        let size = stat.identity.size;
        if described.pinned.is_by_blocks()
            || !is_lasting(context, &file.handle, described.standing, described.wanted)
        {
            return None;
        }
        let is_open = size > context.request.first_of(size);
        let is_kept = if is_open {
            on_change == OnChange::Abort && may_stay_open(context, &stat)
        } else {
            may_be_kept(context, &stat)
        };
        let facts = || described.facts.clone();
        is_kept.then(|| Self { path: path.clone(), coding, stat, facts: facts(), is_open })
    }

    /// Keeps all of a file of which less is sent, if it is in memory: the next request need not even open it.
    pub(super) fn keep_whole(&self, context: &Context<'_>, source: &mut Source) {
        if self.is_open {
            return;
        }
        let size = self.stat.identity.size;
        let bytes = usize::try_from(size).ok().and_then(|size| source.try_read(0, size));
        if let Some(bytes) = bytes.filter(|bytes| bytes.len() as u64 == size) {
            let whole = Asked::new(&Method::GET, &HeaderMap::new());
            let (head, _) = answer::answer(&whole, &self.facts, context.request.now).into_parts();
            self.keep(context, &bytes, head.headers(), None);
        }
    }

    /// Keeps what was read of it, with the fields of its 200.
    pub(super) fn keep(
        &self,
        context: &Context<'_>,
        bytes: &[u8],
        fields: &HeaderMap,
        open: Option<Arc<Handle>>,
    ) {
        if !self.is_open && bytes.len() as u64 != self.stat.identity.size {
            return;
        }
        let Some(cache) = context.cache() else { return };
        let mut fields = fields.clone();
        on_each(&mut fields);
        let Some(ready) = Ready::new(self.stat, bytes, self.facts.clone(), fields) else { return };
        let now = context.request.now;
        let ready = match open {
            Some(handle) => ready.with_open(handle, now),
            None => ready,
        };
        cache.keep(&context.settings.os_errors, &self.path, self.coding, ready, now);
    }
}
