//! The validators of an answer: the tag and the date that go out, and that conditions hold against.

use std::time::SystemTime;

use crate::answer::facts::Facts;
use crate::field::date::Date;
use crate::field::etag::EntityTag;

/// What a version is known by, at the time of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    pub(crate) tag: Option<EntityTag>,
    /// Never later than `now`.
    pub(crate) modified: Option<Date>,
    /// Until when there may have been another version, one of a later date too.
    pub(crate) placed: Option<Date>,
    /// Whether another version may have had `modified`.
    pub(crate) is_date_shared: bool,
    /// `modified` proves as much as a strong tag.
    pub(crate) date_is_strong: bool,
    /// Whether a condition may hold against the tag.
    pub(crate) comparable: bool,
    pub(crate) now: Date,
}

impl Validators {
    pub(crate) fn of(facts: &Facts, now: SystemTime) -> Self {
        let now = Date::of(now);
        let tag = facts.tag.as_ref().map(|tag| {
            let tag = tag.coded(facts.coding);
            if facts.settled { tag } else { tag.weakened() }
        });
        // RFC 9110, section 8.8.2.1: not later than the answer's own date. A date that cannot be
        // told is not known to anybody.
        let modified = facts
            .last_modified
            .map(|time| Date::of(time).min(now))
            .filter(|date| date.can_be_told());
        // RFC 9110, section 8.8.2.2: in the second of a change there may come another one.
        let date_is_strong =
            facts.settled && modified.is_some_and(|date| date.seconds_before(now) >= 1);
        let placed = facts.placed.map(Date::of);
        let (is_date_shared, comparable) = (facts.is_date_shared, facts.comparable);
        Self { tag, modified, placed, is_date_shared, date_is_strong, comparable, now }
    }
}
