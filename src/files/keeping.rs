//! What is kept of a file that was sent, and what is sent of a file that was kept.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::body::{FileBody, Reader};
use super::cache::{Open, Ready};
use super::choose::ending;
use super::dates;
use super::look::{Look, Made, error, on_each};
use super::resume;
use super::sender::OnChange;
use super::source::{Name, Source};
use super::standing::Standing;
use super::wanted::Wanted;
use crate::answer::{self, Coding, Facts, Plan};
use crate::sys::{Handle, Place, Stat};

impl Look<'_> {
    /// The answer from what was kept.
    pub(super) fn replay(&self, ready: &Ready, coding: Coding, name: &[u8]) -> Made {
        let body = |plan: &Plan| match (&ready.open, plan) {
            (Some(open), Plan::Whole) => self.reopened(ready, open, coding, name),
            (_, plan) => FileBody::planned(plan, &ready.bytes),
        };
        let head = if self.want.asked.wants_whole() { ready.whole(self.want.now) } else { None };
        if let Some(head) = head {
            return Made::Finished(head.map(|()| body(&Plan::Whole)));
        }
        if self.is_blind(&ready.facts, &ready.stat) {
            return Made::Bare(error(resume::refused(), false));
        }
        let answer = answer::answer(&self.want.asked, &ready.facts, self.want.now);
        let (head, plan) = answer.into_parts();
        Made::Bare(head.map(|()| body(&plan)))
    }

    /// All of a file that was kept open, with the bytes first that were read.
    fn reopened(&self, ready: &Ready, open: &Open, coding: Coding, name: &[u8]) -> FileBody {
        let path = [name, ending(coding).unwrap_or_default()].concat();
        let (settings, handle) = (Arc::clone(self.settings), Arc::clone(&open.handle));
        let source =
            Source::new(settings, Name::Beneath(path), handle, OnChange::Abort).with_tag(true);
        let size = ready.stat.identity.size;
        let reader = Reader::behind(&ready.bytes, source, size);
        FileBody::begun(ready.bytes.clone(), reader, size)
    }

    /// What was read of a file, to be kept.
    pub(super) fn ready(
        &self,
        stat: Stat,
        bytes: &[u8],
        facts: Facts,
        fields: &HeaderMap,
    ) -> Option<Ready> {
        let mut fields = fields.clone();
        on_each(&mut fields, !self.settings.codings.is_empty());
        Ready::new(stat, bytes, facts, fields)
    }

    pub(super) fn keep(&self, path: &[u8], coding: Coding, ready: Option<Ready>) {
        if let (Some(cache), Some(ready)) = (self.cache(), ready) {
            cache.keep(self.settings, path, coding, ready, self.want.now);
        }
    }

    /// Whether what is told of a version now is told of it later, to everybody.
    pub(super) fn is_lasting(&self, handle: &Handle, standing: Standing, wanted: Wanted) -> bool {
        // What is mounted below the root is not kept: a glance at it may take any time.
        standing == Standing::Settled
            && handle.place() != Place::Elsewhere
            && wanted == Wanted::default()
            && !dates::is_ahead(&handle.stat().identity, self.want.now)
    }

    /// Whether a file of this length and age is kept in memory.
    pub(super) fn takes(&self, stat: &Stat) -> bool {
        let (age, settle) = self.ages(stat);
        self.cache().is_some_and(|cache| cache.takes(stat.identity.size, age, settle))
    }

    /// Whether a file of which the kernel sends what is not read is kept open.
    pub(super) fn stays_open(&self, stat: &Stat) -> bool {
        let (age, settle) = self.ages(stat);
        // Where open files are counted, they are those that somebody is sent.
        self.want.takes_open()
            && self.settings.bound.is_none()
            && self.cache().is_some_and(|cache| cache.takes_open(age, settle))
    }

    /// How long ago a file was changed, and how long ago that has to be.
    fn ages(&self, stat: &Stat) -> (Duration, Duration) {
        (dates::age(stat, self.want.now), self.settings.settle_of(&stat.identity))
    }
}
